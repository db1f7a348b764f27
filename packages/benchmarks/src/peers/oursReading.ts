// How the peer "ours" reads everything: decoded in order, and as a replay whose memory is watched.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import { Ledger } from "../ledger.ts"
import type { MemoryUse, Replay } from "./protocol.ts"
import { start } from "./stopwatch.ts"

interface Seen {
  count: number
  sum: number
}

/** Decodes a page and adds it up. */
const see = (seen: Seen, page: ReadonlyArray<Recorded>): void => {
  const { decode } = Ledger.codecs.event
  for (const { data, position, type } of page) {
    const decoded = decode(type, data)
    if (Result.isFailure(decoded)) throw new Error(`The event at ${position} cannot be decoded: ${decoded.failure}`)
    seen.sum += decoded.success.amount
  }
  seen.count += page.length
}

const readInto = (seen: Seen, limit?: number): Effect.Effect<void, EventStoreError, EventStore> =>
  EventStore.use((store) =>
    Stream.runForEachArray(store.read(EventFilter.all(), limit === undefined ? {} : { limit }), (page) =>
      Effect.sync(() => see(seen, page))
    )
  )

const subscribeInto = Effect.fnUntraced(function* (seen: Seen) {
  const store = yield* EventStore
  const head = yield* store.head
  const pages = store.subscribe(EventFilter.all(), { after: Position.beginning })
  yield* Stream.runForEach(
    Stream.takeUntil(pages, ({ through }) => through >= head),
    (page) => Effect.sync(() => see(seen, page.events))
  )
})

/** Reads the first so many events in order. */
export const readAll = Effect.fnUntraced(function* (events: number) {
  const seen: Seen = { count: 0, sum: 0 }
  const watch = start()
  yield* readInto(seen, events)
  return watch.answer(seen.sum, seen.count)
})

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

// Often enough to see what a page leaves behind, seldom enough to cost nothing.
const everyMillis = 10

// Again and again in one process: V8 enlarges its young generation by steps, and a step is no growth.
const passes = 3

/** Replays all events and watches the memory of the process, which has only connected before; needs Node's --expose-gc. */
export const replay = Effect.fnUntraced(function* ({ how }: Replay) {
  globalThis.gc?.()
  const idle = process.memoryUsage.rss()
  const medians: Array<number> = []
  let peak = idle
  const seen: Seen = { count: 0, sum: 0 }
  const watch = start()
  for (let pass = 0; pass < passes; pass++) {
    const samples: Array<number> = []
    const sampler = setInterval(() => samples.push(process.memoryUsage.rss()), everyMillis)
    yield* how === "read" ? readInto(seen) : subscribeInto(seen)
    clearInterval(sampler)
    peak = Math.max(peak, ...samples, process.memoryUsage.rss())
    medians.push(median(samples))
  }
  const memory: MemoryUse = { idle, peak, passes: medians }
  return { ...watch.answer(seen.sum / passes, seen.count / passes), memory }
})
