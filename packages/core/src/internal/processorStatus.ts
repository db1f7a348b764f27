// How far a processor is: read-your-writes by waiting for a position, and its status against the store's head.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "../CheckpointStore.ts"
import type { Stopped } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { EventFilter } from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { Obstacle } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import { EventParked, ProcessorStopped, WaitTimedOut } from "./processorErrors.ts"
import * as parking from "./processorParking.ts"
import { checkpointOf } from "./processorProjection.ts"
import { promise } from "./promised.ts"
import * as slots from "./slots.ts"

/** A processor, or a projection that a processor keeps. */
export type Target =
  | { readonly name: string; readonly filter: EventFilter; readonly checkpoint: string }
  | { readonly name: string; readonly filter: EventFilter; readonly version: number }

/** Events of one stream, from a revision on. */
export interface Written {
  readonly stream: string
  readonly from: number
}

/** Where a processor stands; `lag` is undefined when it has handled everything. */
export interface Status {
  readonly position: Position.Position
  readonly head: Position.Position
  readonly lag: Lag | undefined
  /** How many positions it went on a second since this process asked last; undefined the first time. */
  readonly rate: number | undefined
  /** The event on which it stopped, and why; undefined unless it stopped. */
  readonly stopped: Stopped | undefined
  /** How many events are parked. */
  readonly parked: number
  /** Who works on it, and on how many of its sixteen slots; nobody, where nobody runs it. */
  readonly holders: ReadonlyArray<Share>
  /** An append that is not through yet, behind which nobody can read. */
  readonly obstacle: Obstacle | undefined
}

/** What somebody has of a processor's work. */
export interface Share {
  readonly holder: string
  readonly slots: number
}

/** What is not handled yet: at most so many events, and the age of the oldest of them. */
export interface Lag {
  readonly events: number
  readonly age: Duration.Duration
}

/** What the names of a target's checkpoints begin with. */
export const checkpointName = (target: Target): string =>
  "checkpoint" in target ? target.checkpoint : checkpointOf(target)

// How often to look for what another process did; this process's own changes wake the wait at once.
const lookAgain = "50 millis"

/**
 * Waits until a processor has handled everything up to a position: read your own writes.
 *
 * Fails when the processor stopped before it, when it parked the event at that very position or one of `events`, and after the
 * timeout (10 seconds unless given).
 */
export const waitFor = Effect.fnUntraced(function* (
  target: Target,
  position: Position.Position,
  options?: { readonly timeout?: Duration.Input; readonly events?: Written }
): Effect.fn.Return<
  void,
  ProcessorStopped | EventParked | WaitTimedOut | CheckpointStoreError | EventStoreError,
  CheckpointStore | EventStore
> {
  const checkpoints = yield* CheckpointStore
  const store = yield* EventStore
  const name = checkpointName(target)
  const names = slots.namesOf(name)
  let reached = Position.beginning
  const reach = Effect.scoped(
    Effect.gen(function* () {
      const changed = yield* checkpoints.watch(name)
      while (true) {
        const all = yield* checkpoints.loadAll(names)
        reached = Position.make(Math.min(...all.map(({ position }) => position)))
        const stopped = all.find((one) => one.stopped !== undefined)?.stopped
        // What stopped on no event stopped because of its store or its definition: how far it had come says nothing then.
        const isReached = reached >= position && (stopped === undefined || stopped.position !== undefined)
        if (isReached) {
          const parkedHere = yield* parkedOf(store, name, position, options?.events)
          if (parkedHere !== undefined) return yield* new EventParked({ processor: target.name, ...parkedHere })
          return promise(checkpoints, name, position)
        }
        if (stopped !== undefined && !(yield* checkpoints.isAnnounced(name))) {
          return yield* new ProcessorStopped({ ...stopped, processor: target.name })
        }
        yield* Effect.timeoutOption(changed, lookAgain)
      }
    })
  )
  yield* Effect.timeoutOrElse(reach, {
    duration: options?.timeout ?? "10 seconds",
    orElse: () => Effect.fail(new WaitTimedOut({ processor: target.name, position, reached }))
  })
})

/** What is parked of the event at a position, or of events that were written together up to there. */
const parkedOf = (store: EventStore["Service"], name: string, position: Position.Position, events?: Written) =>
  Effect.map(parking.read(store, name), ({ entries }) => {
    for (const ofKey of entries.values()) {
      for (const { eventId, key, position: at, problem, revision, stream } of ofKey.values()) {
        const isOne = events !== undefined && stream === events.stream && revision >= events.from && at <= position
        if (at === position || isOne) return { eventId, key, position: at, problem }
      }
    }
    return undefined
  })

// Where each target stood, in each store, when this process asked last.
const asked = new WeakMap<CheckpointStore["Service"], Map<string, { readonly position: number; readonly at: number }>>()

const rateOf = (checkpoints: CheckpointStore["Service"], name: string, position: number, now: number) => {
  const all = asked.get(checkpoints) ?? new Map<string, { readonly position: number; readonly at: number }>()
  const before = all.get(name)
  asked.set(checkpoints, all.set(name, { position, at: now }))
  return before === undefined || now <= before.at
    ? undefined
    : ((position - before.position) * 1000) / (now - before.at)
}

const sharesOf = (holders: ReadonlyArray<string | undefined>): ReadonlyArray<Share> => {
  const counts = new Map<string, number>()
  for (const holder of holders) if (holder !== undefined) counts.set(holder, (counts.get(holder) ?? 0) + 1)
  return [...counts].map(([holder, slots]) => ({ holder, slots }))
}

/** Where a processor stands: its position, the store's head, what lies between, and what holds it back. */
export const status = Effect.fnUntraced(function* (
  target: Target
): Effect.fn.Return<Status, CheckpointStoreError | EventStoreError, CheckpointStore | EventStore> {
  const checkpoints = yield* CheckpointStore
  const store = yield* EventStore
  const name = checkpointName(target)
  const names = slots.namesOf(name)
  // What this process has passed over is written down for who looks.
  yield* Effect.asVoid(Effect.scoped(checkpoints.watch(name)))
  const all = yield* checkpoints.loadAll(names)
  const position = Position.make(Math.min(...all.map((one) => one.position)))
  const stopped = all.find((one) => one.stopped !== undefined)?.stopped
  const head = yield* store.head
  const now = yield* Clock.currentTimeMillis
  const rate = rateOf(checkpoints, name, position, now)
  const { entries } = yield* parking.read(store, name)
  const parked = [...entries.values()].reduce((sum, ofKey) => sum + ofKey.size, 0)
  const holders = sharesOf(yield* checkpoints.holders(names))
  const obstacle = yield* store.obstacle
  const from = { position: Position.make(position + 1) }
  const [oldest] = yield* Stream.runCollect(store.read(target.filter, { from, limit: 1 }))
  const known = { position, head, rate, stopped, parked, holders, obstacle }
  if (oldest === undefined) return { ...known, lag: undefined }
  const age = Duration.millis(Math.max(0, now - DateTime.toEpochMillis(oldest.recordedAt)))
  return { ...known, lag: { events: Math.max(1, head - position), age } }
})
