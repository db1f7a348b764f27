// worker: one process of the soak: it keeps the read model, rebuilds it, reads it, or writes events.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import * as Postgres from "../../src/Postgres.ts"
import * as forked from "../forked.ts"
import * as randoms from "../random.ts"
import { Counter, counts, marks } from "./domain.ts"
import * as reader from "./reader.ts"

/** What a process is to do. */
export interface Task {
  readonly name: string
  readonly role: "keeper" | "rebuilder" | "reader" | "writer"
  readonly seed: string
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly username: string
  }
  readonly counters: number
  /** So many milliseconds each batch of rows takes longer: so that even a small rebuild has a middle. */
  readonly slow: number
}

/** What a process is told. */
export type Order = "stop"

/** What a process reports. */
export type Report =
  | {
      readonly _tag: "Progress"
      readonly progress: Pick<Processor.RebuildProgress, "phase" | "done" | "total" | "rate">
    }
  | { readonly _tag: "Rebuilt"; readonly memory: number }
  | { readonly _tag: "Seen"; readonly seen: reader.Seen }
  | { readonly _tag: "Written"; readonly events: number; readonly slowest: number; readonly isOver: boolean }

const { connection, counters, name, role, seed, slow } = forked.task<Task>()
let wasStopped = false
const isOver = () => wasStopped
forked.hear<Order>(() => {
  wasStopped = true
})
const random = randoms.make(`${seed} ${name}`)
const writers = 4
const readers = 3

const keep = Processor.run(Processor.projection(counts(marks.old)), { partitions: 2, lease: "2 seconds" })

const rebuild = Effect.gen(function* () {
  const rows = yield* ReadModelStore
  const slower = ReadModelStore.of({
    ...rows,
    apply: (table, some) => Effect.andThen(Effect.sleep(slow), rows.apply(table, some))
  })
  const progress = Processor.rebuild(counts(marks.new), { partitions: 2, every: "100 millis" })
  let memory = 0
  yield* Stream.provideService(progress, ReadModelStore, slow > 0 ? slower : rows).pipe(
    Stream.runForEach(({ done, phase, rate, total }) =>
      Effect.sync(() => {
        memory = Math.max(memory, process.memoryUsage.rss())
        forked.tell<Report>({ _tag: "Progress", progress: { done, phase, rate, total } })
      })
    )
  )
  forked.tell<Report>({ _tag: "Rebuilt", memory })
  yield* Effect.never
})

const read = Effect.gen(function* () {
  const seen = reader.nothing()
  const report = Effect.andThen(
    Effect.sleep(200),
    Effect.sync(() => forked.tell<Report>({ _tag: "Seen", seen }))
  )
  const all = Array.from({ length: readers }, () => reader.run(random, counters, seen))
  yield* Effect.all([...all, Effect.forever(report)], { concurrency: "unbounded" })
})

const write = Effect.gen(function* () {
  const store = yield* EventStore
  let events = 0
  let slowest = 0
  const tell = () => forked.tell<Report>({ _tag: "Written", events, slowest, isOver: isOver() })
  const turn = Effect.gen(function* () {
    while (!isOver()) {
      const began = performance.now()
      const data = { n: random.between(1, 100) }
      yield* store.append(StreamName.make(Counter.name, String(random.between(0, counters - 1))), [
        { type: "Added", data }
      ])
      events += 1
      slowest = Math.max(slowest, performance.now() - began)
      yield* Effect.sleep(5)
    }
  })
  const telling = setInterval(tell, 200)
  yield* Effect.all(
    Array.from({ length: writers }, () => turn),
    { concurrency: "unbounded" }
  )
  clearInterval(telling)
  tell()
  yield* Effect.never
})

const work: Effect.Effect<unknown, unknown, Postgres.Services> = {
  keeper: keep,
  rebuilder: rebuild,
  reader: read,
  writer: write
}[role]
const client = PgClient.layer({ ...connection, applicationName: name, maxConnections: 6 })
const program = Effect.andThen(
  Effect.sync(() => forked.tell({ _tag: "Ready" })),
  work
).pipe(
  Effect.provide(Layer.provideMerge(Postgres.layerFrom(), client)),
  Effect.provide(Logger.layer([])),
  Effect.tapCause((cause) => Effect.sync(() => forked.tell({ _tag: "Failed", problem: String(cause) })))
)
await Effect.runPromise(program)
