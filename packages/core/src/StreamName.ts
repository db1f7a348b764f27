// StreamName: the address of one entity's events, `category-id`.
import type { Brand } from "effect/Brand"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * The name of one stream: `category-id`, split at the first dash.
 *
 * The category says what kind of entity it is and holds no dash; the id is any non-empty text. Categories that begin
 * with `$` are the library's own and are left out of `EventFilter.all` unless asked for.
 *
 * ```ts
 * import * as StreamName from "evolvent/StreamName"
 *
 * const stream = StreamName.make("Account", "ada-7")
 * StreamName.category(stream) // => "Account"
 * StreamName.id(stream) // => "ada-7"
 * ```
 */
export type StreamName = string & Brand<"evolvent/StreamName">

/** A category and an id that cannot name a stream, with the reason. */
export class InvalidStreamName extends Schema.TaggedError<InvalidStreamName>()("InvalidStreamName", {
  category: Schema.String,
  id: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `No stream can be named by category ${quote(this.category)} and id ${quote(this.id)}: ${this.problem}.`
  }
}

const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** Why a text cannot be a category, or undefined when it can. */
export const categoryProblem = (category: string): string | undefined =>
  category === ""
    ? "the category is empty"
    : category.includes("-")
      ? "the category holds a dash, and the first dash is where the id begins"
      : textProblem(category, "the category")

const textProblem = (text: string, what: string): string | undefined =>
  !text.isWellFormed()
    ? `${what} is not well-formed Unicode (a lone surrogate), so no server could give it back unchanged`
    : text.includes("\u0000")
      ? `${what} holds the NUL character, which no server can store in a name`
      : undefined

/**
 * The stream of a category and an id, or the reason why there can be none.
 *
 * Ids may hold dashes, spaces, quotes, any alphabet; they may not be empty, hold NUL or be ill-formed Unicode.
 */
export const fromParts = (category: string, id: string): Result.Result<StreamName, InvalidStreamName> => {
  const problem = categoryProblem(category) ?? (id === "" ? "the id is empty" : textProblem(id, "the id"))
  return problem === undefined
    ? Result.succeed(`${category}-${id}` as StreamName)
    : Result.fail(new InvalidStreamName({ category, id, problem }))
}

/** The stream of a category and an id. Throws {@link InvalidStreamName}; `fromParts` returns it instead. */
export const make = (category: string, id: string): StreamName => Result.getOrThrow(fromParts(category, id))

/** The stream that a stored name names: `parse("Account-7")`. */
export const parse = (name: string): Result.Result<StreamName, InvalidStreamName> => {
  const dash = name.indexOf("-")
  return dash === -1 ? fromParts(name, "") : fromParts(name.slice(0, dash), name.slice(dash + 1))
}

/** The part before the first dash. */
export const category = (stream: StreamName): string => stream.slice(0, stream.indexOf("-"))

/** The part after the first dash. */
export const id = (stream: StreamName): string => stream.slice(stream.indexOf("-") + 1)

/** Whether a category is the library's own: parked events, imports, the bus. */
export const isSystemCategory = (category: string): boolean => category.charCodeAt(0) === 36
