// A projection as a processor: a page of events is folded into the rows it touches, and these move with the checkpoint.
import * as Effect from "effect/Effect"
import { CheckpointStore } from "../CheckpointStore.ts"
import { EventStore } from "../EventStore.ts"
import type { Processor } from "../Processor.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import { preparing, stepChanges } from "./projectionBatch.ts"
import { admit } from "./projectionRecord.ts"

/** The checkpoint of a projection: each version has its own. */
export const checkpointOf = (projection: { readonly name: string; readonly version: number }): string =>
  `projection/${projection.name}@${projection.version}`

/** The processor that keeps a projection's read model. */
export const make = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Processor<Name, never, EventStore | CheckpointStore | ReadModelStore> => {
  const { table } = projection
  const changes = stepChanges(projection)
  const admitted = admit(projection)
  return {
    name: projection.name,
    checkpoint: checkpointOf(projection),
    filter: projection.filter,
    takes: "pages",
    admit: Effect.flatMap(EventStore, (store) => CheckpointStore.use((checkpoints) => admitted(store, checkpoints))),
    prepare: preparing(projection),
    handle: (steps) =>
      ReadModelStore.use((store) =>
        Effect.map(changes(store, steps), (rows) => (rows.length === 0 ? Effect.void : store.apply(table, rows)))
      )
  }
}
