// Turns the values of one schema into JSON and back; problems come in words.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"

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
  return {
    encode: (value) => Result.mapError(encode(value), (error) => error.message),
    decode: (json) => Result.mapError(decode(json), (error) => error.message)
  }
}
