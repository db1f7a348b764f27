// SnapshotStore: a cache of folded states, safe to delete at any time.
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { InvalidRequest, Unavailable } from "./EventStoreError.ts"
import { problemOf } from "./internal/snapshotPolicy.ts"
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

/** What is known of a stream when a command has appended to it: what the predicate of a {@link Rule} decides by. */
export interface Grown {
  /** The name of the aggregate. */
  readonly aggregate: string
  readonly stream: StreamName
  /** Of the last event, which the command appended. */
  readonly revision: Revision
  readonly position: Position
  /** How many events of the stream no snapshot holds; where there is none, all of them. */
  readonly events: number
  /** How many of them the command appended. */
  readonly appended: number
  /** How much their data is as JSON text, in UTF-8. */
  readonly bytes: number
  /** How long ago the last snapshot was taken; infinite where there is none. */
  readonly age: Duration.Duration
}

/**
 * When snapshots are taken: of several limits the first one that is reached counts.
 *
 * A snapshot that could not be saved counts as taken, so that it is tried again when a limit is reached once more.
 */
export interface Rule {
  /** Of which aggregates; of all others without it. */
  readonly of?: ReadonlyArray<{ readonly name: string }>
  /** When the stream has grown past a multiple of so many events, or has so many that no snapshot holds. */
  readonly every?: number
  /** When the data of the events that no snapshot holds is more than so many bytes. Loads measure it: 1 µs an event, or so. */
  readonly bytes?: number
  /** When the last snapshot is older. A stream without one counts as old as soon as a command finds events in it. */
  readonly olderThan?: Duration.Input
  /** When this says so. What it throws is logged and means no. `bytes` is measured for it. */
  readonly when?: (grown: Grown) => boolean
}

/** One rule, or several for different aggregates: the one that names an aggregate goes before the one that names none. */
export type Policy = Rule | ReadonlyArray<Rule>

/** The policy in force; none unless a layer sets one. */
export const CurrentPolicy: Context.Reference<Policy | undefined> = Context.Reference<Policy | undefined>(
  "evolvent/SnapshotStore/CurrentPolicy",
  { defaultValue: () => undefined }
)

/**
 * Turns snapshots on: `Aggregate.execute` takes one each time its rule says that a stream has grown enough.
 *
 * They are taken beside the command, outside of its transaction, and never fail it. Throws a RangeError for a limit that
 * is none, and for rules of which one could never be asked.
 *
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as Layer from "effect/Layer"
 * import * as Memory from "evolvent/Memory"
 * import * as SnapshotStore from "evolvent/SnapshotStore"
 *
 * const Live = Layer.mergeAll(Memory.layer, SnapshotStore.layerPolicy({ every: 500 }))
 *
 * const Account = { name: "Account" }
 * const Cart = { name: "Cart" }
 * const Several = SnapshotStore.layerPolicy([
 *   { of: [Account], every: 1000, bytes: 256 * 1024 },
 *   { of: [Cart], when: ({ age, events }) => events > 50 && Duration.toHours(age) > 1 },
 *   { olderThan: "1 day" }
 * ])
 * ```
 */
export const layerPolicy = (policy: Policy): Layer.Layer<never> => {
  const problem = problemOf(policy)
  if (problem !== undefined) throw new RangeError(problem)
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
