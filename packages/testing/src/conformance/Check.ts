// Check: what laws assert. A failed check says what was done, what was expected and what was found.
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { Patience } from "./Patience.ts"

/** Something was otherwise than a law expects. */
export class Broken extends Data.TaggedError("Broken")<{
  readonly did: string
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    return `  done:     ${this.did}\n  expected: ${this.expected}\n  found:    ${this.found}`
  }
}

const show = (value: unknown): string => {
  const text =
    value instanceof Error
      ? `${value.name}: ${value.message}`
      : typeof value === "string"
        ? value
        : Formatter.format(value)
  return text.length > 1500 ? `${text.slice(0, 1500)}… (${text.length} characters)` : text
}

const broken = (did: string, expected: unknown, found: unknown): Effect.Effect<never, Broken> =>
  Effect.fail(new Broken({ did, expected: show(expected), found: show(found) }))

/** What was found equals what is expected, in depth; the order of an object's keys is no matter. */
export const equal = <A>(did: string, found: A, expected: A): Effect.Effect<void, Broken> =>
  same(found, expected) ? Effect.void : broken(did, expected, found)

// `Equal.equals` takes plain objects for immutable and remembers them; what laws write down grows while they run.
const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b) || a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Equal.isEqual(a)) return Equal.equals(a, b)
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]))
  )
}

/** What was found is as it must be. */
export const holds = (did: string, expected: string, ok: boolean, found: unknown): Effect.Effect<void, Broken> =>
  ok ? Effect.void : broken(did, expected, found)

/** The effect fails with an error of a tag; gives that error. */
export const refused = <A, E extends { readonly _tag: string }, R, const Tag extends E["_tag"]>(
  did: string,
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<Extract<E, { readonly _tag: Tag }>, Broken, R> =>
  Effect.flatMap(Effect.result(effect), (result) => {
    const error = Result.isFailure(result) ? result.failure : undefined
    return error?._tag === tag
      ? Effect.succeed(error as Extract<E, { readonly _tag: Tag }>)
      : broken(did, `it fails with ${tag}`, error ?? `it succeeded with ${show(Result.getOrUndefined(result))}`)
  })

interface Reasoned {
  readonly _tag: string
  readonly reason: { readonly _tag: string }
}

/** The reasons of the errors that have one. */
export type ReasonOf<E> = E extends { readonly reason: infer Reason extends { readonly _tag: string } } ? Reason : never

/** The effect fails with an infrastructure error of a reason; gives the reason. */
export const refusedBecause = <A, E extends { readonly _tag: string }, R, const Tag extends ReasonOf<E>["_tag"]>(
  did: string,
  effect: Effect.Effect<A, E, R>,
  reason: Tag
): Effect.Effect<Extract<ReasonOf<E>, { readonly _tag: Tag }>, Broken, R> =>
  Effect.flatMap(Effect.result(effect), (result) => {
    const error = Result.isFailure(result) ? result.failure : undefined
    return isReasoned(error) && error.reason._tag === reason
      ? Effect.succeed(error.reason as Extract<ReasonOf<E>, { readonly _tag: Tag }>)
      : broken(
          did,
          `it fails because of ${reason}`,
          error ?? `it succeeded with ${show(Result.getOrUndefined(result))}`
        )
  })

const isReasoned = (error: { readonly _tag: string } | undefined): error is Reasoned =>
  error !== undefined && "reason" in error

/** Looks again and again until what it sees is as it must be; gives that. */
export const eventually = <A, E, R>(
  did: string,
  expected: string,
  look: Effect.Effect<A, E, R>,
  ok: (found: A) => boolean
): Effect.Effect<A, E | Broken, R> =>
  Effect.gen(function* () {
    const patience = Duration.toMillis(Duration.fromInputUnsafe(yield* Patience))
    const start = performance.now()
    let pause = 1
    while (true) {
      const found = yield* look
      if (ok(found)) return found
      if (performance.now() - start > patience) {
        return yield* broken(did, `within ${patience} ms ${expected}`, found)
      }
      yield* Effect.sleep(pause)
      pause = Math.min(20, pause * 2)
    }
  })

/** The effect ends in good time. */
export const inTime = <A, E, R>(did: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Broken, R> =>
  Effect.flatMap(Patience, (patience) =>
    Effect.timeoutOrElse(effect, {
      duration: patience,
      orElse: () =>
        broken(did, `it ends within ${Duration.format(Duration.fromInputUnsafe(patience))}`, "it does not end")
    })
  )

/** Repeats an effect beside another for as long as that takes. */
export const meanwhile = Effect.fnUntraced(function* <A, E, R, A2, E2, R2>(
  repeated: Effect.Effect<A, E, R>,
  work: Effect.Effect<A2, E2, R2>
): Effect.fn.Return<A2, E | E2, R | R2 | Scope.Scope> {
  const state = { working: true }
  const beside = yield* Effect.forkScoped(
    Effect.gen(function* () {
      while (state.working) yield* Effect.andThen(repeated, Effect.yieldNow)
    })
  )
  const result = yield* work
  state.working = false
  yield* Fiber.join(beside)
  return result
})

/** Runs effects at the same time and gives how each ended. */
export const race = <A, E, R>(
  effects: ReadonlyArray<Effect.Effect<A, E, R>>
): Effect.Effect<ReadonlyArray<Result.Result<A, E>>, never, R> =>
  Effect.forEach(effects, (effect) => Effect.result(effect), { concurrency: "unbounded" })

/** The successes and the failures of a race. */
export const sides = <A, E>(
  results: ReadonlyArray<Result.Result<A, E>>
): { readonly won: ReadonlyArray<A>; readonly lost: ReadonlyArray<E> } => ({
  won: results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : [])),
  lost: results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
})
