// The event store in memory: one array is the log, maps find a stream, a category or an id in it.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as EventFilter from "../../EventFilter.ts"
import type { EventId } from "../../EventId.ts"
import { isMet } from "../../EventStore.ts"
import type { Driver, EncodedAppend, EncodedPage, EncodedRecorded, Outcome, ReadRequest } from "../../EventStore.ts"
import * as Position from "../../Position.ts"
import * as Revision from "../../Revision.ts"
import type { StreamName } from "../../StreamName.ts"
import { sameText } from "../json.ts"

// A page looks at this many events at most, so that a filter that matches little does not hold up the process.
const scanLimit = 10_000

/** A new, empty store. */
export const make = (): Driver => {
  const log: Array<EncodedRecorded> = []
  const byStream = new Map<StreamName, Array<EncodedRecorded>>()
  const byCategory = new Map<string, Array<EncodedRecorded>>()
  const byId = new Map<EventId, EncodedRecorded>()
  const listeners = new Set<Queue.Queue<void>>()
  // Starting again from what is stored keeps recordedAt from ever going back, whatever the clock does.
  let lastRecordedAt = 0

  const revisionOf = (stream: StreamName): Revision.Revision | undefined => byStream.get(stream)?.at(-1)?.revision
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
    const repeats = appends.map((one) => repeatOf(one, byId))
    // Ids come before expectations: what misuses an id is no conflict, wherever its streams are.
    const reused = reusedIn(repeats) ?? partialRepeat(appends, repeats)
    if (reused !== undefined) return reused
    for (const [index, one] of appends.entries()) {
      if (repeats[index]?._tag !== "New") continue
      const actual = revisionOf(one.stream)
      if (!isMet(one.expected, actual)) return { _tag: "Conflict", index, actual }
    }
    lastRecordedAt = Math.max(lastRecordedAt, now)
    const results = appends.map((one, index) => {
      const repeat = repeats[index]
      if (repeat?._tag === "Repeat") {
        return { revision: repeat.last.revision, position: repeat.last.position, repeated: true }
      }
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
    capabilities: { idempotency: "forever", appendAll: true, maxAppendBytes: 16 * 1024 * 1024 },
    append: (appends) => Effect.map(Clock.currentTimeMillis, (now) => append(appends, now)),
    read: (request) => Effect.sync(() => read(request)),
    find: (stream, id) =>
      Effect.sync(() => {
        const found = byId.get(id)
        return found?.stream === stream ? found : undefined
      }),
    head: Effect.sync(head),
    streamRevision: (stream) => Effect.sync(() => revisionOf(stream)),
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

type Repeat =
  | { readonly _tag: "New" }
  | { readonly _tag: "Repeat"; readonly last: EncodedRecorded }
  | { readonly _tag: "IdReused"; readonly id: EventId; readonly problem: string }

/** Whether an append was seen before, by its ids: all of them with the same content, or none. */
const repeatOf = (append: EncodedAppend, byId: ReadonlyMap<EventId, EncodedRecorded>): Repeat => {
  let last: EncodedRecorded | undefined
  let fresh: EventId | undefined
  for (const event of append.events) {
    const stored = byId.get(event.id)
    if (stored === undefined) {
      fresh ??= event.id
    } else if (
      stored.stream !== append.stream ||
      stored.type !== event.type ||
      stored.schemaVersion !== event.schemaVersion ||
      !sameText(stored.data, event.data)
    ) {
      const problem = `it belongs to "${stored.type}" at revision ${stored.revision} of stream ${stored.stream}, with other content`
      return { _tag: "IdReused", id: event.id, problem }
    } else if (last === undefined || stored.revision > last.revision) {
      last = stored
    }
  }
  if (last === undefined) return { _tag: "New" }
  return fresh === undefined
    ? { _tag: "Repeat", last }
    : { _tag: "IdReused", id: last.id, problem: `id ${fresh} in the same append is new` }
}

/** The first append that brings an id with other content, or only some ids that are known. */
const reusedIn = (repeats: ReadonlyArray<Repeat>): Outcome | undefined => {
  for (const [index, repeat] of repeats.entries()) if (repeat._tag === "IdReused") return { ...repeat, index }
  return undefined
}

/** Several appends are repeated all together or not at all. */
const partialRepeat = (appends: ReadonlyArray<EncodedAppend>, repeats: ReadonlyArray<Repeat>): Outcome | undefined => {
  const index = repeats.findIndex((repeat) => repeat._tag === "Repeat")
  const repeat = repeats[index]
  const isNew = repeats.some((one, i) => one._tag === "New" && appends[i]?.events.length !== 0)
  return repeat?._tag === "Repeat" && isNew
    ? { _tag: "IdReused", index, id: repeat.last.id, problem: "the events for another stream of the same call are new" }
    : undefined
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
