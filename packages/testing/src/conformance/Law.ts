// Law: one promise of a service as data, with the effect that fails when a backend does not keep it.
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Broken } from "./Check.ts"
import { Patience } from "./Patience.ts"

/** A backend does not keep a law; the message says what was done, what the law expects and what was found. */
export class LawBroken extends Data.TaggedError("LawBroken")<{
  readonly law: string
  readonly problem: string
}> {
  override get message(): string {
    return `${this.law}\n${this.problem}`
  }
}

/**
 * One promise of a service.
 *
 * It knows no test runner: `suite` registers laws with one, `verdicts` runs them in a script. Names in it are new and
 * random, so that it runs beside others on a store that is not empty.
 */
export interface Law<out R> {
  readonly id: string
  readonly run: Effect.Effect<void, LawBroken, R>
}

/** How one law ended. */
export interface Verdict {
  readonly law: string
  readonly broken: LawBroken | undefined
  readonly duration: Duration.Duration
}

/** A law of what must hold; whatever else it fails with or dies of breaks it as well, and so does taking too long. */
export const law = <E, R>(id: string, promise: Effect.Effect<void, E, R>): Law<Exclude<R, Scope.Scope>> => ({
  id,
  run: Effect.flatMap(Patience, (patience) => {
    const limit = Duration.times(Duration.fromInputUnsafe(patience), 4)
    return limited(Effect.scoped(promise), limit).pipe(
      Effect.flatMap((ended) =>
        Option.isNone(ended)
          ? Effect.fail(new LawBroken({ law: id, problem: `It did not end within ${Duration.format(limit)}.` }))
          : Exit.isFailure(ended.value)
            ? Effect.fail(new LawBroken({ law: id, problem: problemOf(ended.value.cause) }))
            : Effect.void
      )
    )
  })
})

// The fiber is not waited for once its time is over: what hangs may well be uninterruptible.
const limited = <A, E, R>(effect: Effect.Effect<A, E, R>, limit: Duration.Duration) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkDetach(restore(effect))
      return yield* restore(Effect.timeoutOption(Fiber.await(fiber), limit)).pipe(
        Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
      )
    })
  )

const problemOf = <E>(cause: Cause.Cause<E>): string => {
  const error = Cause.squash(cause)
  if (error instanceof Broken) return error.message
  return `It expects to go through, but it ended with:\n${Cause.pretty(cause)}`
}

/** Runs laws one after another, or several at a time, each with a new build of `provide`, and says how each ended. */
export const verdicts = <R>(
  laws: ReadonlyArray<Law<R>>,
  provide: (run: Effect.Effect<void, LawBroken, R>) => Effect.Effect<void, LawBroken>,
  options?: { readonly concurrency?: number }
): Effect.Effect<ReadonlyArray<Verdict>> =>
  Effect.forEach(
    laws,
    ({ id, run }) =>
      Effect.map(Effect.timed(Effect.result(provide(run))), ([duration, result]) => ({
        law: id,
        broken: result._tag === "Failure" ? result.failure : undefined,
        duration
      })),
    { concurrency: options?.concurrency ?? 1 }
  )
