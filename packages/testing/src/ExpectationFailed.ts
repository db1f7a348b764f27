// ExpectationFailed: what a given/when/then throws when the domain did something else.
import { difference } from "./internal/difference.ts"

/**
 * An expectation that did not hold; the message says what was given, what was expected and what was found.
 *
 * `expected` and `actual` are TypeScript source with one item a line, so that test runners show their own difference.
 */
export class ExpectationFailed extends Error {
  override readonly name = "ExpectationFailed"
  readonly expected: string | undefined
  readonly actual: string | undefined

  constructor(failure: {
    /** What was tried, as source. */
    readonly scenario: string
    readonly problem: string
    readonly expected?: string
    readonly actual?: string
    readonly hint?: string
    readonly cause?: unknown
  }) {
    const { actual, expected, hint, problem, scenario } = failure
    const parts = [problem]
    if (expected !== undefined && actual !== undefined) {
      parts.push(
        expected === actual
          ? `Both print as\n${expected}\nbut are not equal: they differ in what their schema tells apart and the text does not.`
          : `- expected\n+ found\n${difference(expected, actual)}`
      )
    }
    parts.push(scenario)
    if (hint !== undefined) parts.push(hint)
    super(parts.join("\n\n"), failure.cause === undefined ? {} : { cause: failure.cause })
    this.expected = expected
    this.actual = actual
  }
}

/** Throws a failure whose stack begins at the caller of a method, in the test itself. */
export const fail = (
  method: (...args: never) => unknown,
  failure: ConstructorParameters<typeof ExpectationFailed>[0]
): never => {
  const error = new ExpectationFailed(failure)
  const { captureStackTrace } = Error as { captureStackTrace?: (error: Error, below: unknown) => void }
  captureStackTrace?.(error, method)
  throw error
}
