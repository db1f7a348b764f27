// `pnpm demo`: the whole story in one run, in memory; `pnpm demo <files or folders>` with your invoices instead.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer } from "effect"
import { Memory } from "evolvent"
import { accounts } from "./accounts.ts"
import { ordersOf, sampleOrders } from "./orders.ts"
import { bold, dim } from "./print.ts"
import * as Remote from "./remote.ts"

const paths = process.argv.slice(2)

const story = Effect.gen(function* () {
  yield* Console.log(
    `${bold("evolvent")}: state is a fold of a log, a decision is a pure function, storage is a Layer.`
  )
  yield* Effect.provide(accounts, Layer.provideMerge(Remote.eventStore, Memory.layer))
  yield* Effect.provide(sampleOrders, Layer.provideMerge(Remote.checkpointStore, Memory.layer))
  yield* Console.log(`\n${dim("All of this ran in memory. The code: packages/examples/src/{account,retail,demo}.")}`)
})

const demo = Effect.gen(function* () {
  if (paths.length === 0) return yield* story
  yield* Effect.provide(ordersOf(paths), Memory.layer)
})

demo.pipe(
  Effect.tapErrorTag("UnreadableFiles", ({ message }) => Console.error(message)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
