// projectionLoad: the read model that the log makes, now or as it was; nothing that is stored of it is read.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Projection } from "../Projection.ts"
import * as StreamName from "../StreamName.ts"
import { between } from "./between.ts"
import type { Place, Range } from "./between.ts"
import { fold } from "./projectionFold.ts"

/** Of which rows, and up to which event. */
export interface LoadOptions {
  /** Up to a position or a time, included; up to what is stored now unless given. */
  readonly at?: Place
  /** Only the rows of these keys; all unless given. */
  readonly keys?: ReadonlyArray<string>
}

/**
 * The rows of a read model as the log makes them: now, or as they were at a position or a time.
 *
 * The events up to there are read and folded by the projection of today: every one of its sources, or, where rows have the
 * ids of their streams, only the streams of the `keys` that are asked for. What `Processor.drop` gave up is among them; what left the store, with a
 * stream that was archived or deleted, is not, at whatever time.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
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
 *   initial: { total: 0 }
 * })({ evolve: { Added: ({ total }, { by }) => ({ total: total + by }) } })
 *
 * const program = Effect.gen(function* () {
 *   const { position } = yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 2 })
 *   yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 3 })
 *   const before = yield* Projection.load(Totals, { at: { position } })
 *   const now = yield* Projection.load(Totals, { keys: ["a"] })
 *   return [before.get("a")?.total, now.get("a")?.total]
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => [2, 5]
 * ```
 */
export const load = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  options: LoadOptions = {}
): Effect.Effect<ReadonlyMap<string, Row>, EventStoreError, EventStore> => {
  const { at, keys } = options
  const range: Range = at === undefined ? {} : { to: at }
  if (keys === undefined) return fold(projection, between(projection.filter, range))
  const wanted = new Set(keys)
  const events = projection.isKeyedByStream
    ? Stream.flatMap(Stream.fromIterable(wanted), (key) => ofKey(projection, key, range))
    : between(projection.filter, range)
  return Effect.map(fold(projection, events), (rows) => new Map([...rows].filter(([key]) => wanted.has(key))))
}

/** The events of one row, where its key is the id of its streams. */
const ofKey = <Name extends string, Row, Index extends string>(
  { from }: Projection<Name, Row, Index>,
  key: string,
  range: Range
): Stream.Stream<Recorded, EventStoreError, EventStore> => {
  const streams = from.flatMap(({ name }) => {
    const stream = StreamName.fromParts(name, key)
    return Result.isSuccess(stream) ? [between(EventFilter.stream(stream.success), range)] : []
  })
  const [only] = streams
  if (only === undefined || streams.length === 1) return only ?? Stream.empty
  // Those of several streams change one row, in the order of the store, and all are read as far as the same place.
  return Stream.fromIterableEffect(
    Effect.gen(function* () {
      const head = yield* (yield* EventStore).head
      const all = yield* Effect.forEach(streams, (stream) => Stream.runCollect(stream), { concurrency: 4 })
      const inOrder = all.flat().sort((a, b) => a.position - b.position)
      return inOrder.filter(({ position }) => position <= head)
    })
  )
}
