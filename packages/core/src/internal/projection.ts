// Builds a projection from its protocol and handlers: one table from category and type to what happens to a row.
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as Aggregate from "../Aggregate.ts"
import type { Recorded } from "../EventData.ts"
import type { Projection, Remove } from "../Projection.ts"
import type { IndexKind, IndexValue, Table } from "../ReadModelStore.ts"
import * as Tombstone from "../Tombstone.ts"
import type { Tagged } from "./eventCodec.ts"
import { frozen } from "./frozen.ts"
import { make as jsonCodec } from "./jsonCodec.ts"
import type { JsonCodec } from "./jsonCodec.ts"
import { filterOf } from "./todaysEvents.ts"

type Create<Row> = (event: Tagged, recorded: Recorded<Tagged>) => Row
type Evolve<Row> = (row: Row, event: Tagged, recorded: Recorded<Tagged>) => Row | Remove

/** The protocol of a projection, without what only the compiler knows. */
export interface Protocol<Row> {
  readonly from: ReadonlyArray<Aggregate.Any>
  readonly row: Schema.ConstraintCodec<Row, unknown>
  readonly key?: (event: Recorded<Tagged>) => string | ReadonlyArray<string>
  readonly indexes?: ReadonlyArray<string>
  readonly initial?: Row
  readonly version?: number
}

interface Handlers<Handler> {
  readonly [tag: string]: Handler | undefined
}

/** The handlers of a projection: flat for one aggregate, nested by name for several. */
export interface Behaviour<Row> {
  readonly create?: Handlers<Create<Row>> | Handlers<Handlers<Create<Row>>>
  readonly evolve: Handlers<Evolve<Row>> | Handlers<Handlers<Evolve<Row>>>
  readonly removed?: (row: Row, tombstone: Tombstone.Tombstone, recorded: Recorded<Tombstone.Tombstone>) => Row | Remove
}

interface Handler<Row> {
  readonly create: Create<Row> | undefined
  readonly evolve: Evolve<Row> | undefined
}

/** The projection of a protocol and its handlers. Throws a TypeError for a definition that cannot work. */
export const define = <Row extends object>(
  name: string,
  protocol: Protocol<Row>,
  behaviour: Behaviour<Row>
): Projection<string, Row, string> => {
  const { from, key } = protocol
  const initial = frozen(protocol.initial)
  const version = protocol.version ?? 1
  const refuse = (problem: string): never => {
    throw new TypeError(`The projection "${name}" cannot be defined: ${problem}.`)
  }
  if (name === "") refuse("it needs a name")
  if (!(Number.isSafeInteger(version) && version >= 1)) refuse(`its version is ${version}, not a whole number from 1`)
  const names = from.map((aggregate) => aggregate.name)
  if (new Set(names).size !== names.length) refuse(`two of its sources have the same name (${names.join(", ")})`)

  const handlersOf = <H>(all: Handlers<H> | Handlers<Handlers<H>> | undefined, source: string): Handlers<H> =>
    ((from.length === 1 ? all : own(all as Handlers<Handlers<H>> | undefined, source)) ?? {}) as Handlers<H>
  const bySource = new Map<string, Map<string, Handler<Row>>>()
  if (behaviour.removed !== undefined && key !== undefined) {
    refuse(
      `it has \`removed\`, but which of its rows a stream is part of, only its key knows, which is asked about events`
    )
  }
  const ofTombstones = removalsOf(behaviour.removed, key === undefined && from.length === 1)
  for (const aggregate of from) {
    const create = handlersOf(behaviour.create, aggregate.name)
    const evolve = handlersOf(behaviour.evolve, aggregate.name)
    const byType = new Map<string, Handler<Row>>()
    for (const type of new Set([...Object.keys(create), ...Object.keys(evolve)])) {
      if (!aggregate.eventTypes.includes(type)) refuse(`${aggregate.name} has no event "${type}"`)
      byType.set(type, { create: own(create, type), evolve: own(evolve, type) })
    }
    bySource.set(aggregate.name, byType)
  }

  const indexes = protocol.indexes ?? []
  const table: Table = {
    name,
    version,
    indexes: indexes.map((field) => ({
      field,
      kind: kindOf(protocol.row, field) ?? refuse(`its field "${field}" cannot be indexed: only one ordered scalar can`)
    }))
  }
  const removals = [...ofTombstones.keys()]
  const typesOf = (source: string): ReadonlyArray<string> => [...(bySource.get(source)?.keys() ?? [])]
  let codec: JsonCodec<Row> | undefined
  return {
    name,
    version,
    from,
    filter: filterOf(from.map((aggregate) => ({ aggregate, types: [...typesOf(aggregate.name), ...removals] }))),
    handles: names.map((category) => ({ category, types: typesOf(category) })),
    removals,
    indexes,
    row: protocol.row,
    get codec() {
      return (codec ??= jsonCodec(protocol.row))
    },
    table,
    isKeyedByStream: key === undefined,
    keys: (event) => {
      if (key === undefined) return [event.streamId]
      const keys = key(event)
      // A row is written once a batch: a key named twice by one event is one key.
      return typeof keys === "string" ? [keys] : keys.length > 1 ? [...new Set(keys)] : keys
    },
    step: (row, event) => {
      const ofTombstone = ofTombstones.get(event.type)
      // Where there is no row none begins by what is left of a stream.
      if (ofTombstone !== undefined && row === undefined) return undefined
      const handler = ofTombstone ?? bySource.get(event.category)?.get(event.type)
      if (handler === undefined) return row
      const before = row ?? initial
      if (before !== undefined && handler.evolve !== undefined) {
        const after = handler.evolve(before, event.data, event)
        return isRemove(after) ? undefined : after
      }
      return handler.create === undefined ? row : handler.create(event.data, event)
    }
  }
}

