// crashProcess: a process of the crash test that is killed again and again: appends what is left, or keeps the read model.
import * as fs from "node:fs"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../../src/Postgres.ts"
import { eventOf, streamOf, Totals } from "./crashDomain.ts"

/** What the process is to do. */
export interface Task {
  readonly role: "client" | "projection"
  readonly connection: PgClient.PgClientConfig
  /** Where acknowledged appends are written down: number, revision and position, a line each. */
  readonly journal: string
  /** How many appends there are in all. */
  readonly appends: number
}

const task = JSON.parse(process.argv[2] ?? "{}") as Task
process.on("disconnect", () => process.exit(0))

/** The numbers that were acknowledged so far, to whichever process. */
const acknowledged = (): ReadonlySet<number> =>
  new Set(
    fs
      .readFileSync(task.journal, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => Number(line.split(" ")[0]))
  )

const append = Effect.gen(function* () {
  const store = yield* EventStore
  const done = acknowledged()
  const left = Array.from({ length: task.appends }, (_, n) => n).filter((n) => !done.has(n))
  const out = fs.openSync(task.journal, "a")
  yield* Effect.forEach(
    left,
    (n) =>
      store.append(streamOf(n), [eventOf(n)]).pipe(
        // The same ids again, for as long as it takes.
        Effect.retry({
          while: (error) => error._tag === "EventStoreError" && error.isRetryable,
          schedule: Schedule.spaced(50)
        }),
        Effect.map(({ position, revision }) => fs.writeSync(out, `${n} ${revision} ${position}\n`))
      ),
    { concurrency: 32, discard: true }
  )
})

const store = Postgres.layerFrom({ pollInterval: "200 millis" }).pipe(
  Layer.provideMerge(PgClient.layer({ ...task.connection, maxConnections: 8 }))
)
const program =
  task.role === "client"
    ? Effect.provide(append, store)
    : Layer.launch(Layer.provide(Processor.layer(Processor.projection(Totals), { lease: "500 millis" }), store))
// It may have been started while the server was away.
await Effect.runPromise(Effect.retry(program, Schedule.spaced("100 millis")))
process.exit(0)
