// Removes streams and brings them back: what a tombstone holds, what it means to others, and which streams may go.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type { Appended, Driver, EncodedEvent, EncodedRecorded, EventStore, Removal } from "../EventStore.ts"
import * as Errors from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import * as Revision from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import { decodeRecorded } from "./eventDecoding.ts"
import * as json from "./json.ts"

type Store = EventStore["Service"]

/** Why a stream takes nothing, by what is left of it; undefined where it is not a tombstone. */
export const closedBy = (
  stream: StreamName.StreamName,
  revision: number,
  event: Parameters<typeof Tombstone.of>[0]
): Errors.StreamArchived | Errors.StreamDeleted | undefined => {
  const tombstone = Tombstone.of(event)
  if (tombstone === undefined) return undefined
  return tombstone._tag === "$archived"
    ? new Errors.StreamArchived({ stream, revision, archive: tombstone.archive })
    : new Errors.StreamDeleted({ stream, revision, reason: tombstone.reason })
}

/** The last event of a stream, whatever it is. */
export const lastOf = (
  driver: Driver,
  stream: StreamName.StreamName
): Effect.Effect<EncodedRecorded | undefined, Errors.EventStoreError> =>
  Effect.map(
    driver.read({
      filter: EventFilter.stream(stream),
      direction: "backwards",
      from: undefined,
      limit: 1,
      follows: false
    }),
    ({ events }) => events[0]
  )

/** Fails where a stream was removed. */
export const leftOf = (
  operation: string,
  store: Store,
  stream: StreamName.StreamName
): Effect.Effect<void, Errors.EventStoreError> =>
  Stream.runForEach(store.read(EventFilter.stream(stream), { direction: "backwards", limit: 1 }), (last) => {
    const closed = closedBy(stream, last.revision, last)
    return closed === undefined ? Effect.void : Effect.fail(Errors.because(operation, closed))
  })

/** The error of an append to a stream that the driver found removed. */
export const refusal = (
  driver: Driver,
  operation: string,
  stream: StreamName.StreamName
): Effect.Effect<never, Errors.EventStoreError> =>
  Effect.flatMap(lastOf(driver, stream), (last) => {
    const closed = last === undefined ? undefined : closedBy(stream, last.revision, decodeRecorded(last))
    // It was brought back between the two.
    const problem = `the stream ${stream} was removed a moment ago, and is there again`
    return Effect.fail(Errors.because(operation, closed ?? new Errors.Unavailable({ problem })))
  })

/** The event that takes the place of others, or says that they are back. */
const eventOf = (
  operation: string,
  stream: StreamName.StreamName,
  type: string,
  data: { readonly [key: string]: Json | undefined }
): Effect.Effect<EncodedEvent, Errors.EventStoreError> =>
  Effect.withFiber((fiber) => {
    const texts = Result.all([
      json.stringify(Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined))),
      json.stringify(Metadata.forAppend(fiber))
    ])
    if (Result.isFailure(texts)) {
      const reason = new Errors.UnstorableContent({ stream, type, problem: texts.failure })
      return Effect.fail(Errors.because(operation, reason))
    }
    const id = fiber.getRef(EventId.Generator)(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
    const [text, metadata] = texts.success
    return Effect.succeed({ id, type, schemaVersion: 1, data: text, metadata })
  })

const refuse = (operation: string, problem: string) =>
  Effect.fail(Errors.because(operation, new Errors.InvalidRequest({ problem })))

const unsupported = (operation: string, feature: string) =>
  Effect.fail(Errors.because(operation, new Errors.Unsupported({ feature })))

/** Whether a stream is one of a user's: those of the library's own are kept, or go, by what they are made for. */
const problemOf = (stream: StreamName.StreamName): string | undefined => {
  const parsed = StreamName.parse(stream)
  if (Result.isFailure(parsed)) return parsed.failure.message.replace(/\.$/, "")
  return StreamName.isSystemCategory(StreamName.category(stream))
    ? `${stream} is one of the library's own streams, which are neither archived nor deleted`
    : undefined
}

const standing = ({ position, revision }: EncodedRecorded): Appended => ({ revision, position, repeated: true })

