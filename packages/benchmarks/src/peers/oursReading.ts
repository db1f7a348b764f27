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
  for (const { data, position, schemaVersion, type } of page) {
    const decoded = decode(type, schemaVersion, data)
    if (Result.isFailure(decoded)) throw new Error(`The event at ${position} cannot be decoded: ${decoded.failure}`)
    for (const { amount } of decoded.success) seen.sum += amount
  }
  seen.count += page.length
}

type OnPage = (page: ReadonlyArray<Recorded>) => void

const read = (onPage: OnPage, limit?: number): Effect.Effect<void, EventStoreError, EventStore> =>
  EventStore.use((store) =>
    Stream.runForEachArray(store.read(EventFilter.all(), limit === undefined ? {} : { limit }), (page) =>
      Effect.sync(() => onPage(page))
    )
  )

const subscribe = Effect.fnUntraced(function* (onPage: OnPage) {
  const store = yield* EventStore
  const head = yield* store.head
  const pages = store.subscribe(EventFilter.all(), { after: Position.beginning })
  yield* Stream.runForEach(
    Stream.takeUntil(pages, ({ through }) => through >= head),
    (page) => Effect.sync(() => onPage(page.events))
  )
})

/** Reads the first so many events in order. */
export const readAll = Effect.fnUntraced(function* (events: number) {
  const seen: Seen = { count: 0, sum: 0 }
  const watch = start()
  yield* read((page) => see(seen, page), events)
  return watch.answer(seen.sum, seen.count)
})

// Often enough to see what a page leaves behind, seldom enough to cost nothing.
const everyMillis = 10

/**
 * Again and again in one process, so that what a pass leaves behind adds up, in the resident set too.
 *
 * How much that one grows from one pass to the next says nothing about what is kept: V8 enlarges its young generation in
 * a few steps of up to fifty megabytes, each when it pleases, and lets what died old lie until it is worth collecting.
 * So the peak of all passes has to stay within the budget, whatever it is made of; and what is live, which only a full
 * collection shows, has to be as much at the end as at the beginning.
 */
const passes = 10
// After how many passes what is live is measured; within a pass, since what is kept as long as a replay goes on would not
// be seen after it. V8 gives up what was only needed to start when it has been unused for a while: the least of the early
// ones counts, or that would hide as much growth.
const early = [2.1, 4.1, 6.1]
const late = 9.9

const liveBytes = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** Replays all events and watches the memory of the process, which has only connected before; needs Node's --expose-gc. */
export const replay = Effect.fnUntraced(function* ({ events, how }: Replay) {
  globalThis.gc?.()
  const idle = process.memoryUsage.rss()
  const marks = [...early, late].map((passed) => passed * events)
  const live: Array<number> = []
  let peak = idle
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const seen: Seen = { count: 0, sum: 0 }
  const onPage = (page: ReadonlyArray<Recorded>) => {
    see(seen, page)
    if (seen.count >= (marks[live.length] ?? Infinity)) live.push(liveBytes())
  }
  const watch = start()
  const sampler = setInterval(look, everyMillis)
  for (let pass = 0; pass < passes; pass++) yield* how === "read" ? read(onPage) : subscribe(onPage)
  clearInterval(sampler)
  look()
  const memory: MemoryUse = { idle, peak, early: Math.min(...live.slice(0, -1)), late: live.at(-1) ?? Number.NaN }
  const all = watch.answer(seen.sum / passes, seen.count / passes)
  return { ...all, seconds: all.seconds / passes, memory }
})
