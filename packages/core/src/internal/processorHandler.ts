// A transactional handler as a processor: what it writes for a page commits together with the checkpoint.
import * as Effect from "effect/Effect"
import type * as Aggregate from "../Aggregate.ts"
import { CheckpointStore } from "../CheckpointStore.ts"
import { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { EventStore, Page } from "../EventStore.ts"
import { InvalidRequest } from "../EventStoreError.ts"
import type { EffectsOf, HandleError, Processor, Turn } from "../Processor.ts"
import * as eventHandlers from "./eventHandlers.ts"
import type { EventFailed } from "./processorErrors.ts"

/** The processor of a handler's handlers. */
export const make = <Name extends string, H>(
  name: Name,
  from: ReadonlyArray<Aggregate.Any>,
  handle: H
): Processor<Name, Effect.Error<EffectsOf<H>>, EventStore | CheckpointStore | Effect.Services<EffectsOf<H>>> => {
  type Failure = Effect.Error<EffectsOf<H>>
  type Services = CheckpointStore | Effect.Services<EffectsOf<H>>
  const { filter, react } = eventHandlers.make("handler", name, from, handle)

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
    handle: Effect.fnUntraced(function* (
      page: Page,
      { commit, retry }: Turn<Failure>
    ): Effect.fn.Return<void, HandleError<Failure>, Services> {
      yield* refuseWithoutTransaction
      const { events, through } = page
      const together = commit(through, Effect.forEach(events, react, { discard: true }))
      // A page with a failing event is taken event by event, so that what comes before it is committed.
      const apart = Effect.forEach(events, (event) => retry(commit(event.position, react(event))), { discard: true })
      yield* Effect.catchIf(
        together,
        (error): error is EventFailed<Failure> => error._tag === "EventFailed",
        () => (events.at(-1)?.position === through ? apart : Effect.andThen(apart, commit(through, Effect.void)))
      )
    })
  }
}
