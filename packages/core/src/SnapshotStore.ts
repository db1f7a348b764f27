// SnapshotStore: a cache of folded states, safe to delete at any time.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Unavailable } from "./EventStoreError.ts"
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

/** The snapshot store could not do what was asked. Reading goes on without a snapshot; nothing is lost. */
export class SnapshotStoreError extends Schema.TaggedError<SnapshotStoreError>()("SnapshotStoreError", {
  operation: Schema.String,
  reason: Unavailable
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return true
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
