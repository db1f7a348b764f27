// Account: the aggregate that the laws of executing and processing use, under a new name each time.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Fresh from "./Fresh.ts"

/** Refuses a withdrawal. */
export class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", { balance: Schema.Number }) {}

/** Counts how often the aggregate was asked. */
export interface Asked {
  decide: number
}

const command = Schema.TaggedUnion({
  Deposit: { amount: Schema.Int },
  Withdraw: { amount: Schema.Int },
  DepositEach: { amounts: Schema.Array(Schema.Int) },
  Touch: {}
})
const event = Schema.TaggedUnion({ Deposited: { amount: Schema.Int }, Withdrawn: { amount: Schema.Int } })
const state = Schema.Struct({ balance: Schema.Int, count: Schema.Int })

/** The options of {@link make}. */
export interface Options {
  readonly stateVersion?: number
  readonly asked?: Asked
}

/** An account under a name: deposits, withdrawals up to the balance, and a command that does nothing. */
export const named = (name: string, { asked, ...options }: Options = {}) => {
  const ask = () => {
    if (asked !== undefined) asked.decide += 1
  }
  return Aggregate.make(name, { command, event, state, initial: { balance: 0, count: 0 }, ...options })({
    decide: {
      Deposit: ({ amount }) => {
        ask()
        return [{ _tag: "Deposited", amount }]
      },
      Withdraw: ({ amount }, { balance }) => {
        ask()
        return amount > balance ? Result.fail(new Overdrawn({ balance })) : [{ _tag: "Withdrawn", amount }]
      },
      DepositEach: ({ amounts }) => amounts.map((amount) => ({ _tag: "Deposited", amount }) as const),
      Touch: () => {
        ask()
        return []
      }
    },
    evolve: {
      Deposited: ({ balance, count }, { amount }) => ({ balance: balance + amount, count: count + 1 }),
      Withdrawn: ({ balance, count }, { amount }) => ({ balance: balance - amount, count: count + 1 })
    }
  })
}

/** The type of all these aggregates. */
export type Account = ReturnType<typeof named>

/** An account under a new name. */
export const make = (options?: Options): Effect.Effect<Account> =>
  Effect.map(Fresh.name("Account"), (name) => named(name, options))

/** The commands. */
export const deposit = (amount: number) => ({ _tag: "Deposit", amount }) as const
export const withdraw = (amount: number) => ({ _tag: "Withdraw", amount }) as const
export const touch = { _tag: "Touch" } as const
