// One attempt of a handler at an event: whatever goes wrong becomes an EventFailed, with the handler's own error in it.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Recorded } from "../EventData.ts"
import { EventFailed } from "./processorErrors.ts"
import { describe } from "./thrown.ts"

/**
 * Calls a handler for an event.
 *
 * A defect is a failure without an error to retry on, and so is an interruption that the handler met inside itself: it
 * must not end the runner unseen. An interruption of this fiber never comes here.
 */
export const attempt = <A, E, R>(
  event: Recorded,
  handle: () => Effect.Effect<A, E, R>
): Effect.Effect<A, EventFailed<E>, R> =>
  Effect.catchCause(Effect.suspend(handle), (cause) => {
    const failure = Cause.findFail(cause)
    if (Result.isSuccess(failure)) {
      const { error } = failure.success
      return Effect.fail(
        new EventFailed({ event, failure: { error }, problem: `its handler failed with ${describe(error)}` })
      )
    }
    const how = Cause.hasInterruptsOnly(cause)
      ? "was interrupted from within"
      : `died of ${describe(Cause.squash(cause))}`
    return Effect.fail(new EventFailed<E>({ event, failure: undefined, problem: `its handler ${how}` }))
  })
