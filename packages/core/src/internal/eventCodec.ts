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

/** Why a stored event cannot be decoded. */
export interface Undecoded {
  readonly problem: string
  /** The newest version of its type that this process knows, where that of the event is newer. */
  readonly newest?: number
}

/** Encodes events to type, schema version and data, and decodes what was ever stored to events of today. */
export interface EventCodec<E> {
  readonly tags: ReadonlyArray<string>
  /** The version that events of a type are stored in today; undefined for a type that is none of today's. */
  readonly versionOf: (type: string) => number | undefined
  readonly encode: (
    event: E
  ) => Result.Result<{ readonly type: string; readonly schemaVersion: number; readonly data: Json }, string>
  /** One event, mostly; of an old version it may be several, or none. */
  readonly decode: (type: string, schemaVersion: number, data: Json) => Result.Result<ReadonlyArray<E>, Undecoded>
}

/** What an old version of a type was called, and how its data becomes events of today. */
export interface PastDecoder<E> {
  readonly type: string
  readonly schemaVersion: number
  readonly decode: (data: Json) => Result.Result<ReadonlyArray<E>, string>
}

/** What was stored before today: the old versions, and today's numbers of the types that have some. */
export interface Past<E> {
  readonly decoders: ReadonlyArray<PastDecoder<E>>
  readonly current: ReadonlyMap<string, number>
}

/** What is known of a type. */
interface Known<E> {
  /** Today's version; 0 for a type that is none of today's. */
  readonly current: number
  readonly decoder: Decoder<E> | undefined
  readonly past: Map<number, PastDecoder<E>["decode"]>
}

/** The codec of a union of tagged events. The `_tag` is the stored type and is left out of the data. */
export const make = <E extends Tagged>(
  schema: Schema.ConstraintCodec<E, unknown>,
  past: Past<E> = { decoders: [], current: new Map() }
): EventCodec<E> => {
  const codec = jsonCodec(schema)
  const tags = tagsOf(schema)
  const decoders = decodersOf(schema)
  // One look at this table says what to do with an event; of today's versions nothing else is asked.
  const table = new Map<string, Known<E>>()
  for (const tag of tags) {
    table.set(tag, { current: past.current.get(tag) ?? 1, decoder: decoders.get(tag), past: new Map() })
  }
  for (const { decode, schemaVersion, type } of past.decoders) {
    const known = table.get(type) ?? { current: 0, decoder: undefined, past: new Map() }
    known.past.set(schemaVersion, decode)
    table.set(type, known)
  }
  return {
    tags,
    versionOf: (type) => table.get(type)?.current || undefined,
    encode: (event) => {
      const encoded = codec.encode(event)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      const { _tag: type, ...data } = encoded.success as { readonly _tag: string; readonly [key: string]: Json }
      return Result.succeed({ type, schemaVersion: table.get(type)?.current ?? 1, data })
    },
    decode: (type, schemaVersion, data) => {
      const known = table.get(type)
      if (known === undefined) {
        return Result.fail({ problem: `no event of that type is known here (known: ${[...table.keys()].join(", ")})` })
      }
      if (schemaVersion !== known.current) {
        const decode = known.past.get(schemaVersion)
        return decode === undefined
          ? Result.fail(unknownVersion(known, type, schemaVersion))
          : Result.mapError(decode(data), (problem) => ({ problem }))
      }
      if (typeof data !== "object" || data === null || Array.isArray(data)) {
        return Result.fail({ problem: `its data is not an object` })
      }
      const tagged = { ...data, _tag: type }
      const one = known.decoder === undefined ? undefined : decoded(known.decoder, tagged)
      if (one !== undefined) return Result.succeed([one])
      return Result.mapBoth(codec.decode(tagged), {
        onFailure: (problem) => ({ problem }),
        onSuccess: (event) => [event]
      })
    }
  }
}

const unknownVersion = <E>({ current, past }: Known<E>, type: string, version: number): Undecoded => {
  const versions = [...past.keys(), ...(current === 0 ? [] : [current])].toSorted((a, b) => a - b)
  const newest = versions.at(-1) ?? 0
  const known = `versions of "${type}" known here: ${versions.join(", ")}`
  return version > newest
    ? { problem: `its version is newer than this code (${known})`, newest }
    : { problem: `the history of its type has no such version (${known})` }
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

const decoded = <E>(decode: Decoder<E>, json: Json): E | undefined => {
  try {
    const exit = decode(json)
    return Exit.isSuccess(exit) ? exit.value : undefined
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
