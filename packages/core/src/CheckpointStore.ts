// CheckpointStore: how far each consumer has come, who may move it, and the writes that move with it.
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { CheckpointMoved, CheckpointStoreError, LeaseHeld, LeaseLost } from "./CheckpointStoreError.ts"
import type { Position } from "./Position.ts"

/** The event on which a consumer stopped, and why; kept beside its checkpoint so that other processes can see it. */
export class Stopped extends Schema.Class<Stopped>("evolvent/Stopped")({
  problem: Schema.String,
  eventId: Schema.UndefinedOr(Schema.String),
  stream: Schema.UndefinedOr(Schema.String),
  position: Schema.UndefinedOr(Schema.Int)
}) {}

/** How far a consumer has come: it has handled everything up to `position`. */
export interface Checkpoint {
  readonly position: Position
  readonly stopped: Stopped | undefined
}

/** The right to move a checkpoint, until someone else takes it over. */
export interface Lease {
  readonly name: string
  readonly holder: string
  /** Grows with every holder: a store refuses what an older token wants to commit. */
  readonly token: number
  readonly duration: Duration.Duration
}

/** A step of a checkpoint: from where it must stand to where it goes, under a lease where there is one. */
export interface Move {
  readonly name: string
  readonly from: Position
  readonly to: Position
  readonly lease?: Lease
}

/**
 * One of those that share the work of a processor; `partitions` is into how many parts it would divide that, and 0 where it
 * wants all of it for itself, for a moment.
 */
export interface Member {
  readonly holder: string
  readonly partitions: number
}

/** What a backend promises of checkpoints. */
export interface Capabilities {
  /** Whether everything that is written to the same backend within `transact` commits together with the checkpoint. */
  readonly transaction: boolean
}

/**
 * The checkpoint store.
 *
 * Only `transact` moves checkpoints, by compare-and-set: of two runners with the same position one wins and the other
 * gets {@link CheckpointMoved}. A lease is given to one holder at a time; one that was lost cannot commit. What is done
 * with several names is done with all of them or with none, except for `acquireAll`.
 */
export class CheckpointStore extends Context.Service<
  CheckpointStore,
  {
    readonly capabilities: Capabilities
    /** The checkpoint of a name, at `Position.beginning` when there is none. */
    readonly load: (name: string) => Effect.Effect<Checkpoint, CheckpointStoreError>
    /** The checkpoints of some names, in their order. */
    readonly loadAll: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Checkpoint>, CheckpointStoreError>
    /** The names of all checkpoints and leases that anybody has ever begun, in the order of their characters. */
    readonly names: Effect.Effect<ReadonlyArray<string>, CheckpointStoreError>
    /** Runs writes and moves checkpoints: batches of read models always commit with them where the backend can. */
    readonly transact: <A, E, R>(
      moves: Move | ReadonlyArray<Move>,
      writes: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CheckpointMoved | LeaseLost | CheckpointStoreError, R>
    /** Moves checkpoints with nothing to write: `transact` of no writes. */
    readonly advance: (
      moves: Move | ReadonlyArray<Move>
    ) => Effect.Effect<void, CheckpointMoved | LeaseLost | CheckpointStoreError>
    /** Records on what a consumer stopped; moving its checkpoint or acquiring its lease clears it. */
    readonly stop: (
      name: string,
      stopped: Stopped,
      lease?: Lease
    ) => Effect.Effect<void, LeaseLost | CheckpointStoreError>
    /** Takes the lease of a name, with a new token, unless another holder has one that has not run out. */
    readonly acquire: (
      name: string,
      holder: string,
      duration: Duration.Input
    ) => Effect.Effect<Lease, LeaseHeld | CheckpointStoreError>
    /** Takes the leases of those names whose leases can be had. */
    readonly acquireAll: (
      names: ReadonlyArray<string>,
      holder: string,
      duration: Duration.Input
    ) => Effect.Effect<ReadonlyArray<Lease>, CheckpointStoreError>
    /** Prolongs leases from now. */
    readonly renew: (leases: Lease | ReadonlyArray<Lease>) => Effect.Effect<void, LeaseLost | CheckpointStoreError>
    /** Gives leases back; those that were lost are no error. */
    readonly release: (leases: Lease | ReadonlyArray<Lease>) => Effect.Effect<void, CheckpointStoreError>
    /** Who holds the leases of some names, in their order; undefined where nobody does. */
    readonly holders: (
      names: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<string | undefined>, CheckpointStoreError>
    /** Says for a while that one takes part in the work of a name, and gives all who do, in the order of their holders. */
    readonly attend: (
      name: string,
      member: Member,
      duration: Duration.Input
    ) => Effect.Effect<ReadonlyArray<Member>, CheckpointStoreError>
    /** Takes part no more. */
    readonly leave: (name: string, holder: string) => Effect.Effect<void, CheckpointStoreError>
    /**
     * Says that this process runs a consumer, as long as the scope is open: a stop that is recorded meanwhile may be
     * from before, and is not its last word. Gives what else is announced under that name, where it is something else.
     */
    readonly announce: (name: string, what: string) => Effect.Effect<string | undefined, never, Scope.Scope>
    /** Whether this process runs a consumer of that name, by {@link announce}. */
    readonly isAnnounced: (name: string) => Effect.Effect<boolean>
    /**
     * Says that what this process runs under a name may have come further than its checkpoints tell, as long as the scope
     * is open. Who begins to watch the name has `settle` write down how far; the inner function tells whether anybody watches
     * it, and then it is to be written down at once.
     */
    readonly defer: (name: string, settle: Effect.Effect<void>) => Effect.Effect<() => boolean, never, Scope.Scope>
    /**
     * Watches a name, and those below it (`name/…`): the inner effect waits until this process saw one of their
     * checkpoints move or stop, or of their leases and members come or go, since it last returned. Checkpoints that this
     * process had left behind are brought up first.
     */
    readonly watch: (
      name: string,
      what?: "checkpoint" | "lease"
    ) => Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
  }
>()("evolvent/CheckpointStore") {}

/** What a backend implements. `commit` checks leases and positions and moves the checkpoints together with `writes`. */
export interface Driver {
  readonly capabilities: Capabilities
  readonly load: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Checkpoint>, CheckpointStoreError>
  /** In any order. */
  readonly names: Effect.Effect<ReadonlyArray<string>, CheckpointStoreError>
  readonly commit: <A, E, R>(
    moves: ReadonlyArray<Move>,
    writes: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CheckpointMoved | LeaseLost | CheckpointStoreError, R>
  readonly stop: (
    name: string,
    stopped: Stopped,
    lease: Lease | undefined
  ) => Effect.Effect<void, LeaseLost | CheckpointStoreError>
  /** Gives the leases that could be had. */
  readonly acquire: (
    names: ReadonlyArray<string>,
    holder: string,
    duration: Duration.Duration
  ) => Effect.Effect<ReadonlyArray<Lease>, CheckpointStoreError>
  readonly renew: (leases: ReadonlyArray<Lease>) => Effect.Effect<void, LeaseLost | CheckpointStoreError>
  readonly release: (leases: ReadonlyArray<Lease>) => Effect.Effect<void, CheckpointStoreError>
  readonly holders: (
    names: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<string | undefined>, CheckpointStoreError>
  readonly attend: (
    name: string,
    member: Member,
    duration: Duration.Duration
  ) => Effect.Effect<ReadonlyArray<Member>, CheckpointStoreError>
  readonly leave: (name: string, holder: string) => Effect.Effect<void, CheckpointStoreError>
}

export { make } from "./internal/checkpointStore.ts"
