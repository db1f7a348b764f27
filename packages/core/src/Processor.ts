// Processor: the running consumer. Follows the log, keeps a read model or reacts, and remembers how far it has come.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Aggregate from "./Aggregate.ts"
import type { CheckpointStore } from "./CheckpointStore.ts"
import type { CheckpointMoved, CheckpointStoreError, LeaseLost } from "./CheckpointStoreError.ts"
import type { EventFilter } from "./EventFilter.ts"
import type { EventStore, Page } from "./EventStore.ts"
import type { EventStoreError } from "./EventStoreError.ts"
import type { EventFailed, ProcessorStopped } from "./internal/processorErrors.ts"
import * as handlers from "./internal/processorHandler.ts"
import * as projections from "./internal/processorProjection.ts"
import * as reactors from "./internal/processorReactor.ts"
import * as runner from "./internal/processorRun.ts"
import type { Position } from "./Position.ts"
import type { Projection, RecordedCase, RecordedOf } from "./Projection.ts"
import type { ReadModelStore, ReadModelStoreError } from "./ReadModelStore.ts"

export { ProcessorStopped, WaitTimedOut } from "./internal/processorErrors.ts"
export { status, waitFor } from "./internal/processorStatus.ts"
export type { Status, Target } from "./internal/processorStatus.ts"

/** Commits what a page, or a part of it, led to: the writes, and the checkpoint at `to`. */
export type Commit = <A, E, R>(
  to: Position,
  writes: Effect.Effect<A, E, R>
) => Effect.Effect<void, E | CheckpointMoved | LeaseLost | CheckpointStoreError, R>

/** What the runner lends to the handling of a page. */
export interface Turn<E> {
  readonly commit: Commit
  /** Repeats what failed on an event, by the schedule of {@link RunOptions}. */
  readonly retry: <A, X, R>(effect: Effect.Effect<A, X | EventFailed<E>, R>) => Effect.Effect<A, X | EventFailed<E>, R>
}

/** How handling a page can fail, beside the handler's own error `E` (which comes as an `EventFailed`). */
export type HandleError<E> =
  | EventFailed<E>
  | CheckpointMoved
  | LeaseLost
  | CheckpointStoreError
  | ReadModelStoreError
  | EventStoreError

/**
 * A consumer of events with a checkpoint of its own, ready to be run.
 *
 * `E` is what its handlers can fail with, `R` what it needs. Made by {@link projection}, {@link reactor} and
 * {@link handler}, started by {@link layer} or {@link run}.
 */
export interface Processor<out Name extends string, in out E, out R> {
  readonly name: Name
  /** The name of its checkpoint and lease: `reactor/name`, `handler/name`, `projection/name@version`. */
  readonly checkpoint: string
  readonly filter: EventFilter
  /** Handles one page and commits all of it. */
  readonly handle: (page: Page, turn: Turn<E>) => Effect.Effect<void, HandleError<E>, R>
}

/** How a processor is run. */
export interface RunOptions<E> {
  /** When to handle a failed event again, before the processor stops; a few times within seconds unless given. */
  readonly retry?: Schedule.Schedule<unknown, E>
  /** How long a runner that fell silent keeps others waiting; 10 seconds unless given, 10 milliseconds at least. */
  readonly lease?: Duration.Input
}

/**
 * Keeps a projection's read model: rows and checkpoint move together, so each event counts exactly once.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 * import * as Processor from "evolvent/Processor"
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
 *   const { position } = yield* Aggregate.execute(Counter, "a", { _tag: "Add", by: 2 })
 *   yield* Processor.waitFor(Totals, position)
 *   return yield* ReadModel.get(Totals, "a")
 * })
 * const Live = Processor.layer(Processor.projection(Totals)).pipe(Layer.provideMerge(Memory.layer))
 * await Effect.runPromise(program.pipe(Effect.provide(Live))) // => { total: 2 }
 * ```
 */
export const projection = <Name extends string, Row, Index extends string>(
  definition: Projection<Name, Row, Index>
): Processor<Name, never, EventStore | CheckpointStore | ReadModelStore> => projections.make(definition)

type AnyEffect = Effect.Effect<unknown, unknown, unknown>
type Sources = readonly [Aggregate.Any, ...ReadonlyArray<Aggregate.Any>]
type TagOf<A extends Aggregate.Any> = Aggregate.EventOf<A>["_tag"]

// What a reactor's handlers are inferred from: looser than what is then asked for, as in `Projection.make`.
type AnyHandlers<A extends Aggregate.Any> = {
  readonly [Tag in TagOf<A>]?: (
    event: Extract<Aggregate.EventOf<A>, { readonly _tag: Tag }>,
    recorded: RecordedCase<A, Tag>
  ) => unknown
}

/** What a reactor does: one function of the stored event, or a handler by tag (by aggregate name, then tag, for several). */
export type Handle<From extends Sources> =
  | ((event: RecordedOf<From[number]>) => unknown)
  | (From extends readonly [infer A extends Aggregate.Any]
      ? AnyHandlers<A>
      : { readonly [A in From[number] as A["name"]]?: AnyHandlers<A> })

