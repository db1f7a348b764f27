// A transactional handler as a processor: what it writes for a page commits together with the checkpoint.
import * as Effect from "effect/Effect"
import type * as Aggregate from "../Aggregate.ts"
import { CheckpointStore } from "../CheckpointStore.ts"
import { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { EventStore } from "../EventStore.ts"
import { InvalidRequest } from "../EventStoreError.ts"
import type { EffectsOf, Processor } from "../Processor.ts"
import * as eventHandlers from "./eventHandlers.ts"

/** The processor of a handler's handlers. */
export const make = <Name extends string, H>(
  name: Name,
  from: ReadonlyArray<Aggregate.Any>,
  handle: H
): Processor<Name, Effect.Error<EffectsOf<H>>, EventStore | CheckpointStore | Effect.Services<EffectsOf<H>>> => {
  const { filter, prepare, react } = eventHandlers.make("handler", name, from, handle)

  const refuseWithoutTransaction = Effect.flatMap(CheckpointStore, ({ capabilities }) => {
    if (capabilities.transaction) return Effect.void
    const problem =
      `handler "${name}" wants what it writes to commit with its checkpoint, and this backend has no transaction for ` +
      `both; run it on PostgreSQL, or make it a reactor that bears repetition`
    return Effect.fail(new CheckpointStoreError({ operation: "Processor", reason: new InvalidRequest({ problem }) }))
  })

  return {
    name,
    checkpoint: `handler/${name}`,
    filter,
    takes: "pages",
    prepare,
    handle: (steps) => Effect.as(refuseWithoutTransaction, Effect.forEach(steps, react, { discard: true }))
  }
}
