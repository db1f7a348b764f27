// Errand: the process manager that laws use, under a new name each time, and what it wrote and sent.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { EventStore } from "evolvent/EventStore"
import * as ProcessManager from "evolvent/ProcessManager"
import * as Processor from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import * as Running from "./Running.ts"

const amount = { amount: Schema.Int }
const event = Schema.TaggedUnion({ Noted: amount, Asked: amount, Refused: amount, Rang: amount })
const state = Schema.Struct({ count: Schema.Int, sum: Schema.Int })
const deadline = Schema.TaggedUnion({ Due: amount })

type Event = typeof event.Type

/** The options of {@link make}. */
export interface Options {
  /** What a deposit leads to: the same deposit, one of the sum of all so far, or a deadline, in milliseconds, or several. */
  readonly deposits?: "each" | "sums" | { readonly deadline: number; readonly times?: number }
  /** How many milliseconds later a withdrawal follows; at once unless given. */
  readonly withdrawsAfter?: number
  readonly onInput?: (amount: number) => void
  readonly onDeadline?: (amount: number) => void
}

const define = (name: string, source: Account.Account, target: Account.Account, options: Options) =>
  ProcessManager.make(name, {
    observes: [source],
    correlate: ({ streamId }) => streamId,
    event,
    state,
    initial: { count: 0, sum: 0 },
    deadline
  })({
    decide: {
      Deposited: ({ amount }) => {
        options.onInput?.(amount)
        return [{ _tag: "Noted", amount }]
      },
      Withdrawn: ({ amount }) => [{ _tag: "Asked", amount }]
    },
    deadline: {
      Due: ({ amount }) => {
        options.onDeadline?.(amount)
        return [{ _tag: "Rang", amount }]
      }
    },
    evolve: ({ count, sum }, { amount }) => ({ count: count + 1, sum: sum + amount }),
    dispatch: {
      Noted: ({ amount }, { sum }, { id }) => {
        const { deposits = "each" } = options
        if (typeof deposits === "object") {
          const due = ProcessManager.deadline({ _tag: "Due", amount }, { after: deposits.deadline })
          return Array.from({ length: deposits.times ?? 1 }, () => due)
        }
        const sent = Account.deposit(deposits === "each" ? amount : sum)
        return [Aggregate.command(target, id, sent, { rejected: (): ReadonlyArray<Event> => [] })]
      },
      Asked: ({ amount }, _, { id }) => [
        Aggregate.command(target, id, Account.withdraw(amount), {
          after: options.withdrawsAfter ?? 0,
          rejected: () => [{ _tag: "Refused", amount }]
        })
      ]
    }
  })

/** A manager that repeats on one account what happens on another, with both accounts; the streams' ids are the same. */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const source = yield* Account.make()
  const target = yield* Account.make()
  const manager = define(yield* Fresh.name("Errand"), source, target, options)
  /** The same again, as another version of the code has it. */
  const changed = (other: Options) => define(manager.name, source, target, other)

  /** What happens on the first account: deposits, and withdrawals where the amount is negative. */
  const write = Effect.fnUntraced(function* (id: string, amounts: ReadonlyArray<number>) {
    const store = yield* EventStore
    for (const amount of amounts) {
      const type = amount < 0 ? "Withdrawn" : "Deposited"
      yield* store.append(StreamName.make(source.name, id), [{ type, data: { amount: Math.abs(amount) } }])
    }
  })

  return { source, target, manager, changed, write }
})

/** A manager with its accounts. */
export type Errand = Effect.Success<ReturnType<typeof make>>

const texts = (category: string, id: string) =>
  Effect.map(Contents.ofStream(StreamName.make(category, id)), (events) =>
    events.map(({ data, type }) => `${type} ${(data as { readonly amount: number }).amount}`)
  )

/** A process's own events, in words. */
export const own = ({ manager }: Errand, id: string) => texts(manager.name, id)

/** What its commands led to, in words. */
export const sent = ({ target }: Errand, id: string) => texts(target.name, id)

/** Runs the manager; in one part, unless in more. */
export const run = ({ manager }: Pick<Errand, "manager">, options?: Processor.RunOptions<never>) =>
  Running.start(Processor.manager(manager), { partitions: 1, ...options })
