// Patience: how long a law waits for what must happen.
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/**
 * How long a law waits for what must happen before it counts as broken; 20 seconds unless given.
 *
 * A law that holds never waits so long: it looks again and again. Shorten it where laws are expected to break.
 */
export const Patience: Context.Reference<Duration.Input> = Context.Reference("@evolvent/testing/conformance/Patience", {
  defaultValue: (): Duration.Input => "20 seconds"
})
