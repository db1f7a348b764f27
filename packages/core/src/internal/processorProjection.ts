// A projection as a processor: a page of events is folded into the rows it touches, and these move with the checkpoint.
import * as Effect from "effect/Effect"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { EventStore, Page } from "../EventStore.ts"
import type { HandleError, Processor, Turn } from "../Processor.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import { batches } from "./projectionBatch.ts"

/** The checkpoint of a projection: each version has its own. */
export const checkpointOf = (projection: { readonly name: string; readonly version: number }): string =>
  `projection/${projection.name}@${projection.version}`

/** The processor that keeps a projection's read model. */
export const make = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Processor<Name, never, EventStore | CheckpointStore | ReadModelStore> => {
  const { table } = projection
  const changes = batches(projection)

  const batch = Effect.fnUntraced(function* (
    page: Page,
    { commit }: Turn<never>
  ): Effect.fn.Return<void, HandleError<never>, ReadModelStore> {
    const store = yield* ReadModelStore
    const changed = yield* changes(store, page.events)
    yield* commit(page.through, changed.length === 0 ? Effect.void : store.apply(table, changed))
  })

  return {
    name: projection.name,
    checkpoint: checkpointOf(projection),
    filter: projection.filter,
    // A page that holds a failing event is taken event by event, so that what comes before it is committed.
    handle: (page, turn) =>
      Effect.catchTag(batch(page, turn), "EventFailed", (failed) =>
        page.events.length <= 1
          ? Effect.fail(failed)
          : Effect.andThen(
              Effect.forEach(page.events, (event) => batch({ events: [event], through: event.position }, turn), {
                discard: true
              }),
              turn.commit(page.through, Effect.void)
            )
      )
  }
}
