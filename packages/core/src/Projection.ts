// Projection: a read model as a pure fold. Events give rows; it cannot express an effect, so it can always be replayed.
import type { Effect } from "effect/Effect"
import type * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type * as Aggregate from "./Aggregate.ts"
import type { Recorded } from "./EventData.ts"
import type { EventFilter } from "./EventFilter.ts"
import type { Exact } from "./internal/exact.ts"
import { define } from "./internal/projection.ts"
import type { JsonCodec } from "./internal/jsonCodec.ts"
import type { Table } from "./ReadModelStore.ts"
import type { Tombstone } from "./Tombstone.ts"

export { fold, scan } from "./internal/projectionFold.ts"
export type { Change } from "./internal/projectionFold.ts"
export { load } from "./internal/projectionLoad.ts"
export type { LoadOptions } from "./internal/projectionLoad.ts"
export { changes } from "./internal/projectionBatch.ts"
export type { Changes } from "./internal/projectionBatch.ts"

/** What a handler returns to remove its row; returning nothing is a type error, so that a forgotten return deletes nothing. */
export const remove: Remove = { _tag: "evolvent/Projection/remove" }

/** The type of {@link remove}. */
export interface Remove {
  readonly _tag: "evolvent/Projection/remove"
}

/** A value that an index can order. */
export type Indexable = string | number | boolean | bigint | DateTime.Utc | Date

/** The fields of a row that can be indexed: those that hold an ordered scalar. */
export type IndexKey<Row> = {
  readonly [Field in keyof Row & string]: [Row[Field]] extends [Indexable] ? Field : never
}[keyof Row & string]

/**
 * A read model: which events it is made of, and how each changes the row of its key.
 *
 * `step` is the whole of it: the row after an event, from the row before it (undefined when there is none).
 */
export interface Projection<out Name extends string, in out Row, out Index extends string> {
  readonly name: Name
  readonly version: number
  readonly from: ReadonlyArray<Aggregate.Any>
  /** The stored events that it is made of: of the types that it handles, and of old versions that may have become such. */
  readonly filter: EventFilter
  /** The events that it handles, by their types of today. */
  readonly handles: ReadonlyArray<{ readonly category: string; readonly types: ReadonlyArray<string> }>
  /** The tombstones of its sources' streams that it handles, by their types. */
  readonly removals: ReadonlyArray<string>
  readonly indexes: ReadonlyArray<Index>
  readonly row: Schema.ConstraintCodec<Row, unknown>
  readonly codec: JsonCodec<Row>
  readonly table: Table
  /** Whether the key of a row is the id of the stream that it comes from: the projection has no `key` of its own. */
  readonly isKeyedByStream: boolean
  /** The keys of the rows that an event changes. */
  readonly keys: (event: Recorded<Tagged>) => ReadonlyArray<string>
  /** The row after an event; undefined when there is none. */
  readonly step: (row: Row | undefined, event: Recorded<Tagged>) => Row | undefined
}

interface Tagged {
  readonly _tag: string
}

type Sources = readonly [Aggregate.Any, ...ReadonlyArray<Aggregate.Any>]
type TagOf<A extends Aggregate.Any> = Aggregate.EventOf<A>["_tag"]
type CaseOf<A extends Aggregate.Any, Tag> = Extract<Aggregate.EventOf<A>, { readonly _tag: Tag }>

/** A stored event of an aggregate, of one type. */
export type RecordedCase<A extends Aggregate.Any, Tag extends string> = Recorded<CaseOf<A, Tag>, A["name"], Tag>

/** The stored events of some aggregates: `category` and then `type` narrow `data`. */
export type RecordedOf<A extends Aggregate.Any> = A extends Aggregate.Any
  ? { readonly [Tag in TagOf<A>]: RecordedCase<A, Tag> }[TagOf<A>]
  : never

// What the second step infers its handlers from is looser than what it then asks for: handlers that break their
// constraint are not inferred, and the message would be about all of them instead of the one that is wrong.

/** `create` handlers for some events, whatever objects they return. */
export type AnyCreates<A extends Aggregate.Any, Row> = {
  readonly [Tag in TagOf<A>]?: (event: CaseOf<A, Tag>, recorded: RecordedCase<A, Tag>) => Row | object | void
}

/** `evolve` handlers for some events, whatever objects they return. */
export type AnyEvolves<A extends Aggregate.Any, Row> = {
  readonly [Tag in TagOf<A>]?: (
    row: Row,
    event: CaseOf<A, Tag>,
    recorded: RecordedCase<A, Tag>
  ) => Row | Remove | object | void
}

type Named<From extends Sources, Name> = Extract<From[number], { readonly name: Name }>

/** `create` as it was given, with handlers for events only, that return rows and no field more. */
export type Creating<Given, A extends Aggregate.Any, Row> = [Given] extends [never]
  ? Given
  : {
      readonly [Tag in keyof Given]: Tag extends TagOf<A>
        ? (event: CaseOf<A, Tag>, recorded: RecordedCase<A, Tag>) => Exact<Given[Tag], Row, "no field of the row">
        : `no event of ${A["name"]}`
    }

