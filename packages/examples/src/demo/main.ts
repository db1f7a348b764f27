// `pnpm demo`: the whole story in one run, on PostgreSQL or `--nats`; `pnpm demo <files or folders>` with your invoices.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Storage from "../storage.ts"
import { accounts } from "./accounts.ts"
import { ordersOf, sampleOrders } from "./orders.ts"
import { bold, dim } from "./print.ts"
import * as Remote from "./remote.ts"

const storyOf = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  if (paths.length > 0) return yield* ordersOf(paths)
  yield* Effect.provide(accounts, Remote.eventStore)
  yield* Effect.provide(sampleOrders, Remote.checkpointStore)
})

const demo = Command.make(
  "demo",
  {
    ...Storage.flags,
    nats: Flag.Boolean("nats").pipe(Flag.withDescription("The same as --store nats"), Flag.withDefault(false)),
    paths: Argument.String("path").pipe(
      Argument.withDescription("CSV files of invoices, or folders of them, to show instead of the story"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* ({ nats, paths, ...flags }) {
    const choice: Storage.Choice = nats ? { ...flags, store: "nats" } : flags
    // A report of somebody's invoices has nothing of the story's in it.
    const name = paths.length === 0 ? "demo" : "demo_invoices"
    const where = yield* Storage.inPlace(name, choice)
    yield* Console.log(
      `${bold("evolvent")}: state is a fold of a log, a decision is a pure function, storage is a Layer.`
    )
    yield* Console.log(dim(`This runs ${where}.`))
    yield* storyOf(paths).pipe(Effect.provide(Storage.layer(name, choice)))
    const again = choice.store === "memory" ? "" : " Run it again: all of it is still there, until you say --fresh."
    yield* Console.log(
      `\n${dim(`All of this ran ${where}.${again}\nThe code: packages/examples/src/{account,retail,demo}.`)}`
    )
  })
).pipe(Command.withDescription("A bank and a shop: a conflict, a rejection, time travel, read models, a report"))

Command.run(demo, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
