// counts: moves the metrics of appends; a few numbers for a call, whatever it holds.
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { EncodedAppend, Outcome } from "../EventStore.ts"
import * as metrics from "./metrics.ts"
import { note } from "./spans.ts"

/** Counts what an append came to, and how long that took. */
export const append = (
  context: Context.Context<never>,
  appends: ReadonlyArray<EncodedAppend>,
  outcome: Outcome,
  nanos: bigint
): void => {
  metrics.appendSeconds.updateUnsafe(Number(nanos) / 1e9, context)
  if (outcome._tag === "Conflict") {
    metrics.appendConflicts.of((appends[outcome.index] as EncodedAppend).category).updateUnsafe(1, context)
  }
  if (outcome._tag !== "Appended") return
  outcome.results.forEach(({ repeated }, i) => {
    const { category, events } = appends[i] as EncodedAppend
    // What was there already did not make the store grow.
    if (repeated || events.length === 0) return
    let size = 0
    for (const { data, metadata } of events) size += data.length + metadata.length
    metrics.appendedEvents.of(category).updateUnsafe(events.length, context)
    metrics.appendedBytes.of(category).updateUnsafe(size, context)
  })
}

/** Counts what a processor does: by plain numbers, which move its metrics now and then. */
export interface Counts {
  /** Events that handlers are through with; they count with the next `flush`. */
  readonly handled: (events: number) => void
  readonly flush: () => void
  readonly triedAgain: () => void
  readonly parked: () => void
  readonly tookOver: (leases: number) => void
}

/** The counts of a processor, by what its checkpoints' names begin with. */
export const processor = (context: Context.Context<never>, checkpoint: string): Counts => {
  const events = metrics.processorEvents.of(checkpoint)
  let pending = 0
  return {
    handled: (count) => {
      pending += count
    },
    flush: () => {
      if (pending > 0) events.updateUnsafe(pending, context)
      pending = 0
    },
    triedAgain: () => metrics.processorRetries.of(checkpoint).updateUnsafe(1, context),
    parked: () => metrics.processorParked.of(checkpoint).updateUnsafe(1, context),
    tookOver: (leases) => metrics.processorTakeovers.of(checkpoint).updateUnsafe(leases, context)
  }
}

/** Counts a load, where snapshots are on: whether it begins at one. */
export const snapshotLoad = (category: string, isHit: boolean): Effect.Effect<void> =>
  Metric.update((isHit ? metrics.snapshotHits : metrics.snapshotMisses).of(category), 1)

/** Counts that a command is decided again after a conflict, for the so many-th time in all. */
export const decidedAgain = (category: string, attempts: number): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(metrics.commandRetries.of(category), 1),
    note(() => ({ "evolvent.attempts": attempts }))
  )
