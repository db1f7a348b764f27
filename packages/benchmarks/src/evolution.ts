// bench evolution: what snapshots, upcasters and kept states cost or save, each against the same without.
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import type { Json } from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { EventStore } from "evolvent/EventStore"
import type { Revision } from "evolvent/Revision"
import { CurrentPolicy, SnapshotStore } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import { loadavg } from "node:os"
import { progress } from "./contest.ts"
import type { Context } from "./contest.ts"
import { compare } from "./measure.ts"
import { AgedMeter, Meter, note } from "./meter.ts"
import { start } from "./peers/stopwatch.ts"
import { measured, median, ratios, spreadOf } from "./rounds.ts"
import type { Measured } from "./rounds.ts"
import { grouped, perSecond, print } from "./table.ts"
import type { Row } from "./table.ts"

const makeRuntime = (url: string) =>
  ManagedRuntime.make(Postgres.layer({ url: Redacted.make(url), maxConnections: 10 }))

type Run = <A, E>(effect: Effect.Effect<A, E, EventStore | SnapshotStore>) => Promise<A>

const eventOf = (value: number) => {
  const [{ _tag: type, ...data }] = note({ value }) as readonly [ReturnType<typeof note>[number]]
  return { type, data }
}

/** An event in a conversation of its own, as one of a command's is. */
const carried = (event: ReturnType<typeof eventOf>) => ({
  ...event,
  metadata: { correlationId: crypto.randomUUID() }
})

const streamOf = (id: string) => StreamName.make(Meter.name, id)

/** The rounds of two contenders in turn, each of them first as often as the other; one of each before is not counted. */
const inTurn = async (
  rounds: number,
  ours: () => Promise<Measured>,
  theirs: () => Promise<Measured>
): Promise<readonly [ours: ReadonlyArray<Measured>, theirs: ReadonlyArray<Measured>]> => {
  const results: readonly [Array<Measured>, Array<Measured>] = [[], []]
  await ours()
  await theirs()
  for (let round = 0; round < rounds; round++) {
    const first = await (round % 2 === 0 ? ours : theirs)()
    const second = await (round % 2 === 0 ? theirs : ours)()
    results[0].push(round % 2 === 0 ? first : second)
    results[1].push(round % 2 === 0 ? second : first)
  }
  return results
}

const rateOf = (all: ReadonlyArray<Measured>): string => perSecond(median(all.map(({ rate }) => rate)))
const cpuOf = (all: ReadonlyArray<Measured>): string => median(all.map(({ cpuMicros }) => cpuMicros)).toFixed(0)

// Snapshots every 100 events, and as many behind the last of them as there ever are.
const every = 100
const long = 100_000
const tail = every - 1

const withSnapshots = Effect.provideService(CurrentPolicy, { of: [Meter], every })

/** Stores both streams; the long one gets its snapshot from a command, as every stream does. */
const seed = Effect.gen(function* () {
  const store = yield* EventStore
  const snapshots = yield* SnapshotStore
  const events = (count: number) => Array.from({ length: count }, (_, i) => eventOf(i))
  for (let stored = 0; stored < long - every; stored += every * 10) {
    yield* store.append(streamOf("long"), events(Math.min(every * 10, long - 1 - stored)))
  }
  yield* withSnapshots(Aggregate.execute(Meter, "long", { _tag: "Note", value: 1 }))
  for (let tries = 0; (yield* snapshots.load(streamOf("long"), Meter.codecs.fingerprint)) === undefined; tries++) {
    if (tries > 500) return yield* Effect.die(new Error("No snapshot was taken."))
    yield* Effect.sleep(10)
  }
  yield* store.append(streamOf("long"), events(tail))
  yield* store.append(streamOf("short"), events(every))
})

/** Loads a stream over and over. */
const loads = (id: string, count: number, seconds: number, how: typeof withSnapshots) =>
  Effect.gen(function* () {
    const watch = start(seconds)
    while (watch.isRunning()) {
      const began = performance.now()
      const { state } = yield* how(Aggregate.load(Meter, id))
      watch.done(began)
      if (state.readings !== count) return yield* Effect.die(new Error(`${id} has ${state.readings} readings.`))
    }
    return measured(watch.answer(0))
  })

