// Memory: every service in the memory of one process; for tests, and the reference for people who write backends.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Bus from "./Bus.ts"
import * as CheckpointStore from "./CheckpointStore.ts"
import * as EventStore from "./EventStore.ts"
import * as checkpoints from "./internal/memory/checkpointStore.ts"
import * as events from "./internal/memory/eventStore.ts"
import * as readModels from "./internal/memory/readModelStore.ts"
import * as snapshots from "./internal/memory/snapshotStore.ts"
import * as ReadModelStore from "./ReadModelStore.ts"
import * as SnapshotStore from "./SnapshotStore.ts"

/** The services that a backend provides. */
export type Services =
  | EventStore.EventStore
  | SnapshotStore.SnapshotStore
  | CheckpointStore.CheckpointStore
  | ReadModelStore.ReadModelStore
  | Bus.Bus

const stores = Layer.effectContext(
  Effect.sync(() =>
    Context.make(EventStore.EventStore, EventStore.make(events.make())).pipe(
      Context.add(SnapshotStore.SnapshotStore, snapshots.make()),
      Context.add(CheckpointStore.CheckpointStore, CheckpointStore.make(checkpoints.make())),
      Context.add(ReadModelStore.ReadModelStore, readModels.make())
    )
  )
)

/**
 * New, empty services in memory, gone with the process.
 *
 * They keep every law that the servers keep, so a test on them says something about production: JSON is made and
 * parsed, limits are enforced, conflicts happen. Each build of the layer is a store of its own.
 */
export const layer: Layer.Layer<Services> = Layer.provideMerge(Bus.layer(), stores)
