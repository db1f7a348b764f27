// Turns the events of one aggregate into stored type and data, and back. Built once an aggregate, on first use.
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import { make as jsonCodec } from "./jsonCodec.ts"

/** A value that says by its `_tag` which case it is. */
export interface Tagged {
  readonly _tag: string
}

/** Encodes events to type and data and decodes them; problems come in words. */
export interface EventCodec<E> {
  readonly tags: ReadonlyArray<string>
  readonly encode: (event: E) => Result.Result<{ readonly type: string; readonly data: Json }, string>
  readonly decode: (type: string, data: Json) => Result.Result<E, string>
}

/** The codec of a union of tagged events. The `_tag` is the stored type and is left out of the data. */
export const make = <E extends Tagged>(schema: Schema.ConstraintCodec<E, unknown>): EventCodec<E> => {
  const codec = jsonCodec(schema)
  const tags = tagsOf(schema)
  const known = new Set(tags)
  const decoders = decodersOf(schema)
  return {
    tags,
    encode: (event) => {
      const encoded = codec.encode(event)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      const { _tag: type, ...data } = encoded.success as { readonly _tag: string; readonly [key: string]: Json }
      return Result.succeed({ type, data })
    },
    decode: (type, data) => {
      if (!known.has(type)) return Result.fail(`no event of that type is known here (known: ${tags.join(", ")})`)
      if (typeof data !== "object" || data === null || Array.isArray(data)) {
        return Result.fail(`its data is not an object`)
      }
      const tagged = { ...data, _tag: type }
      const one = decoders.get(type)
      return (one === undefined ? undefined : decoded(one, tagged)) ?? codec.decode(tagged)
    }
  }
}

type Decoder<E> = (json: Json) => Exit.Exit<E, unknown>

/**
 * What decodes each case by itself, for unions whose cases are told apart by their tags alone.
 *
 * The type says already which case it is: a tenth of the time goes into finding that out. Where it fails the whole codec
 * says why.
 */
const decodersOf = <E extends Tagged>(schema: Schema.ConstraintCodec<E, unknown>): ReadonlyMap<string, Decoder<E>> => {
  const { ast } = Schema.toCodecJson(schema)
  const decoders = new Map<string, Decoder<E>>()
  if (!SchemaAST.isUnion(ast) || ast.checks || ast.encoding || ast.encodingChecks) return decoders
  const cases = ast.types.map((one) => ({ one, tags: [...(tagsIn(SchemaAST.toEncoded(one)) ?? [])] }))
  for (const { one, tags } of cases) {
    const [tag, ...others] = tags
    const isAlone =
      tag !== undefined && others.length === 0 && cases.filter(({ tags }) => tags.includes(tag)).length === 1
    if (isAlone) decoders.set(tag, SchemaParser.decodeUnknownExit(Schema.make<Schema.ConstraintDecoder<E>>(one)))
  }
  return decoders
}

const decoded = <E>(decode: Decoder<E>, json: Json): Result.Result<E, string> | undefined => {
  try {
    const exit = decode(json)
    return Exit.isSuccess(exit) ? Result.succeed(exit.value) : undefined
  } catch {
    return undefined
  }
}

/**
 * The `_tag`s of a union of tagged structs. Throws a TypeError for a schema that has none, or that stores other tags than
 * it decodes to: handlers and filters go by one name.
 */
export const tagsOf = (schema: Schema.Constraint): ReadonlyArray<string> => {
  const stored = tagsIn(SchemaAST.toEncoded(Schema.toCodecJson(schema).ast))
  const decoded = tagsIn(SchemaAST.toType(schema.ast))
  if (stored === undefined) {
    throw new TypeError(
      "Commands and events are tagged: each case of the schema needs a literal `_tag`, as Schema.TaggedUnion gives it."
    )
  }
  const other =
    decoded === undefined ? [] : [...stored, ...decoded].filter((tag) => !stored.has(tag) || !decoded.has(tag))
  if (other.length > 0) {
    throw new TypeError(
      `Commands and events are stored under their own tags, but the schema renames ${other.join(", ")}.`
    )
  }
  return [...stored]
}

/** The tags of all cases, or undefined when one has none that can be read off (a class, on its decoded side). */
const tagsIn = (ast: SchemaAST.AST): Set<string> | undefined => {
  if (SchemaAST.isSuspend(ast)) return tagsIn(ast.thunk())
  if (SchemaAST.isUnion(ast)) {
    const all = ast.types.map(tagsIn)
    return all.every((tags) => tags !== undefined) ? new Set(all.flatMap((tags) => [...tags])) : undefined
  }
  const tag = SchemaAST.isObjects(ast) ? ast.propertySignatures.find((p) => p.name === "_tag")?.type : undefined
  const literals = tag === undefined ? [] : SchemaAST.isUnion(tag) ? tag.types : [tag]
  const names = literals.flatMap((one) =>
    SchemaAST.isLiteral(one) && typeof one.literal === "string" ? [one.literal] : []
  )
  return names.length === 0 || names.length !== literals.length ? undefined : new Set(names)
}
