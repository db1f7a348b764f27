// A reactor as a processor: one event after the other, and the checkpoint moves after each.
import * as Effect from "effect/Effect"
import type * as Aggregate from "../Aggregate.ts"
import type { EffectsOf, Processor } from "../Processor.ts"
import * as eventHandlers from "./eventHandlers.ts"

/** The processor of a reactor's handlers. */
export const make = <Name extends string, H>(
  name: Name,
  from: ReadonlyArray<Aggregate.Any>,
  handle: H
): Processor<Name, Effect.Error<EffectsOf<H>>, Effect.Services<EffectsOf<H>>> => {
  const { filter, prepare, react } = eventHandlers.make("reactor", name, from, handle)
  return {
    name,
    checkpoint: `reactor/${name}`,
    filter,
    takes: "events",
    prepare,
    // Outside of the checkpoint's transaction: one that waits for the outside world would hold up readers and pools.
    handle: (steps) => Effect.as(Effect.forEach(steps, react, { discard: true }), Effect.void)
  }
}
