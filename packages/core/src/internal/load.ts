// Loads an aggregate: reads its stream in pages, decodes, folds.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Aggregate } from "../Aggregate.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { History } from "../EventStore.ts"
import { because, InvalidRequest, NewerVersion, UndecodableEvent } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Revision from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import * as archiveSource from "./archiveSource.ts"
import type { Undecoded } from "./eventCodec.ts"
import { historyOf } from "./eventDecoding.ts"
import { closedBy, leftOf } from "./removal.ts"
import { bytesOf, fromSnapshot, unloaded } from "./snapshot.ts"
import type { Loaded, Start } from "./snapshot.ts"
import * as spans from "./spans.ts"
import { keptOf } from "./stateCache.ts"

/** Up to which event to load: a revision or a time, included. */
export interface LoadOptions {
  readonly at?:
    | { readonly revision: number; readonly time?: never }
    | { readonly time: DateTime.Utc; readonly revision?: never }
}

/**
 * The state of one entity, from its events: now, or as it was at a revision or a time.
 *
 * An entity without events has the initial state and no revision.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 *
 * const Counter = Aggregate.make("Counter", {
 *   command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
 *   event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
 *   state: Schema.Int,
 *   initial: 0
 * })({
 *   decide: { Add: ({ by }) => [{ _tag: "Added", by }] },
 *   evolve: { Added: (total, { by }) => total + by }
 * })
 *
 * const program = Effect.gen(function* () {
 *   yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 1 })
 *   yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 10 })
 *   const now = yield* Aggregate.load(Counter, "a")
 *   const before = yield* Aggregate.load(Counter, "a", { at: { revision: 0 } })
 *   return [now.state, before.state]
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => [11, 1]
 * ```
 */
export const load = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  options?: LoadOptions
): Effect.fn.Return<Loaded<State>, EventStoreError, EventStore> {
  const operation = "Aggregate.load"
  const store = yield* EventStore
  const stream = yield* streamOf(operation, aggregate, id)
  const { revision: atMost, time } = options?.at ?? {}
  if (atMost !== undefined && !Revision.isRevision(atMost)) {
    const problem = `${atMost} is no revision: whole numbers from 0 are`
    return yield* because(operation, new InvalidRequest({ problem }))
  }
  // Along a stream recordedAt never decreases, so the first later event ends it.
  const isWanted = ({ recordedAt, revision }: Recorded): boolean =>
    (time === undefined || DateTime.isLessThanOrEqualTo(recordedAt, time)) && revision <= (atMost ?? Infinity)
  const ofEvents = (events: Stream.Stream<Recorded, EventStoreError>) =>
    replay(
      operation,
      store,
      aggregate,
      stream,
      unloaded(aggregate),
      (take) => Stream.runForEachArray(Stream.takeWhile(events, isWanted), (page) => take(historyOf(page))),
      false
    )
  const archive = yield* archiveSource.Current
  const isLeft = leftOf(operation, store, stream)
  const byTime = ofEvents(store.read(EventFilter.stream(stream)))
  const loaded =
    time === undefined
      ? atMost === undefined
        ? newest(operation, store, aggregate, stream)
        : catchUp(operation, store, aggregate, stream, yield* fromSnapshot(aggregate, stream, atMost), { atMost })
      : archive === undefined
        ? // Where nothing was recorded by then, all of it may be gone.
          Effect.tap(byTime, ({ revision }) => (revision === undefined ? isLeft : Effect.void))
        : // An archive's events stand before what is left of the stream, be they all of it or not.
          Effect.andThen(isLeft, byTime)
  const wherever =
    archive === undefined
      ? loaded
      : Effect.catchReason(loaded, "EventStoreError", "StreamArchived", (reason, error) =>
          fromArchive(archive.stream(stream), error, reason.revision - 1, ofEvents)
        )
  return only(yield* spans.load(aggregate.name, wherever))
})

/** What a caller is told of what was loaded. */
const only = <State>({ position, revision, state }: Loaded<State>): Loaded<State> => ({ state, revision, position })

/** Loads the newest state: from one that was kept, or from a snapshot, and always all that came behind it. */
const newest = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  store: EventStore["Service"],
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName.StreamName
): Effect.fn.Return<Start<State>, EventStoreError> {
  const kept = yield* keptOf(store, aggregate, stream)
  const start = kept?.state ?? (yield* fromSnapshot(aggregate, stream))
  const found = yield* catchUp(operation, store, aggregate, stream, start)
  if (kept !== undefined) yield* kept.putLoaded(found)
  return found
})

/** Loads from an archive, which may have nothing of a stream; nothing of what was asked for is something else. */
const fromArchive = <State>(
  events: Stream.Stream<Recorded, EventStoreError>,
  error: EventStoreError,
  end: number,
  load: (events: Stream.Stream<Recorded, EventStoreError>) => Effect.Effect<Loaded<State>, EventStoreError>
): Effect.Effect<Loaded<State>, EventStoreError> =>
  // An archive that was made of it before, or only up to a position, does not have all of it.
  Effect.flatMap(
    Stream.runFold(
      events,
      () => -1,
      (last, { revision }) => Math.max(last, revision)
    ),
    (last) => (last < end ? Effect.fail(error) : load(events))
  )

/**
 * Brings what was loaded before up to date, or to a revision.
 *
 * Of a claim the last event is read again and must stand where it stood: a store that was restored to an older state may
 * have a snapshot from its future. Then everything is loaded anew.
 */
