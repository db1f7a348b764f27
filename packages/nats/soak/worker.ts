// worker: one process of the soak: it writes to the store and the bus, or reads from both and holds leases.
import * as path from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import { Bus } from "evolvent/Bus"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Nats from "../src/Nats.ts"
import * as busWriter from "./busWriter.ts"
import * as eventWriter from "./eventWriter.ts"
import * as forked from "./forked.ts"
import * as groups from "./groups.ts"
import { open, type Planned, type WriterLine } from "./journal.ts"
import * as leases from "./leases.ts"
import * as randoms from "./random.ts"
import * as readers from "./readers.ts"

/** How many writers and publishers a writing process has. */
const writers = 8
const publishers = 3

// Groups handle their messages one by one, which takes longer than publishing them.
const busPace = 6

const task = forked.task()
const { folder, name, pace, place, prefix, replicas, role, seed, servers } = task
const isStopped = forked.hearStop()

const write = Effect.gen(function* () {
  const store = yield* EventStore
  const bus = yield* Bus
  const lines = open<WriterLine>(path.join(folder, `writer ${name}.ndjson`))
  let op = 0
  const done: Array<Planned> = []
  const shared = { store, write: lines, seed, isStopped, nextOp: () => op++, told: new Map<string, number>(), done }
  const goOn = (operation: Effect.Effect<unknown>, random: randoms.Random, pause: number): Effect.Effect<void> =>
    Effect.gen(function* () {
      while (!isStopped()) {
        yield* operation
        yield* Effect.sleep(random.between(0, pause))
      }
    })
  const writer = (i: number) => {
    const random = randoms.make(`${seed} ${name} ${i}`)
    return goOn(eventWriter.make(shared, random), random, pace)
  }
  const publisher = (i: number) => {
    const random = randoms.make(`${seed} ${name} bus ${i}`)
    return goOn(busWriter.make(bus, lines, isStopped, `${name}/${i}`, random), random, busPace * pace)
  }
  forked.tell({ _tag: "Ready" })
  yield* Effect.all(
    [
      ...Array.from({ length: writers }, (_, i) => writer(i)),
      ...Array.from({ length: publishers }, (_, i) => publisher(i))
    ],
    { concurrency: "unbounded", discard: true }
  )
})

const read = Effect.gen(function* () {
  const store = yield* EventStore
  const bus = yield* Bus
  const checkpoints = yield* CheckpointStore
  const random = randoms.make(`${seed} ${name}`)
  const passed: Record<string, number> = {}
  let handled: Record<string, number> = {}
  const reading = (readers.readers[place] ?? []).map((reader) =>
    readers.run(reader, store, folder, random, (position) => {
      passed[reader.name] = position
    })
  )
  const handling = groups.run(bus, groups.fileOf(folder, name), random, (group, key, n) => {
    handled[`${group} ${key}`] = n
  })
  const report = Effect.andThen(
    Effect.sleep(200),
    Effect.sync(() => {
      forked.tell({ _tag: "Passed", readers: passed, groups: handled })
      handled = {}
    })
  )
  forked.tell({ _tag: "Ready" })
  const holding = leases.run(checkpoints, leases.fileOf(folder, name), name, random)
  yield* Effect.all([...reading, handling, holding, Effect.forever(report)], { concurrency: "unbounded" })
})

const program = Effect.provide(
  role === "reader" ? read : write,
  Nats.layer({ servers, prefix, replicas, name: `soak ${name}`, requestTimeout: "2 seconds" })
).pipe(
  // It may have been started while the server was away.
  Effect.retry({
    while: ({ _tag }) => _tag !== "StreamUnusable" && _tag !== "InvalidOption",
    schedule: Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(150)])
  }),
  Effect.provide(Logger.layer([]))
)
const exit = await Effect.runPromiseExit(program)
if (Exit.isFailure(exit)) console.error(Cause.pretty(exit.cause))
process.exit(Exit.isFailure(exit) ? 1 : 0)