/** What a tombstone does to the row of its stream. */
const removalsOf = <Row>(removed: Behaviour<Row>["removed"], isAlone: boolean): ReadonlyMap<string, Handler<Row>> => {
  // Only tombstones have these types.
  const given = removed as Evolve<Row> | undefined
  const goes: Evolve<Row> = () => ({ _tag: "evolvent/Projection/remove" })
  const types = given !== undefined ? Tombstone.types : isAlone ? (["$deleted"] as const) : []
  return new Map(types.map((type) => [type, { create: undefined, evolve: given ?? goes }]))
}

// An event may be named like what every object inherits ("constructor", "toString"): that is no handler.
const own = <H>(handlers: Handlers<H> | undefined, name: string): H | undefined =>
  handlers !== undefined && Object.hasOwn(handlers, name) ? handlers[name] : undefined

const isRemove = (value: object): value is Remove => "_tag" in value && value._tag === "evolvent/Projection/remove"

/** How the values of a field are ordered, or undefined when they are not of one ordered kind. */
const kindOf = (row: Schema.Constraint, field: string): IndexKind | undefined => {
  const kinds = new Set<IndexKind | undefined>()
  const visit = (ast: SchemaAST.AST): void => {
    if (SchemaAST.isUnion(ast)) ast.types.forEach(visit)
    else kinds.add(scalarKind(ast))
  }
  const rows = (ast: SchemaAST.AST): void => {
    if (SchemaAST.isUnion(ast)) return ast.types.forEach(rows)
    const property = SchemaAST.isObjects(ast) ? ast.propertySignatures.find((p) => p.name === field) : undefined
    if (property === undefined || SchemaAST.isOptional(property.type)) kinds.add(undefined)
    else visit(property.type)
  }
  rows(SchemaAST.toType(row.ast))
  return kinds.size === 1 ? [...kinds][0] : undefined
}

const scalarKind = (ast: SchemaAST.AST): IndexKind | undefined => {
  if (SchemaAST.isLiteral(ast)) return literalKind(ast.literal)
  if (SchemaAST.isString(ast) || SchemaAST.isTemplateLiteral(ast)) return "string"
  if (SchemaAST.isNumber(ast)) return "number"
  if (SchemaAST.isBoolean(ast)) return "boolean"
  if (SchemaAST.isBigInt(ast)) return "bigint"
  if (SchemaAST.isDeclaration(ast)) {
    const id: unknown = (ast.annotations?.["representation"] as { readonly id?: unknown } | undefined)?.id
    return id === "effect/schema/DateTimeUtc" || id === "effect/schema/Date" ? "instant" : undefined
  }
  return undefined
}

const literalKind = (literal: SchemaAST.LiteralValue): IndexKind => typeof literal as Exclude<IndexKind, "instant">

/** A field's value as an index orders it. */
export const indexValue = (value: unknown): IndexValue =>
  DateTime.isDateTime(value)
    ? DateTime.toEpochMillis(value)
    : value instanceof Date
      ? value.getTime()
      : (value as IndexValue)
