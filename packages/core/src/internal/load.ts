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
import type { Undecoded } from "./eventCodec.ts"
import { historyOf } from "./eventDecoding.ts"
import { fromSnapshot, unloaded } from "./snapshot.ts"
import type { Loaded, Start } from "./snapshot.ts"

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
  if (options?.at?.time !== undefined) {
    const { time } = options.at
    // Along a stream recordedAt never decreases, so the first later event ends it.
    const until = (event: Recorded): boolean => DateTime.isLessThanOrEqualTo(event.recordedAt, time)
    const events = Stream.takeWhile(store.read(EventFilter.stream(stream)), until)
    return yield* replay(operation, store, aggregate, stream, unloaded(aggregate), (take) =>
      Stream.runForEachArray(events, (page) => take(historyOf(page)))
    )
  }
  const atMost = options?.at?.revision
  if (atMost !== undefined && !Revision.isRevision(atMost)) {
    const problem = `${atMost} is no revision: whole numbers from 0 are`
    return yield* because(operation, new InvalidRequest({ problem }))
  }
  return yield* catchUp(operation, store, aggregate, stream, yield* fromSnapshot(aggregate, stream, atMost), { atMost })
})

/**
 * Brings what was loaded before up to date, or to a revision.
 *
 * Of a snapshot the last event is read again and must stand where it stood: a store that was restored to an older state
 * may have a snapshot from its future. Then everything is loaded anew.
 */
export const catchUp = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  store: EventStore["Service"],
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName.StreamName,
  from: Start<State>,
  options: { readonly atMost?: number | undefined } = {}
): Effect.fn.Return<Loaded<State>, EventStoreError> {
  const { atMost } = options
  const read =
    (revision: Revision.Revision): Read =>
    (take) =>
      store.history(stream, take, {
        from: revision,
        ...(atMost === undefined ? {} : { limit: atMost + 1 - revision })
      })
  const { position, revision } = from
  if (from.snapshotOf === undefined || revision === undefined) {
    return yield* replay(operation, store, aggregate, stream, from, read(Revision.next(revision)))
  }
  let proved = false
  // What the snapshot was taken behind is read again, and not folded again.
  const loaded = yield* replay(operation, store, aggregate, stream, from, (take) =>
    read(revision)((page) => {
      proved ||= page.first.position === position && page.first.id === from.snapshotOf
      return proved ? take(page) : Effect.succeed(false)
    })
  )
  if (proved) return loaded
  return yield* replay(operation, store, aggregate, stream, unloaded(aggregate), read(Revision.next(undefined)))
})

/** The stream of an entity. */
export const streamOf = <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: Id
): Effect.Effect<StreamName.StreamName, EventStoreError> => {
  const encoded = aggregate.codecs.id.encode(id)
  const text = Result.isSuccess(encoded) && typeof encoded.success === "string" ? encoded.success : undefined
  if (text === undefined) {
    const problem = Result.isFailure(encoded) ? encoded.failure : "its encoded form is not text"
    return Effect.fail(
      because(operation, new StreamName.InvalidStreamName({ category: aggregate.name, id: String(id), problem }))
    )
  }
  return Effect.fromResult(
    Result.mapError(StreamName.fromParts(aggregate.name, text), (error) => because(operation, error))
  )
}

/** Reads histories, and gives them to whoever folds them. */
type Read = (
  take: (history: History) => Effect.Effect<boolean, EventStoreError>
) => Effect.Effect<void, EventStoreError>

/** Folds stored events into what was loaded before; those that it holds already are passed over. */
const replay = <Name extends string, Id, Command, Event, State, Rejection>(
  operation: string,
  store: EventStore["Service"],
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName.StreamName,
  from: Loaded<State>,
  read: Read
): Effect.Effect<Loaded<State>, EventStoreError> =>
  Effect.suspend(() => {
    const { codecs, evolve } = aggregate
    let { position, revision, state } = from
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
      last,
      revision: first,
      schemaVersions,
      types
    }: History): Effect.Effect<boolean, EventStoreError> => {
      for (let i = Revision.next(revision) - first; i < types.length; i++) {
        const decoded = codecs.event.decode(types[i] as string, schemaVersions[i] as number, data[i] as Json)
        const at = Revision.make(first + i)
        if (Result.isFailure(decoded)) return refuse(at, decoded.failure)
        for (const event of decoded.success) state = evolve(state, event)
        revision = at
      }
      position = last
      return wantsMore
    }
    return Effect.map(read(fold), () => ({ state, revision, position }))
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
