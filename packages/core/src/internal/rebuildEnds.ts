// What becomes of rebuilds and of what they leave: given up, the former rows dropped, a read model retired.
import * as Effect from "effect/Effect"
import { CheckpointStore } from "../CheckpointStore.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import { holdAll } from "./holdAll.ts"
import { checkpointOf } from "./processorProjection.ts"
import * as record from "./projectionRecord.ts"
import { RebuildRefused, tableOf } from "./projectionRecord.ts"
import type { RebuildError, RebuildOptions, RebuildServices } from "./rebuild.ts"

/** Gives up the rebuild that is under way, with its rows; what is read stays as it is. */
export const cancel = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Effect.fn.Return<void, RebuildError, RebuildServices> {
  const [store, checkpoints, rows] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
  const { building } = yield* record.read(store, checkpoints, projection)
  if (building === undefined) return
  if (!(yield* record.giveUp(checkpoints, projection, building.id))) {
    const { name, version } = projection
    return yield* new RebuildRefused({ projection: name, version, problem: "the rebuild has switched already" })
  }
  yield* record.write(store, projection, "whatever", { type: "RebuildCancelled", data: { id: building.id } })
  yield* rows.drop(tableOf(projection.table, building.id))
})

/** Drops the rows that the last rebuild replaced. */
export const dropPrevious = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Effect.fn.Return<void, RebuildError, RebuildServices> {
  const [store, checkpoints, rows] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
  const { previous } = yield* record.read(store, checkpoints, projection)
  if (previous === undefined) return
  yield* rows.drop(tableOf(projection.table, previous))
  yield* record.write(store, projection, "whatever", { type: "PreviousDropped", data: { id: previous } })
})

/** Gives a version of a projection up, with all its rows: whoever still keeps it lets go and gets `ProjectionMoved`. */
export const retire = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  options: Pick<RebuildOptions, "patience"> = {}
): Effect.fn.Return<void, RebuildError, RebuildServices> {
  const [store, checkpoints, rows] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
  const { name, version } = projection
  const { building, previous } = yield* record.read(store, checkpoints, projection)
  if (building !== undefined) yield* record.giveUp(checkpoints, projection, building.id)
  const id = yield* EventId.generate
  const over = Effect.gen(function* () {
    yield* record.write(store, projection, "whatever", { type: "Retired", data: { id } })
    for (const id of [building?.id, previous]) if (id !== undefined) yield* rows.drop(tableOf(projection.table, id))
    yield* rows.drop(projection.table)
    // For who keeps rows: those that were read before they were gone are so, too.
    yield* record.write(store, projection, "whatever", { type: "RowsDropped", data: { id } })
  })
  yield* holdAll(checkpoints, checkpointOf(projection), options.patience ?? "1 minute", () => over).pipe(
    Effect.catchTags({
      NotAlone: ({ problem }) => Effect.fail(new RebuildRefused({ projection: name, version, problem })),
      LeaseLost: ({ message }) => Effect.fail(new RebuildRefused({ projection: name, version, problem: message }))
    })
  )
})
