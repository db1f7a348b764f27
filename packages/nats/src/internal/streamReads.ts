// streamReads: one stream's events by revision or time: forwards and backwards, and its history for folding.
import * as Effect from "effect/Effect"
import * as EventFilter from "evolvent/EventFilter"
import type { EncodedPage, EncodedRecorded, History, HistoryPage, ReadRequest } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import { because, Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import type { Revision } from "evolvent/Revision"
import { perMessage, placeOf, sequenceOf } from "./eventMessage.ts"
import type { EventMessage } from "./eventMessage.ts"
import { history } from "./messageEvents.ts"
import { asStoreError, reading } from "./failures.ts"
import type { Failure, JetStream, StoredMessage } from "./jetstream.ts"
import type { Log } from "./log.ts"
import type { StreamMessages } from "./streamMessages.ts"

interface Parts {
  readonly jetstream: JetStream
  readonly log: Log
  readonly name: string
  readonly messages: StreamMessages
  readonly decode: (message: EventMessage) => ReadonlyArray<EncodedRecorded>
}

const nothing: EncodedPage = { events: [], through: Position.beginning, done: true }

// A request costs more than many messages, so that one asks for all; but for no more bytes than these, or so.
const bytesAtOnce = 16 * 1024 * 1024

// Where pages of reads and histories have ended: the next one begins there.
const mostPlaces = 1000

const endOf = ({ revision, types }: History): number => revision + types.length

/** The reads of a log's streams. */
export const make = ({ decode, jetstream, log, messages, name }: Parts) => {
  const places = new Map<string, number>()
  const remember = (subject: string, revision: number, sequence: number): void => {
    if (places.size >= mostPlaces) places.clear()
    places.set(`${subject} ${revision}`, sequence)
  }

  const lastOf = (subject: string) => jetstream.last(name, subject)

  /** The number from which on a revision is to be found. */
  const startOf = (subject: string, last: StoredMessage, revision: number): Effect.Effect<number, Failure> => {
    const known = revision === 0 ? 1 : places.get(`${subject} ${revision}`)
    return known === undefined
      ? Effect.map(
          messages.lastBefore(subject, last, ({ first }) => first <= revision),
          (sequence) => Math.max(1, sequence)
        )
      : Effect.succeed(known)
  }

  /** Whatever is missing between messages is missing on the server that was asked: it comes to it, or to another one. */
  const whole = (subject: string, found: ReadonlyArray<{ readonly first: number; readonly count: number }>) => {
    const gap = found.findIndex(({ first }, i) => {
      const before = found[i - 1]
      return before !== undefined && before.first + before.count !== first
    })
    if (gap < 0) return Effect.void
    const problem = `revisions of ${subject} before ${found[gap]?.first} were not there when they were asked for`
    return Effect.fail(because("EventStore.read", new Unavailable({ problem })))
  }

  const forwards = Effect.fnUntraced(function* (request: ReadRequest, subject: string) {
    const { from } = request
    if (from === undefined || from._tag === "Position") return yield* log.forwards(request)
    const last = yield* lastOf(subject)
    if (last === undefined) return nothing
    const start =
      from._tag === "Revision"
        ? (places.get(`${subject} at ${from.revision}`) ?? perMessage * (yield* startOf(subject, last, from.revision)))
        : perMessage * (1 + (yield* messages.lastBefore(subject, last, ({ recordedAt }) => recordedAt < from.time)))
    const isWanted = ({ revision }: EncodedRecorded): boolean => from._tag === "Time" || revision >= from.revision
    let page = yield* log.forwards({ ...request, from: { _tag: "Position", position: Position.make(start) } })
    let events = page.events.filter(isWanted)
    // The message that holds the revision may hold some before it: what lies behind these is to be read by revision as well.
    while (events.length === 0 && page.events.length > 0 && !page.done) {
      const next = Position.make(page.through + 1)
      page = yield* log.forwards({ ...request, from: { _tag: "Position", position: next } })
      events = page.events.filter(isWanted)
    }
    const end = events.at(-1)
    if (end !== undefined && !page.done) places.set(`${subject} at ${end.revision + 1}`, page.through + 1)
    return { ...page, events }
  })

  const backwards = Effect.fnUntraced(function* ({ filter, from, limit }: ReadRequest, subject: string) {
    const last = yield* lastOf(subject)
    if (last === undefined) return nothing
    const isWithin = (event: EncodedRecorded): boolean =>
      from?._tag === "Revision"
        ? event.revision <= from.revision
        : from?._tag === "Time"
          ? event.recordedAt <= from.time
          : true
    const place = placeOf(last)
    const isLast =
      from === undefined ||
      (from._tag === "Revision" && from.revision >= place.first) ||
      (from._tag === "Time" && from.time >= place.recordedAt)
    const start = isLast
      ? last
      : yield* Effect.flatMap(
          messages.lastBefore(subject, last, ({ first, recordedAt }) =>
            from._tag === "Revision" ? first <= from.revision : from._tag === "Time" && recordedAt <= from.time
          ),
          (sequence) => (sequence === 0 ? Effect.undefined : jetstream.get(name, sequence))
        )
    if (start === undefined) return nothing
    const { count, first } = placeOf(start)
    const until = Math.min(first + count - 1, from?._tag === "Revision" ? from.revision : Infinity)
    // Of an imported tombstone the messages before it may be gone: it is a page of its own.
    const isAlone = start === last && place.isTombstone && place.count === 1
    const found = isAlone ? [start] : ((yield* messages.back(start, Math.max(0, until - limit + 1), Infinity)) ?? [])
    yield* whole(subject, found.map(placeOf).toReversed())
    const looked = found
      .flatMap((message) => decode(message).toReversed())
      .filter(isWithin)
      .slice(0, limit)
    const matches = EventFilter.predicate(filter)
    const oldest = looked.at(-1)
    const done = oldest === undefined || oldest.revision === 0
    return { events: looked.filter(matches), through: oldest?.position ?? Position.beginning, done }
  })

  /** What the messages of a stream hold of a range, without those that hold nothing of it. */
  const historiesOf = (found: ReadonlyArray<EventMessage>, revision: number, end: number) =>
    reading("history", () => found.flatMap((message) => history(message, revision, end - 1) ?? []))

  /** The history of a long stream from a revision on, up to another or to the stream's end. */
  const byFeed = (subject: string, last: StoredMessage, revision: number, end: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const feed = yield* messages.from(subject, yield* startOf(subject, last, revision))
        const most = Math.ceil(bytesAtOnce / last.text().length)
        const found: Array<History> = []
        let reached = revision
        while (true) {
          const page = yield* feed.next(Math.min(end - reached, most), false)
          found.push(...(yield* historiesOf(page.messages, revision, end)))
          const newest = found.at(-1)
          if (newest !== undefined) reached = endOf(newest)
          if (page.atEnd || reached >= end || page.through >= last.sequence) break
        }
        const newest = found.at(-1)
        // The message that holds the end may hold what comes behind it.
        if (newest !== undefined) remember(subject, reached, sequenceOf(newest.last))
        return found
      })
    )

  /** The history of a stream from a revision on, with `limit` events or all, where the last message does not hold it. */
  const from = Effect.fnUntraced(function* (
    subject: string,
    last: StoredMessage,
    revision: number,
    limit: number
  ): Effect.fn.Return<ReadonlyArray<History>, Failure | EventStoreError> {
    const end = revision + limit
    const few = yield* messages.back(last, revision)
    return few === undefined
      ? yield* byFeed(subject, last, revision, end)
      : yield* historiesOf(few.toReversed(), revision, end)
  })

  return {
    read: (request: ReadRequest, subject: string): Effect.Effect<EncodedPage, EventStoreError> =>
      (request.direction === "forwards" ? forwards(request, subject) : backwards(request, subject)).pipe(
        Effect.mapError((error) => (error._tag === "EventStoreError" ? error : asStoreError("read")(error)))
      ),
    history: (subject: string, revision: Revision, limit: number): Effect.Effect<HistoryPage, EventStoreError> =>
      Effect.gen(function* () {
        const last = yield* lastOf(subject)
        if (last === undefined) return { histories: [], endsAt: undefined }
        const { count, first, isTombstone } = yield* reading("history", () => placeOf(last))
        const endsAt = (first + count - 1) as Revision
        if (endsAt < revision) return { histories: [], endsAt }
        // What was before a tombstone is gone, wherever somebody looks for it.
        if (isTombstone) return { histories: yield* historiesOf([last], first, first + count), endsAt }
        const histories =
          first <= revision
            ? yield* historiesOf([last], revision, revision + limit)
            : yield* from(subject, last, revision, limit)
        const places = histories.map((one) => ({ first: one.revision, count: one.types.length }))
        yield* whole(subject, [{ first: revision, count: 0 }, ...places])
        return { histories, endsAt }
      }).pipe(Effect.mapError((error) => (error._tag === "EventStoreError" ? error : asStoreError("history")(error))))
  }
}

export type StreamReads = ReturnType<typeof make>
