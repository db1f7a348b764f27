// One replay of a million events from a generator Stream, alone in its process, that tells its peak memory.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import type { Recorded } from "evolvent/EventData"
import * as EventId from "evolvent/EventId"
import * as Metadata from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import * as Projection from "evolvent/Projection"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { Balances, Counter, eventAt } from "./counter.ts"

const count = 1_000_000
const keys = 1000
// Small enough that a chunk is gone before the next young collection. Of larger ones so much survives that V8 begins to
// allocate events in its old heap at once, and what the peak is then depends on when it next looks there.
const chunkSize = 128
const id = EventId.make("0198c2a4-7d3e-7abc-8def-0123456789ab")
const recordedAt = DateTime.makeUnsafe(0)

const recorded = function* (events: number): Generator<Recorded> {
  for (let n = 0; n < events; n++) {
    const { _tag: type, ...data } = eventAt(n)
    const streamId = String(n % keys)
    yield {
      id,
      stream: StreamName.make("Counter", streamId),
      category: "Counter",
      streamId,
      revision: Revision.make(Math.floor(n / keys)),
      position: Position.make(n + 1),
      type,
      schemaVersion: 1,
      data,
      metadata: Metadata.empty,
      recordedAt
    }
  }
}

const pure = function* (events: number) {
  for (let n = 0; n < events; n++) yield eventAt(n)
}

const replay = (what: string | undefined, events: number): Effect.Effect<unknown, unknown> =>
  what === "project"
    ? Projection.fold(Balances, Stream.fromIterable(recorded(events), { chunkSize }))
    : Stream.runFold(
        Stream.fromIterable(pure(events), { chunkSize }),
        () => Counter.initial,
        (state, event) => Aggregate.evolve(Counter, state, event)
      )

const what = process.argv[2]
await Effect.runPromise(replay(what, 10_000))
globalThis.gc?.()
const idle = process.memoryUsage().rss
const start = performance.now()
await Effect.runPromise(replay(what, count))
const seconds = (performance.now() - start) / 1000
// maxRSS is in kibibytes and covers the whole life of the process.
console.log(JSON.stringify({ events: count, idle, peak: process.resourceUsage().maxRSS * 1024, seconds }))
