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
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import { ProcessorStopped, WaitTimedOut } from "./processorErrors.ts"
import { checkpointOf } from "./processorProjection.ts"

/** A processor, or a projection that a processor keeps. */
export type Target =
  | { readonly name: string; readonly filter: EventFilter; readonly checkpoint: string }
  | { readonly name: string; readonly filter: EventFilter; readonly version: number }

/** Where a processor stands; `lag` is undefined when it has handled everything. */
export interface Status {
  readonly position: Position.Position
  readonly head: Position.Position
  readonly lag: Lag | undefined
  /** The event on which it stopped, and why; undefined unless it stopped. */
  readonly stopped: Stopped | undefined
}

/** What is not handled yet: at most so many events, and the age of the oldest of them. */
export interface Lag {
  readonly events: number
  readonly age: Duration.Duration
}

const checkpointName = (target: Target): string => ("checkpoint" in target ? target.checkpoint : checkpointOf(target))

// How often to look for what another process did; this process's own changes wake the wait at once.
const lookAgain = "50 millis"

/**
 * Waits until a processor has handled everything up to a position: read your own writes.
 *
 * Fails when the processor stopped before it, and after the timeout (10 seconds unless given).
 */
export const waitFor = Effect.fnUntraced(function* (
  target: Target,
  position: Position.Position,
  options?: { readonly timeout?: Duration.Input }
): Effect.fn.Return<void, ProcessorStopped | WaitTimedOut | CheckpointStoreError, CheckpointStore> {
  const checkpoints = yield* CheckpointStore
  const name = checkpointName(target)
  let reached = Position.beginning
  const reach = Effect.scoped(
    Effect.gen(function* () {
      const changed = yield* checkpoints.watch(name)
      while (true) {
        const checkpoint = yield* checkpoints.load(name)
        reached = checkpoint.position
        const { stopped } = checkpoint
        // What stopped on no event stopped because of its store or its definition: how far it had come says nothing then.
        const isReached = reached >= position && (stopped === undefined || stopped.position !== undefined)
        if (isReached) return
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

/** Where a processor stands: its position, the store's head, what lies between, and what stopped it. */
export const status = Effect.fnUntraced(function* (
  target: Target
): Effect.fn.Return<Status, CheckpointStoreError | EventStoreError, CheckpointStore | EventStore> {
  const checkpoints = yield* CheckpointStore
  const store = yield* EventStore
  const { position, stopped } = yield* checkpoints.load(checkpointName(target))
  const head = yield* store.head
  const from = { position: Position.make(position + 1) }
  const [oldest] = yield* Stream.runCollect(store.read(target.filter, { from, limit: 1 }))
  if (oldest === undefined) return { position, head, lag: undefined, stopped }
  const now = yield* Clock.currentTimeMillis
  const age = Duration.millis(Math.max(0, now - DateTime.toEpochMillis(oldest.recordedAt)))
  return { position, head, lag: { events: Math.max(1, head - position), age }, stopped }
})