/** Removes a stream under the revision of its last event. */
export const remove = (driver: Driver): Store["remove"] => {
  const operation = "EventStore.remove"
  return Effect.fnUntraced(function* (
    stream: StreamName.StreamName,
    { archive, as, expected, reason }: Removal
  ): Effect.fn.Return<Appended, Errors.WrongExpectedRevision | Errors.EventStoreError> {
    const { remove } = driver
    if (remove === undefined) return yield* unsupported(operation, "removing streams")
    const problem = problemOf(stream)
    if (problem !== undefined) return yield* refuse(operation, problem)
    const type = `$${as}` as const
    const category = StreamName.category(stream)
    let events = expected + 1
    const conflict = (actual: number | undefined) => new Errors.WrongExpectedRevision({ stream, expected, actual })
    /** Removes what ends with an event; undefined where the stream ends elsewhere. */
    const removeBehind = Effect.fnUntraced(function* (after: EncodedRecorded) {
      const tombstone = yield* eventOf(operation, stream, type, {
        events,
        // What is deleted for good is never compared with anything.
        last: as === "archived" ? after.id : undefined,
        archive,
        reason
      })
      const outcome = yield* remove({ stream, category, expected: after.revision, tombstone })
      return outcome._tag === "Appended" ? outcome.results[0] : undefined
    })
    /** By what is left of it where it was removed already: who asked for that before may not have heard of it. */
    const removeAgain = Effect.fnUntraced(function* (last: EncodedRecorded, before: Tombstone.Tombstone) {
      const isSame = before.events === events || last.revision === expected
      if (isSame && before._tag === type) {
        // What of it was left undone is done now.
        yield* remove({ stream, category, expected: Revision.make(last.revision - 1), tombstone: last })
        return standing(last)
      }
      const closed = closedBy(stream, last.revision, decodeRecorded(last))
      if (before._tag === "$deleted" && closed !== undefined) return yield* Errors.because(operation, closed)
      if (!isSame) return yield* conflict(last.revision)
      // What is in an archive is deleted for good by what is left of it.
      events = before.events
      return (yield* removeBehind(last)) ?? (yield* conflict(last.revision))
    })
    const tombstoneIn = (last: EncodedRecorded | undefined) =>
      last === undefined ? undefined : Tombstone.of(decodeRecorded(last))

    const last = yield* lastOf(driver, stream)
    const before = tombstoneIn(last)
    if (last !== undefined && before !== undefined) return yield* removeAgain(last, before)
    if (last === undefined || last.revision !== expected) return yield* conflict(last?.revision)
    const removed = yield* removeBehind(last)
    if (removed !== undefined) return removed
    const now = yield* lastOf(driver, stream)
    const since = tombstoneIn(now)
    return now !== undefined && since !== undefined ? yield* removeAgain(now, since) : yield* conflict(now?.revision)
  })
}

/** Which event was the last one of what was archived, as the tombstone or the event behind it says. */
const lastIn = (event: EncodedRecorded): unknown => (decodeRecorded(event).data as { readonly last?: unknown }).last

/** Why events cannot be those that a stream had, or undefined. */
const restorationProblem = (
  stream: StreamName.StreamName,
  events: ReadonlyArray<EncodedRecorded>,
  tombstone: EncodedRecorded
): string | undefined => {
  const wrong = events.findIndex((event, i) => {
    const before = events[i - 1]
    return (
      event.stream !== stream ||
      event.revision !== i ||
      event.position >= tombstone.position ||
      (before !== undefined && (before.position >= event.position || before.recordedAt > event.recordedAt))
    )
  })
  if (wrong >= 0) {
    return (
      `event ${wrong} of those given for stream ${stream} stands at revision ${events[wrong]?.revision} of stream ` +
      `${events[wrong]?.stream}, position ${events[wrong]?.position}: they are to be all events of that stream, in order`
    )
  }
  if (events.length !== tombstone.revision) {
    return `stream ${stream} had ${tombstone.revision} events when it was archived, and ${events.length} were given`
  }
  const [ended, ends] = [lastIn(tombstone), events.at(-1)?.id]
  return ended === undefined || ended === ends
    ? undefined
    : `stream ${stream} ended with event ${ended} when it was archived, and those given end with ${ends}: they are of another store`
}

/** Brings back an archived stream, with its events where they stood. */
export const restore = (driver: Driver): Store["restore"] => {
  const operation = "EventStore.restore"
  return Effect.fnUntraced(function* (
    stream: StreamName.StreamName,
    events: ReadonlyArray<EncodedRecorded>
  ): Effect.fn.Return<Appended, Errors.EventStoreError> {
    const { restore } = driver
    if (restore === undefined) return yield* unsupported(operation, "bringing removed streams back")
    // Asked for again: who brought it back did not hear that it went through.
    const isBack = (last: EncodedRecorded): boolean =>
      last.type === Tombstone.restored && events.length === last.revision - 1 && lastIn(last) === events.at(-1)?.id
    const last = yield* lastOf(driver, stream)
    if (last !== undefined && isBack(last)) return standing(last)
    const closed = last === undefined ? undefined : closedBy(stream, last.revision, decodeRecorded(last))
    if (last === undefined || closed === undefined) {
      return yield* refuse(operation, `stream ${stream} is not archived, so there is nothing to bring back`)
    }
    if (closed._tag === "StreamDeleted") return yield* Errors.because(operation, closed)
    const problem = restorationProblem(stream, events, last)
    if (problem !== undefined) return yield* refuse(operation, problem)
    const marker = yield* eventOf(operation, stream, Tombstone.restored, {
      events: events.length,
      last: events.at(-1)?.id
    })
    const outcome = yield* restore({
      stream,
      category: StreamName.category(stream),
      expected: last.revision,
      events,
      marker
    })
    const [restored] = outcome._tag === "Appended" ? outcome.results : []
    if (restored !== undefined) return restored
    const now = yield* lastOf(driver, stream)
    if (now !== undefined && isBack(now)) return standing(now)
    const taken = "somebody was faster, or this is not the store that it was archived from"
    return yield* refuse(operation, `the places of stream ${stream} are taken: ${taken}`)
  })
}
