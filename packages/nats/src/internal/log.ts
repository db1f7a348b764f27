// log: the events of a whole stream of JetStream, or of some of its subjects, in pages in the order of their positions.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as EventFilter from "evolvent/EventFilter"
import type { EncodedPage, EncodedRecorded, ReadRequest } from "evolvent/EventStore"
import { because, CheckpointAheadOfStore } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import { endOf, perMessage, sequenceOf } from "./eventMessage.ts"
import { asStoreError, reading } from "./failures.ts"
import * as feed from "./feed.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import { isSame } from "./witness.ts"
import type { Seen, Witness } from "./witness.ts"

/** What a log is made of: its stream, which subjects a filter means, and what its messages hold. */
export interface Options {
  readonly jetstream: JetStream
  readonly stream: string
  /** The one subject, perhaps with wildcards, that holds all that a filter wants; undefined for all subjects. */
  readonly subjectOf: (filter: EventFilter.EventFilter) => string | undefined
  readonly decode: (message: feed.Message, push: (event: EncodedRecorded) => void) => void
  readonly witness: Witness
  /** The number of the last message that was imported: up to there the server's times say nothing. */
  readonly imported: Effect.Effect<number, Failure>
}

/** A feed that a page of a read was taken from, and what is left of the messages it gave. */
interface Cursor {
  readonly feed: feed.Feed
  readonly scope: Scope.Closeable
  readonly take: Batch
  rest: ReadonlyArray<EncodedRecorded>
  /** The number through which its messages were given. */
  through: number
  forgotten: ReturnType<typeof setTimeout> | undefined
}

// A page is asked for by the number of its messages, which hold one event or a thousand. With half as many the server was
// done before it was asked for more, and a sixth of the time was spent waiting for it.
const eventsAtOnce = 2000
const bytesAtOnce = 8 * 1024 * 1024
// A page looks at this many events at most, so that a filter that matches little does not hold up its reader.
const scanLimit = 10_000
// Servers and clients have clocks of their own.
const skew = 60_000
// Who does not come for the next page has stopped reading.
const patience = 5_000

type Batch = ReturnType<typeof batching>

/** How many messages to ask for, by how large the last ones were. */
const batching = (most = eventsAtOnce) => {
  let size = Math.min(64, most)
  return {
    size: () => size,
    took: (messages: number, events: number, bytes: number): void => {
      if (messages === 0) return
      const byEvents = most / Math.max(1, events / messages)
      const byBytes = bytesAtOnce / Math.max(1, bytes / messages)
      size = Math.max(1, Math.min(most, 2 * size, Math.ceil(Math.min(byEvents, byBytes))))
    }
  }
}

const before = (sequence: number): Position.Position => (sequence < 1 ? Position.beginning : endOf(sequence))