/** The row of loading a long stream from a snapshot; less is better, so it is the time that is compared. */
const loading = async (context: Context, run: Run): Promise<Row> => {
  const { rounds, seconds } = context.options
  progress(`storing a stream of ${grouped(long)}`)
  await run(seed)
  progress(`load a stream of ${grouped(long)} events with snapshots`)
  const without = Effect.provideService(CurrentPolicy, undefined)
  const [ours, theirs] = await inTurn(
    rounds,
    () => run(loads("long", long + tail, seconds, withSnapshots)),
    () => run(loads("short", every, seconds, without))
  )
  const all = ratios(theirs, ours)
  const ratio = median(all)
  return {
    what: `load ${grouped(long + tail)} events, a snapshot every ${every}, ${tail} behind the last`,
    measured: rateOf(ours),
    against: `100 events, no snapshot ${rateOf(theirs)}`,
    ratio,
    spread: spreadOf(all),
    cpu: `${cpuOf(ours)} / ${cpuOf(theirs)}`,
    budget: "≤ 1.50× the time",
    met: ratio <= 1.5
  }
}

/** The row of decoding today's events with a history beside them. */
const decoding = async (): Promise<Row> => {
  progress("decode events of today")
  const size = 100_000
  const events = Array.from({ length: size }, (_, i) => eventOf(i))
  const decodeAll = ({ codecs }: Pick<typeof Meter, "codecs"> | Pick<typeof AgedMeter, "codecs">, version: number) => {
    let decoded = 0
    for (const { data, type } of events) {
      const result = codecs.event.decode(type, version, data as Json)
      if (result._tag === "Success") decoded += result.success.length
    }
    if (decoded !== size) throw new Error(`Of ${size} events ${decoded} were decoded.`)
  }
  const { ours, peer, ratio } = await compare(
    { name: "with a history", operations: size, round: () => decodeAll(AgedMeter, 3) },
    { name: "without", operations: size, round: () => decodeAll(Meter, 1) },
    15
  )
  return {
    what: "decode events of today, of types with two older versions",
    measured: perSecond(ours),
    against: `no upcaster ${perSecond(peer)}`,
    ratio,
    budget: "≥ 0.95×",
    met: ratio >= 0.95
  }
}

// As long as a stream gets before a caller goes to the next one: `append` does the same.
const aStream = 200
let streams = 0

/** Runs a caller's operations, each stream from its second event on: the first one makes it warm. */
const looping = (
  seconds: number,
  callers: number,
  next: (id: string) => Effect.Effect<Effect.Effect<unknown, Error, EventStore>, Error, EventStore>
) =>
  Effect.gen(function* () {
    const watch = start(seconds)
    const loop = Effect.gen(function* () {
      while (watch.isRunning()) {
        const one = yield* next(`warm${process.pid}x${streams++}`)
        for (let i = 0; i < aStream && watch.isRunning(); i++) {
          const began = performance.now()
          yield* one
          watch.done(began)
        }
      }
    })
    yield* Effect.all(
      Array.from({ length: callers }, () => loop),
      { concurrency: "unbounded", discard: true }
    )
    return measured(watch.answer(0))
  })

/** Appends what the commands append, metadata and all, each at the exact revision of the one before. */
const appending = (id: string) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = streamOf(id)
    let value = 0
    let revision: Revision | undefined
    const one = Effect.suspend(() =>
      Effect.map(
        store.append(stream, [carried(eventOf(value++))], { expected: revision ?? "noStream" }),
        (appended) => {
          revision = appended.revision
        }
      )
    )
    yield* one
    return one
  })

/** Executes commands on one entity. */
const executing = (id: string) => {
  let value = 0
  const one = Effect.suspend(() => Aggregate.execute(Meter, id, { _tag: "Note", value: value++ }))
  return Effect.as(one, one)
}

/** The row of warm commands against bare appends. */
const warm = async (context: Context, run: Run, callers: number): Promise<Row> => {
  const { rounds, seconds } = context.options
  const what = `warm execute, ${callers} caller${callers === 1 ? "" : "s"}`
  progress(what)
  const [ours, theirs] = await inTurn(
    rounds,
    () => run(Effect.provide(looping(seconds, callers, executing), Aggregate.layerCache())),
    () => run(looping(seconds, callers, appending))
  )
  const all = ratios(ours, theirs)
  const ratio = median(all)
  return {
    what,
    measured: rateOf(ours),
    against: `bare append ${rateOf(theirs)}`,
    ratio,
    spread: spreadOf(all),
    cpu: `${cpuOf(ours)} / ${cpuOf(theirs)}`,
    budget: "≥ 0.85×",
    met: ratio >= 0.85
  }
}

/** The rows of what changes over the years. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const database = await (await context.server()).create()
  const runtime = makeRuntime(database.url)
  const rows: Array<Row> = []
  try {
    rows.push(await loading(context, runtime.runPromise))
    for (const callers of [1, 16]) rows.push(await warm(context, runtime.runPromise, callers))
  } finally {
    await runtime.dispose()
    await database.drop()
  }
  rows.push(await decoding())
  const load = loadavg()[0] ?? 0
  print(
    `evolution: snapshots, kept states and upcasters, each against the same without (load average ${load.toFixed(1)})`,
    rows
  )
  return rows
}
