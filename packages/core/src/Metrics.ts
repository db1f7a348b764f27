// Metrics: what the library counts and measures, by name, unit and label; what a person looks at when something is slow.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import type { CheckpointStore } from "./CheckpointStore.ts"
import { EventStore } from "./EventStore.ts"
import * as metrics from "./internal/metrics.ts"
import { checkpointName, status } from "./internal/processorStatus.ts"
import type { Target } from "./internal/processorStatus.ts"

type Counter = Metric.Counter<number>
type Gauge = Metric.Gauge<number>
type Histogram = Metric.Histogram<number>

/**
 * Seconds from an append's call to its answer, conflicts among them; waiting for a group is part of it.
 *
 * All metrics are Effect's own (`effect/Metric`): they are read by whoever exports these, and cost a few hundred nanoseconds
 * for an append or a page. Those with a label have a series for each value of it:
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Metric from "effect/Metric"
 * import * as EventStore from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as Metrics from "evolvent/Metrics"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore.EventStore
 *   const opened = [{ type: "Opened", data: {} }]
 *   yield* store.append(StreamName.make("Account", "ada"), opened)
 *   yield* Effect.ignore(store.append(StreamName.make("Account", "ada"), opened, { expected: "noStream" }))
 *   const ofAccount = { category: "Account" }
 *   const appends = yield* Metric.value(Metrics.appendSeconds)
 *   const events = yield* Metric.value(Metric.withAttributes(Metrics.appendedEvents, ofAccount))
 *   const conflicts = yield* Metric.value(Metric.withAttributes(Metrics.appendConflicts, ofAccount))
 *   return [appends.count, events.count, conflicts.count]
 * })
 * const alone = Effect.provideService(program, Metric.MetricRegistry, new Map())
 * Effect.runSync(alone.pipe(Effect.provide(Memory.layer))) // => [2, 1, 1]
 * ```
 */
export const appendSeconds: Histogram = metrics.appendSeconds

/** How many appends one commit gathered; from PostgreSQL, which gathers those of one process. */
export const appendGroupSize: Histogram = metrics.appendGroupSize

/**
 * Events appended by this process, by `category`; repeats are none. Its increase over all processes is how a store grows.
 *
 * An append in a transaction of the caller's counts when it is made, also where that is rolled back later.
 */
export const appendedEvents: Counter = metrics.appendedEvents.metric

/** Characters of data and metadata appended by this process (bytes, where they are ASCII), by `category`. */
export const appendedBytes: Counter = metrics.appendedBytes.metric

/** Appends refused because their stream was not where they expected it, by `category`. */
export const appendConflicts: Counter = metrics.appendConflicts.metric

/** Commands decided again after a conflict, by `category`. */
export const commandRetries: Counter = metrics.commandRetries.metric

/** Loads that began at a snapshot, by `category`; where snapshots are on for it. */
export const snapshotHits: Counter = metrics.snapshotHits.metric

/** Loads that found no usable snapshot, by `category`; where snapshots are on for it. */
export const snapshotMisses: Counter = metrics.snapshotMisses.metric

/** What a cache had, by `cache`: "state" is that of recent states, "rows" that of read models. */
export const cacheHits: Counter = metrics.cacheHits.metric

/** What a cache did not have, by `cache`. */
export const cacheMisses: Counter = metrics.cacheMisses.metric

/**
 * Events that handlers are through with, by `processor`: what its checkpoints' names begin with, as in `projection/balances@1`
 * or `reactor/welcome`. What is handled again counts again.
 */
export const processorEvents: Counter = metrics.processorEvents.metric

/** Attempts at events that had failed before, by `processor`. */
export const processorRetries: Counter = metrics.processorRetries.metric

/** Events set aside, once for each key, by `processor`. */
export const processorParked: Counter = metrics.processorParked.metric

/**
 * Leases taken that another runner was seen with, by `processor`: it died, ended or gave them away. A processor has sixteen.
 */
export const processorTakeovers: Counter = metrics.processorTakeovers.metric

/** Events that are not handled yet, at most, by `processor`; from {@link layerProcessors}, like the gauges below. */
export const processorLagEvents: Gauge = metrics.processorLagEvents.metric

/** Age of the oldest event that is not handled yet, in seconds, by `processor`; 0 where all are. */
export const processorLagSeconds: Gauge = metrics.processorLagSeconds.metric

/** Events that are set aside now, by `processor`. */
export const processorParkedNow: Gauge = metrics.processorParkedNow.metric

/** 1 where the processor stopped by itself and nobody has run it since, else 0, by `processor`. */
export const processorStopped: Gauge = metrics.processorStopped.metric

/** The position of the last event that readers may pass. */
export const storeHead: Gauge = metrics.storeHead

/** How often to look, unless given. */
const often = "15 seconds"

/**
 * Looks every 15 seconds, or as often as given, how far some processors are, and sets their gauges: lag in events and seconds,
 * parked, stopped, and the store's head.
 *
 * It looks from outside, so that a processor that nobody runs any more shows as well. It costs a few small reads a look for each
 * of them; one process of many may do it for all. Where the store does not answer it logs that, and the gauges stay.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 * import * as Metrics from "evolvent/Metrics"
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
 * const Welcome = Processor.reactor("welcome", {
 *   from: [Account],
 *   handle: { Opened: () => Effect.log("Welcome") }
 * })
 *
 * const Live = Layer.mergeAll(
 *   Processor.layer(Welcome),
 *   Metrics.layerProcessors([Welcome], { every: "5 seconds" })
 * ).pipe(Layer.provideMerge(Memory.layer))
 * ```
 */
export const layerProcessors = (
  targets: ReadonlyArray<Target>,
  options?: { readonly every?: Duration.Input }
): Layer.Layer<never, never, CheckpointStore | EventStore> =>
  Layer.effectDiscard(
    Effect.forkScoped(
      Effect.repeat(
        Effect.forEach([undefined, ...targets], look, { discard: true }),
        Schedule.spaced(options?.every ?? often)
      )
    )
  )

/** Looks at one processor, or at the store. */
const look = (target: Target | undefined): Effect.Effect<void, never, CheckpointStore | EventStore> =>
  Effect.catch(target === undefined ? lookAtStore : lookAt(target), (error) =>
    Effect.logWarning(`The metrics of ${target?.name ?? "the store"} are not known: ${error.message}`)
  )

const lookAtStore = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  metrics.storeHead.updateUnsafe(yield* EventStore.use((store) => store.head), context)
})

const lookAt = Effect.fnUntraced(function* (target: Target) {
  const context = yield* Effect.context<never>()
  const { lag, parked, stopped } = yield* status(target)
  const name = checkpointName(target)
  metrics.processorLagEvents.of(name).updateUnsafe(lag?.events ?? 0, context)
  metrics.processorLagSeconds.of(name).updateUnsafe(lag === undefined ? 0 : Duration.toSeconds(lag.age), context)
  metrics.processorParkedNow.of(name).updateUnsafe(parked, context)
  metrics.processorStopped.of(name).updateUnsafe(stopped === undefined ? 0 : 1, context)
})
