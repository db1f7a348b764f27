// Whether what an example gives is what its author wrote: deep, and blind to classes, since a reader sees only fields.
import * as Equal from "effect/Equal"
import { isDeepStrictEqual } from "node:util"

/** Compares deeply. A plain object in the expectation matches an instance that has the same fields, inherited ones too. */
export const matches = (actual: unknown, expected: unknown): boolean => {
  if (isDeepStrictEqual(actual, expected)) return true
  if (!isObject(actual) || !isObject(expected)) return false
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, index) => matches(actual[index], each))
    )
  }
  if (!isPlain(expected)) return Equal.equals(actual, expected) || sameFields(actual, expected)
  return sameFields(actual, expected)
}

/** Compares what was printed by its words, for a document may break and align lines as it likes. */
export const printsLike = (printed: string, expected: string): boolean => words(printed) === words(expected)

const words = (text: string): string => text.trim().split(/\s+/).join(" ")

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Two instances only by their fields when these say something: a Map or a Date keeps what it holds elsewhere. */
const sameFields = (actual: Fields, expected: Fields): boolean => {
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)])
  if (!isPlain(expected) && (keys.size === 0 || actual.constructor !== expected.constructor)) return false
  if (!isPlain(actual) && keys.size === 0) return false
  return [...keys].every((key) => key in actual && key in expected && matches(actual[key], expected[key]))
}
