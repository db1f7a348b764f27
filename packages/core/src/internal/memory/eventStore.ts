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
import type {
  Driver,
  EncodedAppend,
  EncodedEvent,
  EncodedImport,
  EncodedPage,
  EncodedRecorded,
  EncodedRemoval,
  EncodedRestoration,
  Imported,
  Outcome,
  ReadRequest
} from "../../EventStore.ts"
import * as Position from "../../Position.ts"
import * as Revision from "../../Revision.ts"
import * as StreamName from "../../StreamName.ts"
import * as Tombstone from "../../Tombstone.ts"
import { followProblem, standing } from "../importing.ts"
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
  // What was imported has the times of other clocks, which may not agree: from then on places in time are looked for.
  let isByTime = true

  const revisionOf = (stream: StreamName.StreamName): Revision.Revision | undefined =>
    byStream.get(stream)?.at(-1)?.revision
  const head = (): Position.Position => log.at(-1)?.position ?? Position.beginning

  const put = (event: EncodedRecorded): void => {
    log.push(event)
    listIn(byStream, event.stream).push(event)
    listIn(byCategory, event.category).push(event)
    byId.set(event.id, event)
  }

  const write = ({ category, events, stream }: EncodedAppend, recordedAt: number): void => {
    for (const event of events) {
      const revision = Revision.next(revisionOf(stream))
      put({ ...event, stream, category, revision, position: Position.make(head() + 1), recordedAt })
    }
  }

  // Nothing here waits, so all of it happens at once: the checks hold when the writes happen.
  const append = (appends: ReadonlyArray<EncodedAppend>, now: number): Outcome => {
    // Ids come before expectations: what misuses an id is no conflict, wherever its streams are.
    const repeated = repeats(appends, (id) => byId.get(id))
    if (Result.isFailure(repeated)) return repeated.failure
    for (const [index, one] of appends.entries()) {
      if (repeated.success[index] !== undefined) continue
      const last = byStream.get(one.stream)?.at(-1)
      if (last !== undefined && Tombstone.isTombstone(last)) return { _tag: "Removed", index }
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

  /** Appends an event of the store's own, at once with whatever was done before it. */
  const mark = (stream: StreamName.StreamName, category: string, event: EncodedEvent, now: number): Outcome => {
    lastRecordedAt = Math.max(lastRecordedAt, now)
    write({ stream, category, expected: "any", events: [event], idsAreNew: true }, lastRecordedAt)
    for (const listener of listeners) Queue.offerUnsafe(listener, undefined)
    return { _tag: "Appended", results: [{ revision: revisionOf(stream), position: head(), repeated: false }] }
  }

  /** Puts events of another store behind the last one, all or none. */
  const importAll = ({ behind, events }: EncodedImport): Imported => {
    if (head() !== behind) return { _tag: "Moved", newest: head() }
    const seen = new Set<StreamName.StreamName>()
    for (const [index, event] of events.entries()) {
      const id = byId.has(event.id) ? `its id ${event.id} is stored already` : undefined
      // The second one of a stream follows its first, as is known by now.
      const place = seen.has(event.stream) ? undefined : followProblem(event, byStream.get(event.stream)?.at(-1))
      const problem = id ?? place
      if (problem !== undefined) return { _tag: "Misplaced", index, problem }
      seen.add(event.stream)
    }
    for (const event of events) {
      isByTime &&= event.recordedAt >= lastRecordedAt
      lastRecordedAt = Math.max(lastRecordedAt, event.recordedAt)
      put(standing(event, Position.make(head() + 1)))
    }
    for (const listener of listeners) Queue.offerUnsafe(listener, undefined)
    return { _tag: "Imported", last: head() }
  }

  const listsOf = (stream: StreamName.StreamName, category: string): ReadonlyArray<Array<EncodedRecorded>> => [
    log,
    listIn(byStream, stream),
    listIn(byCategory, category)
  ]

  const take = (gone: ReadonlySet<EncodedRecorded>, lists: ReadonlyArray<Array<EncodedRecorded>>): void => {
    for (const { id } of gone) byId.delete(id)
    for (const list of lists) {
      const left = list.filter((event) => !gone.has(event))
      left.forEach((event, i) => (list[i] = event))
      list.length = left.length
    }
  }

  const remove = ({ category, expected, stream, tombstone }: EncodedRemoval, now: number): Outcome => {
    const events = byStream.get(stream) ?? []
    const last = events.at(-1)
    if (last?.id === tombstone.id) {
      // An import may have brought back what was before it.
      take(new Set(events.slice(0, -1)), listsOf(stream, category))
      return { _tag: "Appended", results: [{ revision: last.revision, position: last.position, repeated: false }] }
    }
    if (revisionOf(stream) !== expected) return { _tag: "Conflict", index: 0, actual: revisionOf(stream) }
    const gone = new Set(events)
    const marked = mark(stream, category, tombstone, now)
    take(gone, listsOf(stream, category))
    return marked
  }

  const restore = ({ category, events, expected, marker, stream }: EncodedRestoration, now: number): Outcome => {
    const last = byStream.get(stream)?.at(-1)
    const isTaken = (event: EncodedRecorded) =>
      byId.has(event.id) || log.some(({ position }) => position === event.position)
    if (last?.revision !== expected || !Tombstone.isTombstone(last) || events.some(isTaken)) {
      return { _tag: "Conflict", index: 0, actual: last?.revision }
    }
    for (const event of events) byId.set(event.id, event)
    for (const list of listsOf(stream, category)) {
      for (const event of events) list.push(event)
      list.sort((a, b) => a.position - b.position)
    }
    return mark(stream, category, marker, now)
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
    let i = from?._tag === "Time" && !isByTime ? timeIndex(list, from.time, forwards) : startIndex(list, from, forwards)
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
    capabilities: {
      idempotency: "forever",
      appendAll: true,
      truncate: true,
      remove: true,
      restore: true,
      import: true,
      maxAppendBytes: 16 * 1024 * 1024
    },
    append: (appends) =>
      Effect.flatMap(Transaction.Current, (transaction) => {
        const refused = transaction?.open === true ? transaction.refused() : transaction?.lost()
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
        if (gone.size > 0) take(gone, listsOf(stream, StreamName.category(stream)))
      }),
    remove: (removal) => Effect.map(Clock.currentTimeMillis, (now) => remove(removal, now)),
    restore: (restoration) => Effect.map(Clock.currentTimeMillis, (now) => restore(restoration, now)),
    import: (events) => Effect.sync(() => importAll(events)),
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

/** The same by a time where times do not follow positions. */
const timeIndex = (list: ReadonlyArray<EncodedRecorded>, time: number, forwards: boolean): number => {
  if (!forwards) return list.findLastIndex(({ recordedAt }) => recordedAt <= time)
  const found = list.findIndex(({ recordedAt }) => recordedAt >= time)
  return found < 0 ? list.length : found
}
