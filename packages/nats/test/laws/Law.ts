// Law: a promise of the backend on NATS that other backends have no part in, in the form of the conformance laws.
import { LawBroken, Patience } from "@evolvent/testing/conformance"
import type { Law } from "@evolvent/testing/conformance"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Bench } from "./Bench.ts"

/** Something was otherwise than a law expects. */
export class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

/** Fails; says what was done, what is expected, and what was found. */
export const broken = (did: string, expected: unknown, found: unknown): Effect.Effect<never, Broken> =>
  Effect.fail(new Broken({ message: `  done:     ${did}\n  expected: ${show(expected)}\n  found:    ${show(found)}` }))

const show = (value: unknown): string => {
  if (typeof value === "string") return value
  if (value instanceof Error) return `${value.name}: ${value.message}`
  return JSON.stringify(value) ?? String(value)
}

/** What was found is what is expected, compared as JSON. */
export const equal = <A>(did: string, found: A, expected: A): Effect.Effect<void, Broken> =>
  JSON.stringify(found) === JSON.stringify(expected) ? Effect.void : broken(did, expected, found)

/** Looks again and again until it is as it must be; `least` is how many milliseconds that may take in any case. */
export const eventually = <A, E, R>(
  did: string,
  expected: string,
  look: Effect.Effect<A, E, R>,
  ok: (found: A) => boolean,
  least = 0
): Effect.Effect<A, E | Broken, R> =>
  Effect.gen(function* () {
    const patience = Math.max(least, Duration.toMillis(Duration.fromInputUnsafe(yield* Patience)))
    const start = performance.now()
    while (true) {
      const found = yield* look
      if (ok(found)) return found
      if (performance.now() - start > patience) return yield* broken(did, `within ${patience} ms ${expected}`, found)
      yield* Effect.sleep(2)
    }
  })

/** A law of what must hold; whatever it fails with or dies of breaks it, and so does taking too long. */
export const law = <E>(id: string, promise: Effect.Effect<void, E, Bench | Scope.Scope>): Law<Bench> => ({
  id,
  run: Effect.flatMap(Patience, (patience) => {
    const limit = Duration.times(Duration.fromInputUnsafe(patience), 4)
    return Effect.scoped(promise).pipe(
      Effect.timeoutOrElse({
        duration: limit,
        orElse: () => Effect.fail(new Broken({ message: `It did not end within ${Duration.format(limit)}.` }))
      }),
      Effect.catchCause((cause) => {
        const error = Cause.squash(cause)
        return Effect.fail(
          new LawBroken({ law: id, problem: error instanceof Broken ? error.message : Cause.pretty(cause) })
        )
      })
    )
  })
})