export const make = ({ decode, imported, jetstream, stream, subjectOf, witness }: Options) => {
  const info = Effect.map(jetstream.info(stream), (found) => found?.state)
  const head: Effect.Effect<Position.Position, Failure> = Effect.map(info, (state) => before(state?.last_seq ?? 0))
  const cursors = new Map<string, Cursor>()

  /** What the messages of a page hold, and how far it goes. */
  const events = (operation: string, page: feed.Page, take: Batch) =>
    reading(operation, () => {
      const found: Array<EncodedRecorded> = []
      let bytes = 0
      for (const message of page.messages) {
        decode(message, (event) => found.push(event))
        bytes += message.size
      }
      take.took(page.messages.length, found.length, bytes)
      return found
    })

  const open = (filter: EventFilter.EventFilter, start: feed.Start) =>
    feed.open(jetstream, stream, subjectOf(filter), start)

  const startOf = (from: ReadRequest["from"]): feed.Start =>
    from?._tag === "Position"
      ? { sequence: Math.max(1, sequenceOf(from.position)) }
      : from?._tag === "Time"
        ? { time: from.time - skew }
        : { sequence: 1 }

  const close = (cursor: Cursor): Effect.Effect<void> =>
    Effect.suspend(() => {
      clearTimeout(cursor.forgotten)
      return Scope.close(cursor.scope, Exit.void)
    })

  const cursorOf = (filter: EventFilter.EventFilter, key: string, start: feed.Start): Effect.Effect<Cursor, Failure> =>
    Effect.suspend(() => {
      const found = cursors.get(key)
      if (found !== undefined) {
        cursors.delete(key)
        clearTimeout(found.forgotten)
        return Effect.succeed(found)
      }
      return Effect.flatMap(Scope.make(), (scope) =>
        Effect.map(
          Effect.onError(Effect.provideService(open(filter, start), Scope.Scope, scope), (cause) =>
            Scope.close(scope, Exit.failCause(cause))
          ),
          (opened): Cursor => ({ feed: opened, scope, take: batching(), rest: [], through: 0, forgotten: undefined })
        )
      )
    })

  const keep = (key: string, cursor: Cursor): void => {
    const forgotten = setTimeout(() => {
      cursors.delete(key)
      Effect.runFork(close(cursor))
    }, patience)
    forgotten.unref()
    cursor.forgotten = forgotten
    cursors.set(key, cursor)
  }

  const keyOf = (filter: EventFilter.EventFilter, next: number): string => `${next} ${JSON.stringify(filter)}`

  /** A page from a place on. */
  const forwards = (request: ReadRequest): Effect.Effect<EncodedPage, EventStoreError> => {
    const { filter, from, limit } = request
    const at = from?._tag === "Position" ? from.position : 0
    const matches = EventFilter.predicate(filter)
    let wanted = from?._tag === "Time" ? from.time : 0
    const once = Effect.gen(function* () {
      const cursor = yield* cursorOf(filter, keyOf(filter, at), startOf(from))
      return yield* Effect.gen(function* () {
        const found: Array<EncodedRecorded> = []
        let looked = 0
        let isAtEnd = false
        let coming = cursor.rest
        cursor.rest = []
        while (true) {
          for (const [i, event] of coming.entries()) {
            if (event.position < at || event.recordedAt < wanted) continue
            // From the first one on that is late enough all count: clocks of writers differ.
            wanted = 0
            if (!matches(event)) continue
            if (found.length === limit) {
              cursor.rest = coming.slice(i)
              break
            }
            found.push(event)
          }
          looked += coming.length
          const isFull = found.length >= limit || looked >= scanLimit
          if (cursor.rest.length > 0 || (isFull && looked > 0) || isAtEnd) break
          const page = yield* Effect.mapError(cursor.feed.next(cursor.take.size(), false), asStoreError("read"))
          isAtEnd = page.atEnd
          cursor.through = page.through
          coming = yield* events("read", page, cursor.take)
        }
        const done = isAtEnd && cursor.rest.length === 0
        const [last, next] = [found.at(-1), cursor.rest[0]]
        const through =
          next === undefined ? before(cursor.through) : (last?.position ?? Position.make(next.position - 1))
        if (done) yield* close(cursor)
        else keep(keyOf(filter, through + 1), cursor)
        return { events: found, through, done }
      }).pipe(Effect.onError(() => close(cursor)))
    }).pipe(Effect.mapError((error) => (error._tag === "EventStoreError" ? error : asStoreError("read")(error))))
    // A feed that broke off is replaced by one that begins at the same place.
    return Effect.retry(once, { while: (error) => error.isRetryable, times: 3 })
  }

  /** All events between two numbers, in their order. */
  const between = (filter: EventFilter.EventFilter, low: number, high: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const one = yield* open(filter, { sequence: low })
        const take = batching()
        const found: Array<EncodedRecorded> = []
        while (true) {
          const page = yield* one.next(take.size(), false)
          for (const event of yield* events("read", page, take)) {
            if (sequenceOf(event.position) <= high) found.push(event)
          }
          if (page.atEnd || page.through >= high) return found
        }
      })
    )

  /** The number at or before which all was stored that was recorded at a time. */
  const byTime = (time: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const one = yield* feed.open(jetstream, stream, undefined, { time: time + skew })
        const { messages } = yield* one.next(1, false)
        return messages[0]?.sequence
      })
    )

  /** A page from a place back: what lies in a window of numbers, and in a larger one where that is too little. */
  const backwards = ({ filter, from, limit }: ReadRequest): Effect.Effect<EncodedPage, EventStoreError> => {
    const matches = EventFilter.predicate(filter)
    const once = Effect.gen(function* () {
      const state = yield* info
      const [first, last] = [state?.first_seq ?? 1, state?.last_seq ?? 0]
      const at = from?._tag === "Position" ? from.position : Infinity
      const until = from?._tag === "Time" ? from.time : Infinity
      const stored = from?._tag === "Time" ? yield* byTime(until) : undefined
      const start = stored === undefined ? undefined : Math.max(stored, yield* imported)
      let high = Math.min(start ?? last, last, at === Infinity ? last : sequenceOf(at))
      const found: Array<EncodedRecorded> = []
      let isLate = until !== Infinity
      for (let size = Math.min(limit, 64); high >= first; size = Math.min(2 * size, 8192)) {
        const low = Math.max(first, high - size + 1)
        const window = (yield* between(filter, low, high)).toReversed().filter((event) => {
          if (isLate && event.recordedAt <= until) isLate = false
          return !isLate && event.position <= at && matches(event)
        })
        for (const event of window) found.push(event)
        high = low - 1
        if (found.length >= limit) break
      }
      const events = found.slice(0, limit)
      const done = high < first && found.length <= limit
      const through =
        found.length > limit ? (events.at(-1)?.position ?? Position.beginning) : Position.make((high + 1) * perMessage)
      return { events, through: done ? Position.beginning : through, done }
    }).pipe(Effect.mapError((error) => (error._tag === "EventStoreError" ? error : asStoreError("read")(error))))
    return Effect.retry(once, { while: (error) => error.isRetryable, times: 3 })
  }

  /** Fails where another message stands now where a reader saw its last one: it is not the log that it has read. */
  const holdsStill = (seen: Seen, after: Position.Position) =>
    Effect.flatMap(Effect.mapError(jetstream.get(stream, seen.sequence), asStoreError("subscribe")), (message) =>
      isSame(seen, message)
        ? Effect.void
        : Effect.flatMap(Effect.mapError(head, asStoreError("subscribe")), (now) =>
            Effect.fail(because("EventStore.subscribe", new CheckpointAheadOfStore({ after, head: now })))
          )
    )

  return {
    head,
    info,
    forwards,
    backwards,
    /** What comes behind a position, as it comes: each run gives the next page. It is what had been read up to there that goes on. */
    follow: (
      filter: EventFilter.EventFilter,
      after: Position.Position
    ): Effect.Effect<Effect.Effect<EncodedPage, EventStoreError>, EventStoreError, Scope.Scope> => {
      const matches = EventFilter.predicate(filter)
      const failed = asStoreError("subscribe")
      const start = { sequence: Math.max(1, sequenceOf(after + 1)) }
      const evidence = witness.of(sequenceOf(after))
      return Effect.gen(function* () {
        if (evidence !== undefined) yield* holdsStill(evidence, after)
        const one = yield* Effect.mapError(open(filter, start), failed)
        const take = batching()
        let seen = evidence
        return Effect.gen(function* () {
          const page = yield* Effect.mapError(one.next(take.size(), true), failed)
          const found = yield* events("subscribe", page, take)
          seen = page.messages.at(-1) ?? seen
          if (seen !== undefined) witness.saw(page.through, { sequence: seen.sequence, time: seen.time })
          return {
            events: found.filter((event) => event.position > after && matches(event)),
            through: before(page.through),
            done: false
          }
        })
      })
    },
    /** Closes what reads have left open. */
    close: Effect.suspend(() => Effect.forEach([...cursors.values()], close, { discard: true }))
  }
}

export type Log = ReturnType<typeof make>
