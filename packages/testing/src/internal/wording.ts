// The words that expectations of every kind share: how many events, what a schema refuses, both sides of a difference.
import * as Result from "effect/Result"
import { toSource } from "./source.ts"

/** Why a schema refuses a value, from the attempt to encode it. */
export const refusal = (encoded: Result.Result<unknown, string>): string | undefined =>
  Result.isFailure(encoded) ? `its schema refuses it: ${encoded.failure}` : undefined

/** What was expected and what was found, an item a line. */
export const both = (expected: unknown, found: unknown) => ({
  expected: toSource(expected, { expanded: true }),
  actual: toSource(found, { expanded: true })
})

/** How many events there are. */
export const count = ({ length }: ReadonlyArray<unknown>): string =>
  length === 0 ? "no event" : length === 1 ? "one event" : `${length} events`

/** How many events were found, where others were expected. */
export const countBeside = (found: ReadonlyArray<unknown>, expected: ReadonlyArray<unknown>): string =>
  expected.length !== found.length ? count(found) : found.length === 1 ? "another" : "others"
