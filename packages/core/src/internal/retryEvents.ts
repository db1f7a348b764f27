// retryEvents: handles again what failed on an event, by a schedule that sees the handler's own error.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { EventFailed } from "./processorErrors.ts"

/** What an event failed with, after how many attempts. */
export interface GivenUp<E> {
  readonly failed: EventFailed<E>
  readonly attempts: number
}

/**
 * Repeats an effect while an event fails with an error of its handler, and it is not over; everything else goes through at
 * once. An event that is given up is a value, with the number of attempts. What it failed with at `first`, where it was tried
 * before, counts as the first of them.
 */
export const make =
  <E>(
    given: Schedule.Schedule<unknown, E>,
    isOver: () => boolean = () => false,
    triedAgain: () => void = () => undefined
  ) =>
  <A, X, R>(
    effect: Effect.Effect<A, X | EventFailed<E>, R>,
    first?: EventFailed<E>
  ): Effect.Effect<A | GivenUp<E>, X, R> =>
    Effect.suspend(() => {
      const schedule = Schedule.while(given, () => !isOver())
      let attempts = 0
      let last: EventFailed<E> | undefined
      const givenUp = (failed: EventFailed<E>): GivenUp<E> => ({ failed, attempts })
      const attempt = Effect.suspend(() => {
        attempts += 1
        if (attempts > 1) triedAgain()
        return attempts === 1 && first !== undefined ? Effect.fail(first) : effect
      })
      return attempt.pipe(
        Effect.matchEffect({
          onFailure: (error): Effect.Effect<Result.Result<A | GivenUp<E>, X>, E> => {
            if (!(error instanceof EventFailed)) return Effect.succeed(Result.fail(error))
            // Neither a bug nor an event that cannot be decoded gets better by waiting.
            if (error.failure === undefined) return Effect.succeed(Result.succeed(givenUp(error)))
            last = error
            return Effect.fail(error.failure.error)
          },
          onSuccess: (value) => Effect.succeed(Result.succeed(value))
        }),
        Effect.retry(schedule),
        Effect.catch((error) =>
          last === undefined ? Effect.die(error) : Effect.succeed(Result.succeed(givenUp(last)))
        ),
        Effect.flatMap(Effect.fromResult)
      )
    })

/** Whether an event was given up. */
export const isGivenUp = <E>(done: unknown): done is GivenUp<E> =>
  typeof done === "object" && done !== null && "failed" in done && done.failed instanceof EventFailed