type Handlers<H, A extends Aggregate.Any> = {
  readonly [Tag in keyof H]: Tag extends TagOf<A>
    ? (event: Extract<Aggregate.EventOf<A>, { readonly _tag: Tag }>, recorded: RecordedCase<A, Tag>) => AnyEffect
    : `no event of ${A["name"]}`
}

/** The handlers of a reactor as they were given, each for an event of its sources, and each returning an Effect. */
export type Handling<H, From extends Sources> = [H] extends [never]
  ? H
  : H extends (...args: never) => unknown
    ? (event: RecordedOf<From[number]>) => AnyEffect
    : From extends readonly [infer A extends Aggregate.Any]
      ? Handlers<H, A>
      : {
          readonly [Name in keyof H]: Name extends From[number]["name"]
            ? Handlers<H[Name], Extract<From[number], { readonly name: Name }>>
            : "no source of this reactor"
        }

/** The effects that the handlers of a reactor return. */
export type EffectsOf<H> = H extends (...args: never) => infer Returned
  ? Returned
  : { readonly [Key in keyof H]: EffectsOf<H[Key]> }[keyof H]

/**
 * Reacts to events with effects in the outside world, one event after the other, each until it succeeded.
 *
 * The checkpoint moves after every event, so a handler runs once for each; it runs again when it failed, when the process
 * died or lost its lease inside it, and when the store did not answer after it. What it does in the outside world must
 * bear that: pass the event's id on as an idempotency key. It carries the event's correlation, and the event as its
 * cause, in `Metadata`.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Processor from "evolvent/Processor"
 *
 * const Account = Aggregate.make("Account", {
 *   command: Schema.TaggedUnion({ Open: { owner: Schema.String } }),
 *   event: Schema.TaggedUnion({ Opened: { owner: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Open: ({ owner }) => [{ _tag: "Opened", owner }] },
 *   evolve: { Opened: () => null }
 * })
 *
 * const Welcome = Processor.reactor("welcome", {
 *   from: [Account],
 *   handle: { Opened: ({ owner }) => Effect.log(`Welcome, ${owner}`) }
 * })
 * ```
 */
export const reactor = <const Name extends string, const From extends Sources, const H extends Handle<From>>(
  name: Name,
  options: { readonly from: From; readonly handle: Handling<H, From> }
): Processor<Name, Effect.Error<EffectsOf<H>>, EventStore | CheckpointStore | Effect.Services<EffectsOf<H>>> =>
  reactors.make<Name, H>(name, options.from, options.handle as H)

/**
 * Writes to the same database as the events, exactly once: what the handlers write commits together with the checkpoint.
 *
 * For the application's own SQL, on the client that the stores share (`Postgres.layer` provides it). Handlers run inside
 * a transaction for a page of events, so what they do beyond it must bear repetition: for the outside world take a
 * {@link reactor}. A backend without such transactions (`CheckpointStore.capabilities.transaction`) stops it at once.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { SqlClient } from "effect/sql/SqlClient"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Processor from "evolvent/Processor"
 *
 * const Account = Aggregate.make("Account", {
 *   command: Schema.TaggedUnion({ Open: { owner: Schema.String } }),
 *   event: Schema.TaggedUnion({ Opened: { owner: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Open: ({ owner }) => [{ _tag: "Opened", owner }] },
 *   evolve: { Opened: () => null }
 * })
 *
 * const Owners = Processor.handler("owners", {
 *   from: [Account],
 *   handle: {
 *     Opened: ({ owner }, { streamId }) =>
 *       Effect.flatMap(SqlClient, (sql) => sql`INSERT INTO owners (account, name) VALUES (${streamId}, ${owner})`)
 *   }
 * })
 * ```
 */
export const handler = <const Name extends string, const From extends Sources, const H extends Handle<From>>(
  name: Name,
  options: { readonly from: From; readonly handle: Handling<H, From> }
): Processor<Name, Effect.Error<EffectsOf<H>>, EventStore | CheckpointStore | Effect.Services<EffectsOf<H>>> =>
  handlers.make<Name, H>(name, options.from, options.handle as H)

/**
 * Runs a processor until it is interrupted, or fails when it stops on an event.
 *
 * One runner at a time, by a lease; the others wait to take over. It starts from its checkpoint and survives lost
 * connections. A failing event is retried by the schedule; then the processor stops, records why beside its checkpoint
 * and gives its lease back.
 */
export const run = <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  options?: NoInfer<RunOptions<E>>
): Effect.Effect<never, ProcessorStopped, R | EventStore | CheckpointStore> => {
  const { lease } = options ?? {}
  if (lease !== undefined && !(Duration.toMillis(lease) >= 10)) {
    throw new RangeError(
      `Processor "${processor.name}" cannot hold a lease for ${Duration.toMillis(lease)} milliseconds.`
    )
  }
  return runner.run(processor, options ?? {})
}

/** Runs a processor as long as the layer lives. When it stops it logs why; `status` and `waitFor` tell it, too. */
export const layer = <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  options?: NoInfer<RunOptions<E>>
): Layer.Layer<never, never, R | EventStore | CheckpointStore> =>
  Layer.effectDiscard(
    // At once: who waits for it right after the layer was built must find it running.
    Effect.forkScoped(
      Effect.tapError(run(processor, options), (stopped) => Effect.logError(stopped.message)),
      { startImmediately: true }
    )
  )
