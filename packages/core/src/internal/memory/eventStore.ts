// The event store in memory: one array is the log, maps find a stream, a category or an id in it.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as EventFilter from "../../EventFilter.ts"
import type { EventId } from "../../EventId.ts"
import { isMet } from "../../EventStore.ts"
import { because, Unavailable } from "../../EventStoreError.ts"
import type { Driver, EncodedAppend, EncodedPage, EncodedRecorded, Outcome, ReadRequest } from "../../EventStore.ts"
import * as Position from "../../Position.ts"
import * as Revision from "../../Revision.ts"
import * as StreamName from "../../StreamName.ts"
import { repeats } from "../repeats.ts"
import * as Transaction from "./transaction.ts"

// A page looks at this many events at most, so that a filter that matches little does not hold up the process.
const scanLimit = 10_000

/** A new, empty store. */
export const make = (): Driver => {
  const log: Array<EncodedRecorded> = []
  const byStream = new Map<StreamName.StreamName, Array<EncodedRecorded>>()
  const byCategory = new Map<string, Array<EncodedRecorded>>()
  const byId = new Map<EventId, EncodedRecorded>()
  const listeners = new Set<Queue.Queue<void>>()
  // Starting again from what is stored keeps recordedAt from ever going back, whatever the clock does.
  let lastRecordedAt = 0

  const revisionOf = (stream: StreamName.StreamName): Revision.Revision | undefined =>
    byStream.get(stream)?.at(-1)?.revision
  const head = (): Position.Position => log.at(-1)?.position ?? Position.beginning

  const write = (append: EncodedAppend, recordedAt: number): void => {
    const { category, stream } = append
    for (const event of append.events) {
      const recorded: EncodedRecorded = {
        ...event,
        stream,
        category,
        revision: Revision.next(revisionOf(stream)),
        position: Position.make(head() + 1),
        recordedAt
      }
      log.push(recorded)
      listIn(byStream, stream).push(recorded)
      listIn(byCategory, category).push(recorded)
      byId.set(event.id, recorded)
    }
  }

  // Nothing here waits, so all of it happens at once: the checks hold when the writes happen.
  const append = (appends: ReadonlyArray<EncodedAppend>, now: number): Outcome => {
    // Ids come before expectations: what misuses an id is no conflict, wherever its streams are.
    const repeated = repeats(appends, (id) => byId.get(id))
    if (Result.isFailure(repeated)) return repeated.failure
    for (const [index, one] of appends.entries()) {
      if (repeated.success[index] !== undefined) continue
      const actual = revisionOf(one.stream)
      if (!isMet(one.expected, actual)) return { _tag: "Conflict", index, actual }
    }
    lastRecordedAt = Math.max(lastRecordedAt, now)
    const results = appends.map((one, index) => {
      const first = repeated.success[index]
      if (first !== undefined) return first
      write(one, lastRecordedAt)
      const position = one.events.length === 0 ? Position.beginning : head()
      return { revision: revisionOf(one.stream), position, repeated: false }
    })
    for (const listener of listeners) Queue.offerUnsafe(listener, undefined)
    return { _tag: "Appended", results }
  }

  const candidates = (filter: EventFilter.EventFilter): ReadonlyArray<EncodedRecorded> => {
    if (filter._tag === "Stream") return byStream.get(filter.stream) ?? []
    if (filter._tag === "Categories" && filter.categories.length === 1) {
      return byCategory.get(filter.categories[0]?.category ?? "") ?? []
    }
    return log
  }

  const read = ({ direction, filter, from, limit }: ReadRequest): EncodedPage => {
    const matches = EventFilter.predicate(filter)
    const list = candidates(filter)
    const forwards = direction === "forwards"
    const events: Array<EncodedRecorded> = []
    let i = startIndex(list, from, forwards)
    const stop = forwards ? Math.min(list.length, i + scanLimit) : Math.max(-1, i - scanLimit)
    for (; i !== stop && events.length < limit; i += forwards ? 1 : -1) {
      const event = list[i] as EncodedRecorded
      if (matches(event)) events.push(event)
    }
    const done = forwards ? i >= list.length : i < 0
    const passed = list[forwards ? i - 1 : i + 1]?.position ?? Position.beginning
    return { events, through: done ? (forwards ? head() : Position.beginning) : passed, done }
  }

  return {
    capabilities: { idempotency: "forever", appendAll: true, truncate: true, maxAppendBytes: 16 * 1024 * 1024 },
    append: (appends) =>
      Effect.flatMap(Transaction.Current, (transaction) => {
        const refused = transaction?.open === true ? transaction.refused() : undefined
        // It is written at once, though its transaction may still fail; but not when that is lost already.
        return refused === undefined
          ? Effect.map(Clock.currentTimeMillis, (now) => append(appends, now))
          : Effect.fail(because("EventStore.append", new Unavailable({ problem: refused.message })))
      }),
    read: (request) => Effect.sync(() => read(request)),
    find: (stream, id) =>
      Effect.sync(() => {
        const found = byId.get(id)
        return found?.stream === stream ? found : undefined
      }),
    head: Effect.sync(head),
    newest: Effect.sync(head),
    streamRevision: (stream) => Effect.sync(() => revisionOf(stream)),
    truncate: (stream, { before, recordedBefore }) =>
      Effect.sync(() => {
        const time = DateTime.toEpochMillis(recordedBefore)
        const ofStream = byStream.get(stream) ?? []
        // The last one stays: it says at which revision the stream is, and where the log ends.
        const kept = ofStream.findIndex(
          ({ position, recordedAt }, i) => position >= before || recordedAt >= time || i === ofStream.length - 1
        )
        const gone = new Set(ofStream.slice(0, Math.max(0, kept)))
        if (gone.size === 0) return
        for (const { id } of gone) byId.delete(id)
        for (const list of [log, ofStream, byCategory.get(StreamName.category(stream)) ?? []]) {
          const left = list.filter((event) => !gone.has(event))
          left.forEach((event, i) => (list[i] = event))
          list.length = left.length
        }
      }),
    listen: Effect.gen(function* () {
      const queue = yield* Queue.sliding<void>(1)
      yield* Effect.acquireRelease(
        Effect.sync(() => listeners.add(queue)),
        () => Effect.sync(() => listeners.delete(queue))
      )
      return Queue.take(queue)
    }),
    pollInterval: "Infinity"
  }
}

const listIn = <K>(map: Map<K, Array<EncodedRecorded>>, key: K): Array<EncodedRecorded> => {
  let list = map.get(key)
  if (list === undefined) map.set(key, (list = []))
  return list
}

/** The index of the first event to look at; every list is ordered by position, and a stream's by revision and time too. */
const startIndex = (list: ReadonlyArray<EncodedRecorded>, from: ReadRequest["from"], forwards: boolean): number => {
  if (from === undefined) return forwards ? 0 : list.length - 1
  const value = (event: EncodedRecorded): number =>
    from._tag === "Revision" ? event.revision : from._tag === "Position" ? event.position : event.recordedAt
  const target = from._tag === "Revision" ? from.revision : from._tag === "Position" ? from.position : from.time
  // The first event with a value of at least (forwards) or of more than (backwards) the target.
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = value(list[middle] as EncodedRecorded)
    if (forwards ? at < target : at <= target) low = middle + 1
    else high = middle
  }
  return forwards ? low : low - 1
}
