// versionSchemas: every version of an aggregate's events, today's and those of its past, each as a schema of its own.
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Aggregate } from "evolvent/Aggregate"
import { samples } from "./commands.ts"

interface Tagged {
  readonly _tag: string
}

/** One version of one type. */
export interface Version {
  readonly type: string
  readonly schemaVersion: number
  /** What it is a version of: versions of one history follow each other. */
  readonly history: string
  readonly isCurrent: boolean
  /** Its JSON Schema, without words that change nothing. */
  readonly document: Json
  /** The stored data of some events of it, always the same ones. */
  readonly generate: () => ReadonlyArray<Json>
}

/** All versions: the past in its order, then today's. */
export const versionsOf = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>
): ReadonlyArray<Version> => {
  const { codecs, eventTypes, schemas, upcast } = aggregate
  const past = (upcast?.past ?? []).map(({ fields, of, schemaVersion, type }) =>
    version(Schema.Struct({ _tag: Schema.tag(type), ...fields }) as Codec, {
      type,
      schemaVersion,
      history: of ?? `${type} (retired)`,
      isCurrent: false
    })
  )
  const today = eventTypes.map((type) =>
    version(caseOf(schemas.event, type), {
      type,
      schemaVersion: codecs.event.versionOf(type) ?? 1,
      history: type,
      isCurrent: true
    })
  )
  return [...past, ...today]
}

type Codec = Schema.ConstraintCodec<Tagged, unknown>

const version = (schema: Codec, about: Omit<Version, "document" | "generate">): Version => ({
  ...about,
  document: documentOf(schema),
  generate: () => {
    const encode = Schema.encodeUnknownResult(Schema.toCodecJson(schema))
    return samples(() => Arbitrary.schema(schema), {
      count: 5,
      size: 4,
      seed: `${about.type} ${about.schemaVersion}`
    }).map((event) => {
      const { _tag: _, ...data } = Result.getOrThrow(encode(event)) as { readonly [key: string]: Json }
      return data
    })
  }
})

/** The case of a union with a tag; the whole where its cases share tags. */
const caseOf = <Event extends Tagged>(schema: Schema.ConstraintCodec<Event, unknown>, tag: string): Codec => {
  const cases = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> =>
    SchemaAST.isUnion(ast) ? ast.types.flatMap(cases) : [ast]
  const found = cases(schema.ast).filter((ast) => {
    const encoded = SchemaAST.toEncoded(ast)
    const type = SchemaAST.isObjects(encoded)
      ? encoded.propertySignatures.find(({ name }) => name === "_tag")?.type
      : undefined
    return type !== undefined && SchemaAST.isLiteral(type) && type.literal === tag
  })
  const [only] = found
  return only === undefined || found.length > 1 ? schema : Schema.make<Codec>(only)
}

const documentOf = (schema: Codec): Json => {
  const { definitions, schema: top } = JSON.parse(
    JSON.stringify(Schema.toJsonSchemaDocument(Schema.toCodecJson(schema)))
  ) as { readonly schema: { readonly [key: string]: Json }; readonly definitions: { readonly [name: string]: Json } }
  // A class is a definition of its own name, which a history's fields do not have.
  const name = typeof top["$ref"] === "string" ? top["$ref"].slice("#/$defs/".length) : undefined
  const { [name ?? ""]: own, ...others } = definitions
  return withoutWords({ schema: own ?? top, definitions: others })
}

const words: ReadonlySet<string> = new Set(["title", "description", "$comment"])

/** A field may be called "title", but then it has a schema and not a text. */
const withoutWords = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(withoutWords)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value as Schema.JsonObject)
  return Object.fromEntries(
    entries
      .filter(([key, part]) => !(words.has(key) && typeof part === "string"))
      .map(([key, part]) => [key, withoutWords(part)])
  )
}
