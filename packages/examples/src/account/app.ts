// The account as a program. What it runs on comes from the environment: here it is memory.
import { Console, Effect, Layer } from "effect"
import { Aggregate, Processor, ReadModel } from "evolvent"
import { Account } from "./domain.ts"
import { Balances, Statement } from "./projections.ts"

export const ReadModels = Layer.merge(
  Processor.layer(Processor.projection(Balances)),
  Processor.layer(Processor.projection(Statement))
)

export const story = Effect.gen(function* () {
  yield* Aggregate.execute(Account, "7", { _tag: "Open", owner: "Ada" }, { commandId: "open-7" })
  const deposit = { _tag: "Deposit", amount: 100 } as const
  const { position } = yield* Aggregate.execute(Account, "7", deposit, { commandId: "payment-1" })
  const withdraw = Aggregate.execute(Account, "7", { _tag: "Withdraw", amount: 500 })
  yield* Effect.catchTag(withdraw, "NotEnough", ({ balance }) => Console.log(`Refused: the balance is ${balance}.`))
  yield* Processor.waitFor(Balances, position)
  yield* Console.log(yield* ReadModel.get(Balances, "7"))
})