/** `evolve` as it was given, with handlers for events only, that return rows and no field more, or `remove`. */
export type Evolving<Given, A extends Aggregate.Any, Row> = [Given] extends [never]
  ? Given
  : {
      readonly [Tag in keyof Given]: Tag extends TagOf<A>
        ? (
            row: Row,
            event: CaseOf<A, Tag>,
            recorded: RecordedCase<A, Tag>
          ) => Exact<Given[Tag], Row | Remove, "no field of the row">
        : `no event of ${A["name"]}`
    }

/** {@link Creating}, by aggregate name. */
export type CreatingBySource<Given, From extends Sources, Row> = {
  readonly [Name in keyof Given]: Name extends From[number]["name"]
    ? Creating<Given[Name], Named<From, Name>, Row>
    : "no source of this projection"
}

/** {@link Evolving}, by aggregate name. */
export type EvolvingBySource<Given, From extends Sources, Row> = {
  readonly [Name in keyof Given]: Name extends From[number]["name"]
    ? Evolving<Given[Name], Named<From, Name>, Row>
    : "no source of this projection"
}

/**
 * What becomes of a row when its stream is removed from the store, archived or deleted: the row as it then is, or
 * {@link remove}. `recorded` is the tombstone, as it stands in the log.
 *
 * Left out, the row of a stream that was archived stays, and that of a stream that was deleted for good goes where the stream
 * is its only source; rows with a key of their own stay as they are, so that events must have said before what is to become
 * of them.
 */
export type Removed<Row> = (row: Row, tombstone: Tombstone, recorded: Recorded<Tombstone>) => Row | Remove

/** The second step of {@link make}: the handlers, flat for one aggregate, by aggregate name for several. */
export type Behaviour<
  Name extends string,
  From extends Sources,
  Row,
  Index extends string,
  Started extends boolean
> = From extends readonly [infer A extends Aggregate.Any]
  ? Started extends true
    ? <const Evolved extends AnyEvolves<A, Row>>(behaviour: {
        readonly evolve: Evolving<Evolved, A, Row>
        readonly removed?: Removed<Row>
      }) => Projection<Name, Row, Index>
    : <const Created extends AnyCreates<A, Row>, const Evolved extends AnyEvolves<A, Row>>(behaviour: {
        readonly create: Creating<Created, A, Row>
        readonly evolve: Evolving<Evolved, A, Row>
        readonly removed?: Removed<Row>
      }) => Projection<Name, Row, Index>
  : Started extends true
    ? <const Evolved extends { readonly [B in From[number] as B["name"]]: AnyEvolves<B, Row> }>(behaviour: {
        readonly evolve: EvolvingBySource<Evolved, From, Row>
        readonly removed?: Removed<Row>
      }) => Projection<Name, Row, Index>
    : <
        const Created extends { readonly [B in From[number] as B["name"]]?: AnyCreates<B, Row> },
        const Evolved extends { readonly [B in From[number] as B["name"]]: AnyEvolves<B, Row> }
      >(behaviour: {
        readonly create: CreatingBySource<Created, From, Row>
        readonly evolve: EvolvingBySource<Evolved, From, Row>
        readonly removed?: Removed<Row>
      }) => Projection<Name, Row, Index>

/** A row schema that an Effect would satisfy cannot keep effects out of the handlers. */
export type NoEffect<Row> = [Effect<unknown, unknown, unknown>] extends [Row]
  ? "a row needs at least one field"
  : unknown

/** What a projection is made of. */
export interface Protocol<From extends Sources, Row, Index extends string, Initial> {
  readonly from: From
  readonly row: Schema.ConstraintCodec<Row, unknown> & NoEffect<Row>
  /** The key, or keys, of the rows that an event changes; the stream's id unless given. */
  readonly key?: (event: RecordedOf<From[number]>) => string | ReadonlyArray<string>
  /** The fields to filter and order by. */
  readonly indexes?: ReadonlyArray<Index>
  /** The row before a key's first event; without it, rows begin with the events in `create`. */
  readonly initial?: Initial
  /** Bumped by hand when the handlers mean something else: a new version is built beside the old one. */
  readonly version?: number
}

/**
 * Makes a projection in two steps: where its rows come from, then how events change them.
 *
 * A row begins with `initial` or with an event in `create` (which begins anew where there is a row already, unless
 * `evolve` handles that event too). An `evolve` event for a key without a row is passed over, so no handler sees
 * `undefined`. With several aggregates the handlers are nested by aggregate name, since tags may collide.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as EventFilter from "evolvent/EventFilter"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as Projection from "evolvent/Projection"
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
 * const Totals = Projection.make("totals", {
 *   from: [Counter],
 *   row: Schema.Struct({ total: Schema.Int }),
 *   initial: { total: 0 },
 *   indexes: ["total"]
 * })({
 *   evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
 * })
 *
 * const program = Effect.gen(function* () {
 *   yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 2 })
 *   yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 3 })
 *   const store = yield* EventStore
 *   return yield* Projection.fold(Totals, store.read(EventFilter.all()))
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => new Map([["a", { total: 5 }]])
 * ```
 */
export const make = <
  const Name extends string,
  const From extends Sources,
  Row extends object,
  const Index extends IndexKey<Row> = never,
  Initial extends Row = never
>(
  name: Name,
  protocol: Protocol<From, Row, Index, Initial>
): Behaviour<Name, From, Row, Index, [Initial] extends [never] ? false : true> =>
  // The conditional type picks the shape of the second call from the first; at run time there is one shape for all.
  ((behaviour: never) => define(name, protocol as never, behaviour)) as never
