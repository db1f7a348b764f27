// Transfers as a program: who asks for one waits for its answer. What it runs on comes from the environment.
import { Console, Effect, Layer, Option, Stream } from "effect"
import { Aggregate, Processor, ReadModel } from "evolvent"
import { Account, Request, Transfer } from "./domain.ts"
import { Outcomes } from "./projections.ts"

/** Runs the transfers and keeps the read model, as long as it lives. */
export const Transfers = Layer.merge(
  Processor.layer(Processor.manager(Transfer)),
  Processor.layer(Processor.projection(Outcomes))
)

export interface Money {
  readonly from: string
  readonly to: string
  readonly amount: number
}

/** Asks for a transfer, once however often it is asked for, and waits for what comes of it: "done", or why not. */
export const transfer = Effect.fn("transfer")(function* (id: string, money: Money) {
  yield* Aggregate.execute(Request, id, { _tag: "Ask", ...money }, { commandId: "ask" })
  const answer = yield* ReadModel.changes(Outcomes, id).pipe(
    Stream.map(({ row }) => row?.outcome),
    Stream.filter((outcome) => outcome !== undefined),
    Stream.runHead
  )
  return Option.getOrElse(answer, () => "unanswered")
})

/** Opens an account; one that is open stays as it is. */
export const open = (id: string, balance: number) => Aggregate.execute(Account, id, { _tag: "Open", balance })

export const balanceOf = (id: string) => Effect.map(Aggregate.load(Account, id), ({ state }) => state.balance)

export const story = Effect.gen(function* () {
  yield* open("ada", 100)
  yield* open("bob", 20)
  const asked = [
    { from: "ada", to: "bob", amount: 60 },
    { from: "ada", to: "bob", amount: 500 },
    // Eve has no account: the money is taken, and given back.
    { from: "ada", to: "eve", amount: 30 }
  ]
  for (const [index, money] of asked.entries()) {
    const outcome = yield* transfer(`t-${index + 1}`, money)
    yield* Console.log(`${money.amount} from ${money.from} to ${money.to}: ${outcome}`)
  }
  yield* Console.log(`Ada has ${yield* balanceOf("ada")}, Bob has ${yield* balanceOf("bob")}.`)
})
