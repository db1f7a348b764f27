// Upcaster: the past of an aggregate's events. Says how each version that was ever stored becomes events of today.
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { EventCodec, Undecoded } from "./internal/eventCodec.ts"
import { define } from "./internal/upcasting.ts"

export type { Undecoded } from "./internal/eventCodec.ts"

interface Tagged {
  readonly _tag: string
}

/** The fields of an old version: as in `Schema.Struct`. */
export interface Fields {
  readonly [field: PropertyKey]: Schema.ConstraintCodec<unknown, unknown>
}

/** The content of an event of today, without its tag. */
export type Payload<Event> = Event extends unknown
  ? { readonly [Field in keyof Event as Exclude<Field, "_tag">]: Event[Field] }
  : never

/**
 * What a step returns: the content of the next version, or, in an array, the events of today that are left of it: `[]`
 * drops it, several split it.
 */
export type Up<Event, Next> = Next | ReadonlyArray<Event>

/** Where the history of a type begins. */
export interface Start<in out Event extends Tagged, in out Tag> {
  /** The first version that was stored; `name` is what the type was called then, where that was another name. */
  readonly from: <const F extends Fields>(fields: F, name?: string) => Chain<Event, Tag, Schema.Struct.Type<F>>
}

/** A whole history, from the first version to today. */
export interface History {
  readonly endsInToCurrent: true
}

/** The history of a type up to some version. */
export interface Chain<in out Event extends Tagged, in out Tag, in out Version> {
  /** The version after it, what it was called where that was another name, and how the one before it becomes one of it. */
  readonly to: <const F extends Fields>(
    fields: F,
    up: (event: Version) => Up<Event, Schema.Struct.Type<F>>,
    name?: string
  ) => Chain<Event, Tag, Schema.Struct.Type<F>>
  /** The last step: to what the union says today; of a retired type, to events of today. */
  readonly toCurrent: (up: (event: Version) => Up<Event, Payload<Extract<Event, { readonly _tag: Tag }>>>) => History
}

/** A version that is no more written. */
export interface PastVersion {
  readonly type: string
  readonly schemaVersion: number
  readonly fields: Fields
  /** The type of today whose history it belongs to; undefined for a retired type. */
  readonly of: string | undefined
}

/** The past of a union of events. Made by {@link make}, given to `Aggregate.make` as `upcast`. */
export interface Upcaster<in out Event> extends Any {
  readonly event: Schema.ConstraintCodec<Event, unknown>
  /** Encodes events of today and decodes those of any version; built once, on first use. */
  readonly codec: EventCodec<Event>
}

/** The past of any events, for constraints. */
export interface Any {
  /** All old versions. */
  readonly past: ReadonlyArray<PastVersion>
  /** The versions that the types of today are stored in, where these are not the first ones. */
  readonly current: ReadonlyMap<string, number>
}

/**
 * Declares what was stored before today, type by type: only the past, since today's shapes are those of the union.
 *
 * A type's versions are counted from 1: with two old versions, events of today are stored as its `schemaVersion` 3. A step
 * takes the content of one version to the next; an array of events of today ends the way early, to split an event or to
 * drop it. Types that are gone from the union are given as `retired`, and end in events of today. Nothing that is stored is
 * ever rewritten: what is read is upcast, by `Aggregate.load` and `execute`, projections, processors and tests alike.
 *
 * Throws a TypeError for two histories that claim one version of a type, and for one that leads nowhere.
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 * import * as Upcaster from "evolvent/Upcaster"
 *
 * const OrderEvent = Schema.TaggedUnion({
 *   Created: { total: Schema.Int, customer: Schema.String },
 *   Paid: { amount: Schema.Int }
 * })
 * const OrderHistory = Upcaster.make(OrderEvent)(
 *   {
 *     Created: (event) =>
 *       event.from({ total: Schema.Int }).toCurrent(({ total }) => ({ total, customer: "unknown" })),
 *     Paid: (event) =>
 *       event.from({ euros: Schema.Int }, "MoneyReceived").toCurrent(({ euros }) => ({ amount: euros * 100 }))
 *   },
 *   { Reminded: (event) => event.from({}).toCurrent(() => []) }
 * )
 *
 * const read = (type: string, version: number, data: Schema.Json) =>
 *   Result.getOrThrow(Upcaster.decode(OrderHistory, type, version, data))
 * read("Created", 1, { total: 7 }) // => [{ _tag: "Created", total: 7, customer: "unknown" }]
 * read("Created", 2, { total: 7, customer: "ada" }) // => [{ _tag: "Created", total: 7, customer: "ada" }]
 * read("MoneyReceived", 1, { euros: 3 }) // => [{ _tag: "Paid", amount: 300 }]
 * read("Reminded", 1, {}) // => []
 * ```
 */
export const make =
  <Event extends Tagged>(event: Schema.ConstraintCodec<Event, unknown>) =>
  <const Tag extends Event["_tag"]>(
    histories: { readonly [T in Tag]: (event: Start<Event, T>) => History },
    retired?: { readonly [type: string]: (event: Start<Event, never>) => History }
  ): Upcaster<Event> =>
    // The histories were checked against the union above; at run time all of them are steps from one value to the next.
    define(event, histories as never, (retired ?? {}) as never)

/** A stored event of any version as events of today: one, mostly; or why this process does not understand it. */
export const decode = <Event>(
  upcaster: Upcaster<Event>,
  type: string,
  schemaVersion: number,
  data: Schema.Json
): Result.Result<ReadonlyArray<Event>, Undecoded> => upcaster.codec.decode(type, schemaVersion, data)