export const catchUp = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  store: EventStore["Service"],
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName.StreamName,
  from: Start<State>,
  options: { readonly atMost?: number | undefined } = {}
): Effect.fn.Return<Start<State>, EventStoreError> {
  const { atMost } = options
  const read =
    (revision: Revision.Revision): Read =>
    (take) =>
      store.history(stream, take, {
        from: revision,
        ...(atMost === undefined ? {} : { limit: atMost + 1 - revision })
      })
  const { position, revision } = from
  const isWhole = atMost === undefined
  if (!from.isClaim || revision === undefined) {
    return yield* replay(operation, store, aggregate, stream, from, read(Revision.next(revision)), isWhole)
  }
  let proved = false
  // What the claim was made behind is read again, and not folded again.
  const readBehind: Read = (take) =>
    read(revision)((page) => {
      const { id, position: at } = page.first
      proved ||= page.revision === revision && at === position && id === from.lastEvent
      return proved ? take(page) : Effect.succeed(false)
    })
  const loaded = yield* replay(operation, store, aggregate, stream, from, readBehind, isWhole)
  if (proved) return loaded
  const nothing = unloaded(aggregate, from.since.measures)
  return yield* replay(operation, store, aggregate, stream, nothing, read(Revision.next(undefined)), isWhole)
})

/** The stream of an entity. */
export const streamOf = <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: Id
): Effect.Effect<StreamName.StreamName, EventStoreError> => Effect.fromResult(streamNameOf(operation, aggregate, id))

/** The name of an entity's stream, or why its id makes none. */
export const streamNameOf = <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: Id
): Result.Result<StreamName.StreamName, EventStoreError> => {
  const encoded = aggregate.codecs.id.encode(id)
  const text = Result.isSuccess(encoded) && typeof encoded.success === "string" ? encoded.success : undefined
  if (text === undefined) {
    const problem = Result.isFailure(encoded) ? encoded.failure : "its encoded form is not text"
    return Result.fail(
      because(operation, new StreamName.InvalidStreamName({ category: aggregate.name, id: String(id), problem }))
    )
  }
  return Result.mapError(StreamName.fromParts(aggregate.name, text), (error) => because(operation, error))
}

/** Reads histories, and gives them to whoever folds them. */
type Read = (
  take: (history: History) => Effect.Effect<boolean, EventStoreError>
) => Effect.Effect<void, EventStoreError>

/**
 * Folds stored events into what was loaded before; those that it holds already are passed over.
 *
 * Fails where there is only a tombstone to be had: behind what is missing, and as the last of all where `isWhole`.
 */
const replay = <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  store: EventStore["Service"],
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName.StreamName,
  from: Start<State>,
  read: Read,
  isWhole: boolean
): Effect.Effect<Start<State>, EventStoreError> =>
  Effect.suspend(() => {
    const { codecs, evolve } = aggregate
    const { measures } = from.since
    let { lastEvent, position, revision, state } = from
    let { bytes } = from.since
    let closed: ReturnType<typeof closedBy>
    // What goes on behind a hole is not the whole of it.
    let torn: ReturnType<typeof closedBy>
    // The error names all that there is to know of the event, which a history leaves out.
    const refuse = (at: Revision.Revision, why: Undecoded) =>
      Effect.as(
        Stream.runForEach(store.read(EventFilter.stream(stream), { from: { revision: at }, limit: 1 }), (event) =>
          Effect.fail(undecodable(operation, event, why))
        ),
        false
      )
    const fold = ({
      data,
      first: { id },
      last,
      revision: first,
      schemaVersions,
      types
    }: History): Effect.Effect<boolean, EventStoreError> => {
      const isTorn = first > Revision.next(revision)
      // Of several events nobody has told the last one's id.
      if (first + types.length > Revision.next(revision)) lastEvent = types.length === 1 ? id : undefined
      for (let i = Math.max(0, Revision.next(revision) - first); i < types.length; i++) {
        const decoded = codecs.event.decode(types[i] as string, schemaVersions[i] as number, data[i] as Json)
        const at = Revision.make(first + i)
        if (measures) bytes += bytesOf(data[i] as Json)
        if (Result.isSuccess(decoded)) for (const event of decoded.success) state = evolve(state, event)
        else if (!Tombstone.isReserved(types[i] as string)) return refuse(at, decoded.failure)
        else {
          const left = closedBy(stream, at, { type: types[i] as string, data: data[i] })
          if (isTorn) torn ??= left
          closed = isWhole ? left : undefined
        }
        revision = at
      }
      position = last
      return wantsMore
    }
    return Effect.flatMap(read(fold), () => {
      const missing = torn ?? closed
      if (missing !== undefined) return Effect.fail(because(operation, missing))
      return Effect.succeed({ state, revision, position, since: { ...from.since, bytes }, lastEvent, isClaim: false })
    })
  })

const wantsMore = Effect.succeed(true)

/** The error of a stored event that is not understood here. */
export const undecodable = (
  operation: string,
  { position, revision, schemaVersion, stream, type }: Recorded,
  { newest, problem }: Undecoded
): EventStoreError => {
  const where = { stream, revision, position, type, schemaVersion }
  return because(
    operation,
    newest === undefined ? new UndecodableEvent({ ...where, problem }) : new NewerVersion({ ...where, newest })
  )
}
