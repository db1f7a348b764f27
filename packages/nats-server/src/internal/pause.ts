// A pause by the machine's clock: a server takes its time whatever the clock of a test says.
import * as Effect from "effect/Effect"

/** Waits. */
export const pause = (millis: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })
