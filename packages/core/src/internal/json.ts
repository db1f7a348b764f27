// JSON that keeps its value: text for what survives the round trip, a problem in words for what would not.
import type { Json } from "effect/Schema"
import * as Result from "effect/Result"

/** The JSON text of a value, or why the text would not give the same value back; -0 is 0. */
export const stringify = (value: unknown): Result.Result<string, string> => {
  const problem = findProblem(value, "")
  return problem === undefined ? Result.succeed(JSON.stringify(value)) : Result.fail(problem)
}

// As deep as every backend takes it, and as comparing two texts can follow.
const deepest = 1000

const findProblem = (value: unknown, path: string, depth = 0): string | undefined => {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : `${at(path)} is not well-formed Unicode (a lone surrogate)`
    case "number":
      return Number.isFinite(value) ? undefined : `${at(path)} is ${value}, which JSON cannot hold`
    case "boolean":
      return undefined
    case "object": {
      if (value === null) return undefined
      if (depth > deepest) return `it is nested more than ${deepest} levels deep, or refers to itself`
      if ("toJSON" in value) return `${at(path)} has a toJSON of its own; encode it with its schema first`
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
          const problem = findProblem(value[i], `${path}[${i}]`, depth + 1)
          if (problem !== undefined) return problem
        }
        return undefined
      }
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype !== Object.prototype && prototype !== null) {
        return `${at(path)} is an instance of a class; encode it with its schema first`
      }
      for (const key in value) {
        if (!key.isWellFormed()) return `a key at ${at(path)} is not well-formed Unicode (a lone surrogate)`
        const problem = findProblem(
          (value as Record<string, unknown>)[key],
          path === "" ? key : `${path}.${key}`,
          depth + 1
        )
        if (problem !== undefined) return problem
      }
      return undefined
    }
    default:
      return `${at(path)} is ${typeof value}, which JSON cannot hold`
  }
}

const at = (path: string): string => (path === "" ? "the value" : path)

/** The text of a JSON value with its keys in order: equal values have equal texts. */
export const canonical = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value === "object" && value !== null) {
    const object = value as { readonly [key: string]: Json }
    const keys = Object.keys(object).sort()
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(object[key] as Json)}`).join(",")}}`
  }
  return JSON.stringify(value)
}

/** Whether two JSON texts hold the same value. */
export const sameText = (self: string, that: string): boolean =>
  self === that || canonical(JSON.parse(self) as Json) === canonical(JSON.parse(that) as Json)

const encoder = new TextEncoder()

/** The length of a text in UTF-8 bytes. */
export const utf8Length = (text: string): number => encoder.encode(text).length
