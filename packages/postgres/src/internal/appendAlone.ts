// appendAlone: appends that go by themselves, with what it takes until their outcome is certain.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { SqlError } from "effect/sql/SqlError"
import type { Appended, EncodedAppend, Outcome } from "evolvent/EventStore"
import type { Answer, Statements } from "./appendStatements.ts"
import { explain, mayBeStored } from "./sqlErrors.ts"

/** How often, and when: a server that restarts is back within seconds; a deadlock is over at once. */
export const again = Schedule.max([
  Schedule.jittered(Schedule.exponential("25 millis")),
  Schedule.recurs(6),
  Schedule.during("5 seconds")
])

/** A repeat is nobody else's where an earlier attempt of this very call may have stored it. */
export const ours = (results: ReadonlyArray<Appended | undefined>): ReadonlyArray<Appended | undefined> =>
  results.map((result) => (result === undefined ? undefined : { ...result, repeated: false }))

/**
 * The outcome of an append of one or several streams, given a statement that answers for it.
 *
 * Ids that are stored already are compared with what is brought: the first result, or a misuse. A statement that failed
 * is repeated with the same ids, so that a lost answer is found and nothing is stored twice. Within a caller's transaction
 * nothing is repeated: it is over when a statement in it has failed.
 */
export const settle = (
  statements: Statements,
  appends: ReadonlyArray<EncodedAppend>,
  attempt: Effect.Effect<Answer, SqlError>,
  options: { readonly retry: boolean }
): Effect.Effect<Outcome, SqlError> => {
  // Whether an earlier attempt may have been stored although it failed here.
  let doubtful = false
  const once: Effect.Effect<Outcome, SqlError> = Effect.flatMap(attempt, (answer) => {
    if (answer._tag === "Busy") return Effect.andThen(Effect.sleep("5 millis"), once)
    if (answer._tag !== "LookCloser") return Effect.succeed(answer)
    return Effect.flatMap(statements.look(appends), (looked) => {
      if (Result.isFailure(looked)) return Effect.succeed(looked.failure)
      const results = doubtful ? ours(looked.success) : looked.success
      const stored = results.filter((result) => result !== undefined)
      // Who was storing these ids a moment ago rolled back: now they are new.
      if (stored.length === 0) return once
      if (stored.length === results.length) return Effect.succeed<Outcome>({ _tag: "Appended", results: stored })
      return emptyOnes(results)
    })
  })
  /** Appends that are repeated, beside empty ones, which check their expectation now. */
  const emptyOnes = (results: ReadonlyArray<Appended | undefined>): Effect.Effect<Outcome, SqlError> => {
    const left = appends.flatMap((append, index) => (results[index] === undefined ? [{ append, index }] : []))
    return Effect.map(statements.all(left.map(({ append }) => append)), (answer): Outcome => {
      if (answer._tag === "Conflict" || answer._tag === "Removed") {
        return { ...answer, index: left[answer.index]?.index ?? 0 }
      }
      const rest = answer._tag === "Appended" ? [...answer.results] : []
      return { _tag: "Appended", results: results.flatMap((result) => result ?? rest.shift() ?? []) }
    })
  }
  if (!options.retry) return once
  return once.pipe(
    Effect.tapError((error) =>
      Effect.sync(() => {
        doubtful ||= mayBeStored(error)
      })
    ),
    Effect.retry({ schedule: again, while: (error) => explain(error).isRetryable })
  )
}
