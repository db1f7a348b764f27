// Turns the values of one schema into JSON and back; problems come in words.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import { describe } from "./thrown.ts"

/** Encodes to JSON and decodes from it. */
export interface JsonCodec<A> {
  readonly encode: (value: A) => Result.Result<Json, string>
  readonly decode: (json: Json) => Result.Result<A, string>
}

/** The JSON codec of a schema. */
export const make = <A>(schema: Schema.ConstraintCodec<A, unknown>): JsonCodec<A> => {
  const codec = Schema.toCodecJson(schema)
  const encode = Schema.encodeUnknownResult(codec)
  const decode = Schema.decodeUnknownResult(codec)
  return { encode: inWords(encode), decode: inWords(decode) }
}

// A transformation that throws is a problem of this one value, not of whoever reads it.
const inWords =
  <A, B>(convert: (value: A) => Result.Result<B, { readonly message: string }>) =>
  (value: A): Result.Result<B, string> => {
    try {
      return Result.mapError(convert(value), (error) => error.message)
    } catch (thrown) {
      return Result.fail(`its schema threw ${describe(thrown)}`)
    }
  }
