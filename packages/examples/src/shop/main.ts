// `pnpm shop`: the shop on a port, on PostgreSQL; `--port` starts another instance beside it, `--nats` has NATS told.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import type { EmbeddedPostgresError } from "@evolvent/embedded-postgres/EmbeddedPostgresError"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import type { NatsServerError } from "@evolvent/nats-server/NatsServerError"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { ServeError } from "effect/http/HttpServerError"
import { bold, dim } from "../demo/print.ts"
import * as OnNats from "../onNats.ts"
import * as OnPostgres from "../onPostgres.ts"
import { freePort } from "../relay/processes.ts"
import { StorageUnusable } from "../storageUnusable.ts"
import { Processors } from "./app.ts"
import { linesOf } from "./lines.ts"
import * as Server from "./server.ts"

/** The address in a variable, if there is one. */
const given = (variable: string) =>
  Effect.map(Effect.orDie(Config.option(Config.Redacted(variable))), (url) =>
    Option.getOrUndefined(Option.filter(url, (text) => Redacted.value(text).trim() !== ""))
  )

const unusable = (cause: EmbeddedPostgresError | NatsServerError) =>
  new StorageUnusable({ problem: cause.reason.message.replaceAll("dataDir", "--data-dir"), cause })

/** The database: that of DATABASE_URL, or one of its own that other instances can share. */
const database = Effect.fnUntraced(function* (dataDir: string | undefined) {
  const url = dataDir === undefined ? yield* given("DATABASE_URL") : undefined
  if (url !== undefined) return { url, isOwn: false }
  const folder = dataDir ?? join(import.meta.dirname, "../../../../.evolvent/shop")
  const server = yield* Effect.mapError(EmbeddedPostgres.start({ dataDir: folder, port: yield* freePort }), unusable)
  return { url: server.url, isOwn: true }
})

/** The bus on the NATS server of NATS_URL, or on one that lives as long as this; without either, PostgreSQL has the bus. */
const bus = Effect.fnUntraced(function* (nats: boolean) {
  const url = yield* given("NATS_URL")
  if (url !== undefined) return { url, isOwn: false }
  if (!nats) return undefined
  const server = yield* Effect.mapError(NatsServer.make(), unusable)
  return { url: Redacted.make(server.url), isOwn: true }
})

/** What can be asked of it now: the lines of the README, for this port. */
const lines = (port: number) =>
  Effect.map(
    Effect.promise(() => readFile(join(import.meta.dirname, "README.md"), "utf8")),
    (text) => linesOf(text).map((line) => `  ${line.replaceAll("localhost:8080", `localhost:${port}`)}`)
  )

interface Choice {
  readonly port: number
  readonly nats: boolean
  readonly dataDir: string | undefined
  readonly fresh: boolean
}

const shop = Effect.fnUntraced(function* ({ dataDir, fresh, nats, port }: Choice) {
  const postgres = yield* database(dataDir)
  const told = yield* bus(nats)
  const store = OnPostgres.layer("shop", { _tag: "Server", url: postgres.url }, fresh)
  const storage = told === undefined ? store : Layer.provideMerge(OnNats.busLayer("shop", told.url), store)
  const inUse = ({ cause }: ServeError) =>
    new StorageUnusable({ problem: `Port ${port} cannot be used: ${String(cause)}. Choose another by --port.`, cause })
  const live = Server.layer(port).pipe(
    Layer.provide(Processors),
    Layer.provide(storage),
    Layer.catchTag("ServeError", (error) => Layer.effectDiscard(Effect.fail(inUse(error))))
  )
  yield* Layer.build(live)
  // Of what was given by a variable, others have that variable.
  const variables = [
    ...(postgres.isOwn ? [`DATABASE_URL='${Redacted.value(postgres.url)}' `] : []),
    ...(told?.isOwn === true ? [`NATS_URL='${Redacted.value(told.url)}' `] : [])
  ].join("")
  yield* Console.log(`${bold("shop")}: http://localhost:${port}, process ${process.pid}. Ctrl+C ends it.\n`)
  yield* Console.log((yield* lines(port)).join("\n"))
  yield* Console.log(dim(`\nAnother instance:\n  ${variables}npx pnpm@12.18.0 shop --port ${port + 1}`))
  yield* Console.log(dim("The code: packages/examples/src/shop."))
  return yield* Effect.never
})

const command = Command.make(
  "shop",
  {
    port: Flag.Int("port").pipe(
      Flag.withDescription("Where it listens, on 127.0.0.1"),
      Flag.filter(
        (port) => port >= 1 && port <= 65_535,
        (port) => `Expected a port from 1 to 65535, but ${port} was given.`
      ),
      Flag.withDefault(8080)
    ),
    nats: Flag.Boolean("nats").pipe(
      Flag.withDescription("Tell the NATS server of NATS_URL, or a new one, what becomes of orders and transfers"),
      Flag.withDefault(false)
    ),
    dataDir: Flag.Path("data-dir").pipe(
      Flag.withDescription("The folder in which a PostgreSQL of its own keeps the data, whatever DATABASE_URL says"),
      Flag.withDefault(undefined)
    ),
    fresh: Flag.Boolean("fresh").pipe(
      Flag.withDescription("Forget what earlier runs have stored: the shop's schema is dropped, and made anew"),
      Flag.withDefault(false)
    )
  },
  (choice) => Effect.scoped(shop(choice))
).pipe(Command.withDescription("Accounts, orders and transfers as a service that one can curl"))

// Logs go to standard error: standard output is for people.
Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide([NodeServices.layer, Layer.succeed(Logger.LogToStderr, true)]),
  NodeRuntime.runMain
)
