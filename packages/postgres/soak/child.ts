// child: one process of the soak; its argument says whether it writes by the layer, writes by hand, or reads.
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import { EventStore } from "evolvent/EventStore"
import * as Postgres from "../src/Postgres.ts"
import * as gates from "./gate.ts"
import { open, type WriterLine } from "./journal.ts"
import * as layerWriter from "./layerWriter.ts"
import * as randoms from "./random.ts"
import * as rawWriter from "./rawWriter.ts"
import * as readers from "./readers.ts"

/** What a process of the soak is to do. */
export interface Task {
  readonly role: "layer" | "raw" | "reader"
  /** Names its journal and its chances. */
  readonly name: string
  readonly seed: string
  /** The server's socket, which needs no password. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly username: string
  }
  readonly folder: string
  /** How many writers, or which readers. */
  readonly count: number
}

const task = JSON.parse(process.argv[2] ?? "{}") as Task
const gate = gates.make()

const client = PgClient.layer({
  ...task.connection,
  applicationName: `soak ${task.role}`,
  maxConnections: task.role === "raw" ? task.count : 12,
  connectTimeout: "5 seconds"
})

const storesOf = Effect.gen(function* () {
  // The second process of readers looks often, so that it sees what a crash takes back.
  const often = task.role === "reader" && task.count === 1 ? { pollInterval: "50 millis" as const } : {}
  const build = (schema: string) =>
    Effect.map(Layer.build(Postgres.layerFrom({ schema, ...often })), Context.get(EventStore))
  return { one: yield* build("one"), two: yield* build("two") }
})

const write = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const lines = open<WriterLine>(path.join(task.folder, `writer ${task.name}.ndjson`))
  let op = 0
  const shared = { sql, write: lines, seed: task.seed, nextOp: () => op++, told: new Map<string, number>(), done: [] }
  const stores = task.role === "layer" ? yield* storesOf : undefined
  const writer = (i: number): Effect.Effect<void> => {
    const random = randoms.make(`${task.seed} ${task.name} ${i}`)
    const operation =
      stores === undefined ? rawWriter.make(shared, random) : layerWriter.make({ ...shared, stores }, random)
    const turn: Effect.Effect<void> = Effect.flatMap(gate.through(operation), (goesOn) =>
      goesOn ? Effect.andThen(Effect.sleep(random.between(0, 12)), turn) : Effect.void
    )
    return turn
  }
  gates.tell({ _tag: "Ready" })
  yield* Effect.all(
    Array.from({ length: task.count }, (_, i) => writer(i)),
    { concurrency: "unbounded" }
  )
})

const read = Effect.gen(function* () {
  const stores = yield* storesOf
  const passed: Record<string, number> = {}
  const all = (readers.readers[task.count] ?? []).map((reader) =>
    readers.run(reader, stores[reader.store], task.folder, (position) => {
      passed[reader.name] = position
    })
  )
  const report = Effect.andThen(
    Effect.sleep(100),
    Effect.sync(() => gates.tell({ _tag: "Passed", passed }))
  )
  gates.tell({ _tag: "Ready" })
  yield* Effect.all([...all, Effect.forever(report)], { concurrency: "unbounded" })
})

const program = Effect.scoped(Effect.provide(task.role === "reader" ? read : write, client)).pipe(
  // It may have been started while the server was away.
  Effect.retry(Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(150)])),
  Effect.provide(Logger.layer([]))
)
await Effect.runPromise(program)
process.exit(0)
