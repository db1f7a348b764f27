// SnapshotStore: a cache of folded states, safe to delete at any time.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { InvalidRequest, Unavailable } from "./EventStoreError.ts"
import type { Position } from "./Position.ts"
import type { Revision } from "./Revision.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * The state of a stream at a revision, as JSON text.
 *
 * `fingerprint` identifies the shape of the state and the fold that made it: a snapshot with another fingerprint is
 * never read, so that changed code replays instead of misreading.
 */
export interface Snapshot {
  readonly stream: StreamName
  readonly fingerprint: string
  readonly revision: Revision
  readonly position: Position
  readonly state: string
}

/** For which aggregates snapshots are taken, and after how many events; of all aggregates unless some are named. */
export interface Policy {
  readonly every: number
  readonly of?: ReadonlyArray<{ readonly name: string }>
}

/** The policy in force; none unless a layer sets one. */
export const CurrentPolicy: Context.Reference<Policy | undefined> = Context.Reference<Policy | undefined>(
  "evolvent/SnapshotStore/CurrentPolicy",
  { defaultValue: () => undefined }
)

/**
 * Turns snapshots on: `Aggregate.execute` takes one each time a stream grew past a multiple of `every` events.
 *
 * They are taken beside the command and never fail it. Throws a RangeError unless `every` is a whole number from 1.
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Memory from "evolvent/Memory"
 * import * as SnapshotStore from "evolvent/SnapshotStore"
 *
 * const Live = Layer.mergeAll(Memory.layer, SnapshotStore.layerPolicy({ every: 500 }))
 * ```
 */
export const layerPolicy = (policy: Policy): Layer.Layer<never> => {
  if (!(Number.isSafeInteger(policy.every) && policy.every >= 1)) {
    throw new RangeError(`Snapshots are taken every ${policy.every} events, but a whole number from 1 is needed.`)
  }
  return Layer.succeed(CurrentPolicy, policy)
}

/**
 * The snapshot store could not do what was asked, or has no room for such a snapshot ("InvalidRequest"). Reading goes on
 * without a snapshot; nothing is lost.
 */
export class SnapshotStoreError extends Schema.TaggedError<SnapshotStoreError>()("SnapshotStoreError", {
  operation: Schema.String,
  reason: Schema.Union([Unavailable, InvalidRequest])
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}

/**
 * The snapshot store: one snapshot for each stream and fingerprint.
 *
 * `save` never lowers a snapshot's revision, so a slow writer cannot undo a fast one; `remove` forgets all snapshots of
 * a stream. With or without snapshots every answer is the same.
 */
export class SnapshotStore extends Context.Service<
  SnapshotStore,
  {
    readonly load: (stream: StreamName, fingerprint: string) => Effect.Effect<Snapshot | undefined, SnapshotStoreError>
    readonly save: (snapshot: Snapshot) => Effect.Effect<void, SnapshotStoreError>
    readonly remove: (stream: StreamName) => Effect.Effect<void, SnapshotStoreError>
  }
>()("evolvent/SnapshotStore") {}
