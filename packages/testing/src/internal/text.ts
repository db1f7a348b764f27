// What is stored and read again: JSON text, as every backend keeps it.
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"

/** A value as it comes back from a store, or why it does not. */
export const throughText = <A>(
  encoded: Result.Result<Json, string>,
  decode: (json: Json) => Result.Result<A, string>
): Result.Result<A, string> => {
  if (Result.isFailure(encoded)) return Result.fail(`its schema refuses it: ${encoded.failure}`)
  try {
    return Result.mapError(
      decode(JSON.parse(JSON.stringify(encoded.success)) as Json),
      (problem) => `it is stored, but cannot be decoded again: ${problem}`
    )
  } catch (thrown) {
    return Result.fail(`its codec threw ${describe(thrown)}`)
  }
}

/** A thrown value in words. */
export const describe = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
