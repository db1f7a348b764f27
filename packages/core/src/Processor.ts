// Processor: the running consumer. Follows the log, keeps a read model or reacts, and remembers how far it has come.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Aggregate from "./Aggregate.ts"
import type { CheckpointStore } from "./CheckpointStore.ts"
import type { CheckpointMoved, CheckpointStoreError, LeaseLost } from "./CheckpointStoreError.ts"
import type { EventFilter } from "./EventFilter.ts"
import type { ProcessManager } from "./ProcessManager.ts"
import type { Recorded } from "./EventData.ts"
import type { EventStore } from "./EventStore.ts"
import type { EventStoreError } from "./EventStoreError.ts"
import type { EffectsOf, Handle, Handling, Sources } from "./internal/handling.ts"
import type { EventFailed, ProcessorStopped, ProjectionChanged, ProjectionMoved } from "./internal/processorErrors.ts"
import * as handlers from "./internal/processorHandler.ts"
import * as projections from "./internal/processorProjection.ts"
import * as managers from "./internal/processorManager.ts"
import * as reactors from "./internal/processorReactor.ts"
import * as runner from "./internal/processorRun.ts"
import type { Timers } from "./internal/processorTimers.ts"
import type { RunOptions } from "./internal/runOptions.ts"
import * as slots from "./internal/slots.ts"
import type { Projection } from "./Projection.ts"
import type { ReadModelStore, ReadModelStoreError } from "./ReadModelStore.ts"

export {
  EventParked,
  ProcessorStopped,
  ProjectionChanged,
  ProjectionMoved,
  WaitTimedOut
} from "./internal/processorErrors.ts"
export type { EffectsOf, Handle, Handling, Sources } from "./internal/handling.ts"
export { drop, parked, retry } from "./internal/processorParked.ts"
export type { ParkedEvent } from "./internal/processorParked.ts"
export { relay } from "./internal/processorRelay.ts"
export type { Relaying } from "./internal/processorRelay.ts"
export { status, waitFor } from "./internal/processorStatus.ts"
export { RebuildRefused } from "./internal/projectionRecord.ts"
export { rebuild } from "./internal/rebuild.ts"
export { cancel as cancelRebuild, dropPrevious, retire } from "./internal/rebuildEnds.ts"
export type { RebuildError, RebuildOptions, RebuildProgress } from "./internal/rebuild.ts"
export { rebuildRows } from "./internal/rebuildRows.ts"
export { replay } from "./internal/replay.ts"
export type { ReplayError, ReplayOptions, ReplayProgress } from "./internal/replay.ts"
export type { Timer, Timers } from "./internal/processorTimers.ts"
export type { OnFailure, OnUndecodable, RunOptions } from "./internal/runOptions.ts"
export { namesOf as slotNames, slotOf } from "./internal/slots.ts"
export type { Lag, Share, Status, Target } from "./internal/processorStatus.ts"

/**
 * A stored event as a processor works on it, for one of its keys: events of one key keep their order, others may overtake.
 *
 * `events` are what it is today, where its processor decodes: one, mostly; several of one that an upcaster splits, which are
 * handled together. What cannot be handled has a `problem`, and `undecoded` where that is that it cannot be decoded here.
 */
export interface Step {
  readonly recorded: Recorded
  readonly events: ReadonlyArray<Recorded<{ readonly _tag: string }>>
  readonly key: string
  readonly problem: string | undefined
  readonly undecoded?: Undecoded | undefined
}

/** Whether nothing here understands a stored event, or only newer code does. */
export type Undecoded = "UndecodableEvent" | "NewerVersion"

/** How handling a page can fail, beside the handler's own error `E` (which comes as an `EventFailed`). */
export type HandleError<E> =
  | EventFailed<E>
  | CheckpointMoved
  | LeaseLost
  | CheckpointStoreError
  | ReadModelStoreError
  | EventStoreError
  | ProjectionChanged
  | ProjectionMoved

/**
 * A consumer of events with checkpoints of its own, ready to be run.
 *
 * `E` is what its handlers can fail with, `R` what it needs. Made by {@link projection}, {@link reactor} and
 * {@link handler}, started by {@link layer} or {@link run}.
 */
export interface Processor<out Name extends string, in out E, out R> {
  readonly name: Name
  /** What the names of its checkpoints and leases begin with: `reactor/name`, `handler/name`, `projection/name@version`. */
  readonly checkpoint: string
  readonly filter: EventFilter
  /** Which events it follows, in words, where its filter does not say all of it. */
  readonly follows?: string
  /** Whether many steps are handled at once and written with one checkpoint, or the events one by one. */
  readonly takes: "pages" | "events"
  /**
   * "now and then": that an event was handled is written down within a fifth of a second, with all that were handled until
   * then, since the handler may be called again anyway. At once unless given.
   */
  readonly commits?: "now and then"
  /** Decodes events and finds their keys. */
  readonly prepare: (events: ReadonlyArray<Recorded>) => ReadonlyArray<Step>
  /** Handles steps; the effect that it gives writes what they led to, within the checkpoint's transaction. */
  readonly handle: (
    steps: ReadonlyArray<Step>
  ) => Effect.Effect<Effect.Effect<void, HandleError<E>, R>, HandleError<E>, R>
  /** Whether it may go to work, asked whenever it has got hold of some of it. */
  readonly admit?: Effect.Effect<void, HandleError<E>, R>
  /** What it has to do at certain times, beside events. */
  readonly timers?: Timers<R>
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
 * Runs a process manager: observed events become its own, and its own events send commands and set deadlines.
 *
 * Everything is done at least once and counts once: the events of an input and those of a command have ids that derive from
 * their cause. Its streams are its own to write. Deadlines and later commands are rows of the read model store, so that
 * they outlive the process; they fire within a moment of their time, or as soon as somebody runs the manager again.
 *
 * See `ProcessManager.make` for an example of a definition.
 */
export const manager = <
  Name extends string,
  Observed extends Aggregate.Any,
  Event extends { readonly _tag: string },
  State,
  Payload
>(
  definition: ProcessManager<Name, Observed, Event, State, Payload>
): Processor<Name, never, EventStore | CheckpointStore | ReadModelStore> => managers.make(definition)

/**
 * Runs a processor until it is interrupted, or fails when it stops on an event.
 *
 * One runner at a time for each key, by leases: of several processes each takes its share, and the others' when they
 * are gone. It starts from its checkpoints and survives lost connections. A failing event is retried by the schedule;
 * then it is parked, or the processor stops, records why beside its checkpoint and gives its leases back.
 */
export const run = <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  options?: NoInfer<RunOptions<E>>
): Effect.Effect<never, ProcessorStopped, R | EventStore | CheckpointStore> => {
  const { lease, partitions } = options ?? {}
  if (lease !== undefined && !(Duration.toMillis(lease) >= 10)) {
    throw new RangeError(
      `Processor "${processor.name}" cannot hold a lease for ${Duration.toMillis(lease)} milliseconds.`
    )
  }
  if (partitions !== undefined && !(Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= slots.count)) {
    throw new RangeError(
      `Processor "${processor.name}" has a whole number of partitions from 1 to ${slots.count}, but ${partitions} were asked for.`
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
