// A reactor as a processor: one event after the other, and the checkpoint moves after each.
import * as Effect from "effect/Effect"
import type * as Aggregate from "../Aggregate.ts"
import type { Page } from "../EventStore.ts"
import type { EffectsOf, HandleError, Processor, Turn } from "../Processor.ts"
import * as eventHandlers from "./eventHandlers.ts"

/** The processor of a reactor's handlers. */
export const make = <Name extends string, H>(
  name: Name,
  from: ReadonlyArray<Aggregate.Any>,
  handle: H
): Processor<Name, Effect.Error<EffectsOf<H>>, Effect.Services<EffectsOf<H>>> => {
  type Failure = Effect.Error<EffectsOf<H>>
  type Services = Effect.Services<EffectsOf<H>>
  const { filter, react } = eventHandlers.make("reactor", name, from, handle)
  return {
    name,
    checkpoint: `reactor/${name}`,
    filter,
    // Outside of the checkpoint's transaction: one that waits for the outside world would hold up readers and pools.
    handle: Effect.fnUntraced(function* (
      page: Page,
      { commit, retry }: Turn<Failure>
    ): Effect.fn.Return<void, HandleError<Failure>, Services> {
      for (const event of page.events) {
        yield* retry(react(event))
        yield* commit(event.position, Effect.void)
      }
      if (page.events.at(-1)?.position !== page.through) yield* commit(page.through, Effect.void)
    })
  }
}
