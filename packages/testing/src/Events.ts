// Events: the past of a stream, written down in a test for projections to fold.
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import type * as Aggregate from "evolvent/Aggregate"
import type { EventData, Recorded } from "evolvent/EventData"
import * as EventId from "evolvent/EventId"
import type { Metadata } from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"

/** When events were recorded, and what is known of them beside what happened. */
export interface EventsOptions {
  /** When all of them were recorded; unless given, a second after the event before, from the year 2000 on. */
  readonly recordedAt?: DateTime.DateTime.Input
  readonly metadata?: Metadata
}

/** Events of one entity, in order. Made by {@link events}. */
export interface StreamEvents {
  readonly aggregate: Aggregate.Any
  /** The id as it stands in the stream's name. */
  readonly streamId: string
  readonly events: ReadonlyArray<{ readonly _tag: string }>
  readonly recordedAt: DateTime.Utc | undefined
  readonly metadata: Metadata
}

/**
 * Events of one entity, for a projection to fold; several of them, in an array, follow one after the other.
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Projection from "evolvent/Projection"
 * import { events, given } from "@evolvent/testing"
 *
 * const Task = Aggregate.make("Task", {
 *   command: Schema.TaggedUnion({ Add: { title: Schema.String } }),
 *   event: Schema.TaggedUnion({ Added: { title: Schema.String }, Done: {} }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Add: ({ title }) => [{ _tag: "Added", title }] },
 *   evolve: { Added: () => null, Done: () => null }
 * })
 * const Tasks = Projection.make("tasks", {
 *   from: [Task],
 *   row: Schema.Struct({ title: Schema.String, since: Schema.DateTimeUtc })
 * })({
 *   create: { Added: ({ title }, { recordedAt }) => ({ title, since: recordedAt }) },
 *   evolve: { Done: () => Projection.remove }
 * })
 *
 * given(Tasks, [
 *   events(Task, "1", [{ _tag: "Added", title: "wash" }], { recordedAt: "2026-01-31T08:00:00Z" }),
 *   events(Task, "2", [{ _tag: "Added", title: "iron" }]),
 *   events(Task, "1", [{ _tag: "Done" }])
 * ]).expectNoRow("1")
 * ```
 */
export const events = <Name extends string, Id, Command, Event extends { readonly _tag: string }, State, Rejection>(
  aggregate: Aggregate.Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  events: ReadonlyArray<NoInfer<Event>>,
  options: EventsOptions = {}
): StreamEvents => {
  const encoded = aggregate.codecs.id.encode(id)
  if (Result.isFailure(encoded)) {
    throw new TypeError(`events(${aggregate.name}, …): the id cannot be one of ${aggregate.name}: ${encoded.failure}`)
  }
  const streamId = String(encoded.success)
  StreamName.make(aggregate.name, streamId)
  return {
    aggregate,
    streamId,
    events,
    recordedAt: options.recordedAt === undefined ? undefined : DateTime.toUtc(DateTime.makeUnsafe(options.recordedAt)),
    metadata: options.metadata ?? {}
  }
}

/**
 * These events as a store would give them back: revisions, positions and times filled in, `data` encoded.
 *
 * For `Projection.fold`, `Projection.scan`, or a handler of your own. Throws a TypeError for an event that its schema
 * refuses.
 */
export const recorded = (past: StreamEvents | ReadonlyArray<StreamEvents>): ReadonlyArray<Recorded> => {
  const all: Array<Recorded> = []
  const revisions = new Map<StreamName.StreamName, Revision.Revision>()
  let clock = Date.UTC(2000, 0, 1)
  for (const batch of "aggregate" in past ? [past] : past) {
    const stream = StreamName.make(batch.aggregate.name, batch.streamId)
    for (const event of batch.events) {
      const position = Position.make(all.length + 1)
      const revision = Revision.next(revisions.get(stream))
      const recordedAt = batch.recordedAt ?? DateTime.makeUnsafe((clock += 1000))
      clock = Math.max(clock, DateTime.toEpochMillis(recordedAt))
      revisions.set(stream, revision)
      all.push({
        id: EventId.derive(stream, "given", revision),
        stream,
        category: batch.aggregate.name,
        streamId: batch.streamId,
        revision,
        position,
        ...encode(batch, event),
        schemaVersion: batch.aggregate.codecs.event.versionOf(event._tag) ?? 1,
        metadata: batch.metadata,
        recordedAt
      })
    }
  }
  return all
}

/**
 * What events that older code stored are today: for a past that has old versions in it.
 *
 * Throws a TypeError for one that cannot be decoded.
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Upcaster from "evolvent/Upcaster"
 * import { given, stored } from "@evolvent/testing"
 *
 * const event = Schema.TaggedUnion({ Added: { grams: Schema.Int } })
 * const Scale = Aggregate.make("Scale", {
 *   command: Schema.TaggedUnion({ Add: { grams: Schema.Int } }),
 *   event,
 *   state: Schema.Struct({ grams: Schema.Int }),
 *   initial: { grams: 0 },
 *   upcast: Upcaster.make(event)({
 *     Added: (added) => added.from({ kilos: Schema.Int }).toCurrent(({ kilos }) => ({ grams: 1000 * kilos }))
 *   })
 * })({
 *   decide: { Add: ({ grams }) => [{ _tag: "Added", grams }] },
 *   evolve: { Added: (state, { grams }) => ({ grams: state.grams + grams }) }
 * })
 *
 * given(
 *   Scale,
 *   stored(Scale, [
 *     { type: "Added", schemaVersion: 1, data: { kilos: 2 } },
 *     { type: "Added", schemaVersion: 2, data: { grams: 5 } }
 *   ])
 * ).expectState({ grams: 2005 })
 * ```
 */
export const stored = <Name extends string, Id, Command, Event, State, Rejection>(
  { codecs, name }: Aggregate.Aggregate<Name, Id, Command, Event, State, Rejection>,
  events: ReadonlyArray<Pick<EventData, "type" | "schemaVersion" | "data">>
): ReadonlyArray<Event> =>
  events.flatMap(({ data, schemaVersion = 1, type }) => {
    const decoded = codecs.event.decode(type, schemaVersion, data)
    if (Result.isSuccess(decoded)) return decoded.success
    throw new TypeError(
      `stored(${name}, …): version ${schemaVersion} of "${type}" cannot be decoded: ${decoded.failure.problem}`
    )
  })

const encode = ({ aggregate, streamId }: StreamEvents, event: { readonly _tag: string }) => {
  const encoded = encoderOf(aggregate)(event)
  if (Result.isFailure(encoded)) {
    throw new TypeError(
      `events(${aggregate.name}, ${JSON.stringify(streamId)}, …): no ${event._tag} like that can be stored, for its ` +
        `schema refuses it: ${encoded.failure.message}`
    )
  }
  const { _tag: type, ...data } = encoded.success as { readonly _tag: string; readonly [key: string]: Json }
  return { type, data: data as Json }
}

// An aggregate of any types shows how its events are decoded only, so their encoder is built here, once for each.
const encoders = new WeakMap<Aggregate.Any, ReturnType<typeof makeEncoder>>()
const makeEncoder = (aggregate: Aggregate.Any) =>
  Schema.encodeUnknownResult(Schema.toCodecJson(aggregate.schemas.event))
const encoderOf = (aggregate: Aggregate.Any) => {
  const encoder = encoders.get(aggregate) ?? makeEncoder(aggregate)
  encoders.set(aggregate, encoder)
  return encoder
}
