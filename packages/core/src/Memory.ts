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

/**
 * What `layer` is made of, new and empty: the starting point of tests that break one part of a backend and look what
 * notices.
 */
export const drivers = (): {
  readonly eventStore: EventStore.Driver
  readonly checkpointStore: CheckpointStore.Driver
  readonly readModelStore: ReadModelStore.ReadModelStore["Service"]
  readonly snapshotStore: SnapshotStore.SnapshotStore["Service"]
} => ({
  eventStore: events.make(),
  checkpointStore: checkpoints.make(),
  readModelStore: readModels.make(),
  snapshotStore: snapshots.make()
})

const stores = Layer.effectContext(
  Effect.sync(() => {
    const { checkpointStore, eventStore, readModelStore, snapshotStore } = drivers()
    return Context.make(EventStore.EventStore, EventStore.make(eventStore)).pipe(
      Context.add(SnapshotStore.SnapshotStore, snapshotStore),
      Context.add(CheckpointStore.CheckpointStore, CheckpointStore.make(checkpointStore)),
      Context.add(ReadModelStore.ReadModelStore, readModelStore)
    )
  })
)

/**
 * New, empty services in memory, gone with the process.
 *
 * They keep every law that the servers keep, so a test on them says something about production: JSON is made and
 * parsed, limits are enforced, conflicts happen. Each build of the layer is a store of its own.
 */
export const layer: Layer.Layer<Services> = Layer.provideMerge(Bus.layer(), stores)
