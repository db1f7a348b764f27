// InlineProjections: projections that appends keep in their own transaction, begun and ended while everybody works.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Projection } from "evolvent/Projection"

/** A projection that cannot be kept by appends as it is defined. */
export class InlineRefused extends Schema.TaggedError<InlineRefused>()("InlineRefused", {
  projection: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The projection "${this.projection}" cannot be kept in the append's own transaction: ${this.problem}.`
  }
}

/** A projection could not be begun inline, or ended: it is as it was before. */
export class InlineFailed extends Schema.TaggedError<InlineFailed>()("InlineFailed", {
  projection: Schema.String,
  problem: Schema.String,
  /** Whether the same call may go through later. */
  isRetryable: Schema.Boolean,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return (
      `Whether appends keep the projection "${this.projection}" could not be changed and is as it was before: ` +
      `${this.problem.replace(/\.$/, "")}.`
    )
  }
}

/** The inline projections of a store; every layer of `Postgres` provides it. */
export class InlineProjections extends Context.Service<
  InlineProjections,
  {
    /** Keeps a projection in the appends of this process, and begins it where nobody has: see {@link layerInline}. */
    readonly register: <Name extends string, Row, Index extends string>(
      projection: Projection<Name, Row, Index>
    ) => Effect.Effect<void, InlineRefused | InlineFailed>
    /** Gives a projection back to its processor: see {@link endInline}. */
    readonly end: (projection: { readonly name: string; readonly version: number }) => Effect.Effect<void, InlineFailed>
  }
>()("@evolvent/postgres/InlineProjections") {}

/**
 * Keeps a projection in the append's own transaction: an event is never stored without its rows.
 *
 * It stands where `Processor.layer(Processor.projection(…))` stood, with the same definition and the same read model, and
 * needs no waiting: what was appended is in the rows, also for a caller that reads within its own transaction. The price
 * is paid by each append to that category, which goes by itself, in a transaction of some more statements. A handler
 * that throws, or a row that its schema refuses, fails the append, and nothing is stored.
 *
 * A row's key must be its stream's id: a projection with a `key` of its own, or of several aggregates, is an
 * {@link InlineRefused}, since streams that feed one row would overtake each other.
 *
 * The first process that provides it lets the processor catch up and then switches, under a lock that holds appends up
 * for a moment; the others find it done. From then on every process that appends to the category must provide it: others
 * are refused, with an error that names the projection. {@link endInline} is the way back. With `Memory` keep
 * `Processor.layer`, and wait.
 *
 * ```ts
 * import * as Postgres from "@evolvent/postgres/Postgres"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Projection from "evolvent/Projection"
 * import * as ReadModel from "evolvent/ReadModel"
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
 * const Totals = Projection.make("totals", {
 *   from: [Counter],
 *   row: Schema.Struct({ total: Schema.Int }),
 *   initial: { total: 0 }
 * })({
 *   evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
 * })
 *
 * const program = Effect.gen(function* () {
 *   yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 2 })
 *   return yield* ReadModel.get(Totals, "a")
 * })
 * const main = program.pipe(
 *   Effect.provide(Postgres.layerInline(Totals)),
 *   Effect.provide(Postgres.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
 * )
 * ```
 */
export const layerInline = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Layer.Layer<never, InlineRefused | InlineFailed, InlineProjections> =>
  Layer.effectDiscard(InlineProjections.use((inline) => inline.register(projection)))

/**
 * Gives an inline projection back to its processor, which goes on where the appends have left it.
 *
 * From then on `Processor.layer(Processor.projection(…))` keeps it, in whichever process that runs; appends keep it no
 * more, also in processes that still provide {@link layerInline}. One that starts later with it would begin anew. Where it
 * was not inline nothing happens. A name and a version are enough, for a definition that is no longer there.
 *
 * ```ts
 * import * as Postgres from "@evolvent/postgres/Postgres"
 * import * as Effect from "effect/Effect"
 *
 * const back = Postgres.endInline({ name: "totals", version: 1 }).pipe(
 *   Effect.catchTag("InlineFailed", (error) => Effect.logError(error.message))
 * )
 * ```
 */
export const endInline = (projection: {
  readonly name: string
  readonly version: number
}): Effect.Effect<void, InlineFailed, InlineProjections> => InlineProjections.use((inline) => inline.end(projection))
