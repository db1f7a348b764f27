// ReadModel: the query side. Rows of a projection by key, or listed by its indexes, page by page.
import type { Brand } from "effect/Brand"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cached } from "./internal/readModelCache.ts"
import { conditions, problemOf } from "./internal/readModelQuery.ts"
import { decode } from "./internal/readModelRow.ts"
import type { Position } from "./Position.ts"
import type { Projection } from "./Projection.ts"
import { ReadModelStore } from "./ReadModelStore.ts"
import type { EncodedRow, IndexValue, Query, ReadModelStoreError, Table } from "./ReadModelStore.ts"

export { layerCached } from "./internal/readModelCache.ts"
export type { RowCacheOptions } from "./internal/readModelCache.ts"
export { changes } from "./internal/readModelChanges.ts"
export type { Change } from "./internal/projectionFold.ts"

/** A condition on an indexed field: a value, one of some values, or a range. */
export type Filter<Value> = Value | OneOf<Value> | Range<Value>

interface OneOf<Value> {
  readonly in: ReadonlyArray<Value>
  readonly gt?: never
  readonly gte?: never
  readonly lt?: never
  readonly lte?: never
}

interface Range<Value> {
  readonly in?: never
  readonly gt?: Value
  readonly gte?: Value
  readonly lt?: Value
  readonly lte?: Value
}

/** Where a page ended; opaque text, fit for a URL. `Cursor.make` takes it back from there. */
export type Cursor = string & Brand<"evolvent/ReadModel/Cursor">

/** A cursor from text that came back from outside; `list` checks it. */
export const cursor = (text: string): Cursor => text as Cursor

/** The schema of a cursor, for requests and responses. */
export const Cursor: Schema.brand<Schema.String, "evolvent/ReadModel/Cursor"> = Schema.String.pipe(
  Schema.brand("evolvent/ReadModel/Cursor")
)

/**
 * Which rows, in which order, from where on.
 *
 * Only indexed fields can be asked for. Rows with equal values come in order of their keys, in the same direction;
 * without `orderBy` the key is the order. `limit` is 100 unless given, 1000 at most.
 */
export interface ListOptions<Row, Index extends string> {
  readonly where?: [Index] extends [never]
    ? "this projection has no indexes"
    : { readonly [Field in Index & keyof Row]?: Filter<Row[Field]> }
  readonly orderBy?: [Index] extends [never] ? "this projection has no indexes" : Index
  readonly direction?: "asc" | "desc"
  readonly limit?: number
  /** The `next` of the page before; undefined asks for the first page. */
  readonly after?: Cursor | undefined
}

/** A row with its key, and the position of the event that last changed it. */
export interface Entry<Row> {
  readonly key: string
  readonly row: Row
  readonly position: Position
}

/** Some rows; `next` leads to the following ones and is undefined on the last page. */
export interface Page<Row> {
  readonly rows: ReadonlyArray<Entry<Row>>
  readonly next: Cursor | undefined
}

/** A cursor that does not belong to this list: of another projection or order, or changed on its way. */
export class InvalidCursor extends Schema.TaggedError<InvalidCursor>()("InvalidCursor", {
  projection: Schema.String,
  cursor: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return (
      `The cursor given for a list of "${this.projection}" cannot be used: ${this.problem}. ` +
      `Pass the \`next\` of a page of the same list, with the same orderBy and direction.`
    )
  }
}

/** Options of a list that the types would not have let through: from a request, for example. */
export class InvalidQuery extends Schema.TaggedError<InvalidQuery>()("InvalidQuery", {
  projection: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `"${this.projection}" cannot be listed so: ${this.problem}.`
  }
}

/** The row of a key, or undefined. */
export const get = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  key: string
): Effect.Effect<Row | undefined, ReadModelStoreError, ReadModelStore> =>
  ReadModelStore.use((store) => {
    const read = Effect.suspend(() =>
      Effect.flatMap(store.get(projection.table, [key]), (rows) => {
        const text = rows[0]?.row
        return text === undefined
          ? Effect.succeed(undefined)
          : Effect.fromResult(decode("ReadModel.get", projection, key, text))
      })
    )
    return cached(store, projection, key, read)
  })

/**
 * The rows that match, one page of them.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Projection from "evolvent/Projection"
 * import * as ReadModel from "evolvent/ReadModel"
 *
 * const Task = Aggregate.make("Task", {
 *   command: Schema.TaggedUnion({ Add: { title: Schema.String } }),
 *   event: Schema.TaggedUnion({ Added: { title: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Add: ({ title }) => [{ _tag: "Added", title }] },
 *   evolve: { Added: () => null }
 * })
 * const Tasks = Projection.make("tasks", { from: [Task], row: Schema.Struct({ title: Schema.String }), indexes: ["title"] })({
 *   create: { Added: ({ title }) => ({ title }) },
 *   evolve: {}
 * })
 *
 * const fromM = { where: { title: { gte: "m" } }, orderBy: "title", limit: 20 } as const
 * const first = ReadModel.list(Tasks, fromM)
 * const second = Effect.flatMap(first, ({ next }) => ReadModel.list(Tasks, { ...fromM, after: next }))
 * ```
 */
export const list = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  options: NoInfer<ListOptions<Row, Index>> = {}
): Effect.Effect<Page<Row>, InvalidQuery | InvalidCursor | ReadModelStoreError, ReadModelStore> =>
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const problem = problemOf(projection.table, options)
    if (problem !== undefined) return yield* new InvalidQuery({ projection: projection.name, problem })
    const { direction = "asc", orderBy } = options
    const limit = Math.max(1, Math.min(1000, Math.trunc(options.limit ?? 100)))
    const query: Query = {
      where: conditions((options.where ?? {}) as object),
      orderBy,
      direction,
      // One row more than asked for tells whether there is a next page.
      limit: limit + 1,
      after: options.after === undefined ? undefined : yield* parseCursor(projection, orderBy, direction, options.after)
    }
    const found = yield* store.list(projection.table, query)
    const rows: Array<Entry<Row>> = []
    for (const { key, position, row } of found.slice(0, limit)) {
      if (row === undefined) continue
      rows.push({ key, position, row: yield* Effect.fromResult(decode("ReadModel.list", projection, key, row)) })
    }
    const last = found[limit - 1]
    return {
      rows,
      next: found.length > limit && last !== undefined ? cursorOf(projection.name, orderBy, direction, last) : undefined
    }
  })

type CursorParts = readonly [
  projection: string,
  orderBy: string | null,
  direction: string,
  kind: string,
  value: string | number | boolean | null,
  key: string
]

const cursorOf = (projection: string, orderBy: string | undefined, direction: string, last: EncodedRow): Cursor => {
  const value = orderBy === undefined ? undefined : last.index[orderBy]
  const plain = typeof value === "bigint" ? value.toString() : (value ?? null)
  const parts: CursorParts = [projection, orderBy ?? null, direction, typeof value, plain, last.key]
  return encodeURIComponent(JSON.stringify(parts)) as Cursor
}

const parseCursor = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  orderBy: string | undefined,
  direction: string,
  text: Cursor
): Effect.Effect<{ readonly value: IndexValue | undefined; readonly key: string }, InvalidCursor> => {
  const invalid = (problem: string) =>
    Effect.fail(new InvalidCursor({ projection: projection.name, cursor: text, problem }))
  let parts: unknown
  try {
    parts = JSON.parse(decodeURIComponent(text))
  } catch {
    return invalid("it is no cursor")
  }
  if (!isCursorParts(parts)) return invalid("it is no cursor")
  const [name, by, way, kind, value, key] = parts
  if (name !== projection.name) return invalid(`it is one of "${name}"`)
  if (by !== (orderBy ?? null) || way !== direction) {
    return invalid(`it is one of a list in ${way}ending order of ${by ?? "the key"}`)
  }
  if (kind !== kindOfValue(projection.table, orderBy)) return invalid("it was changed on its way")
  return Effect.succeed({ key, value: kind === "bigint" ? BigInt(String(value)) : (value ?? undefined) })
}

const kindOfValue = (table: Table, orderBy: string | undefined): string => {
  const kind = table.indexes.find((index) => index.field === orderBy)?.kind
  return kind === "instant" ? "number" : (kind ?? "undefined")
}

const isCursorParts = (parts: unknown): parts is CursorParts => {
  if (!Array.isArray(parts) || parts.length !== 6) return false
  const [name, by, way, kind, value, key]: ReadonlyArray<unknown> = parts
  const fits =
    kind === "bigint"
      ? typeof value === "string" && /^-?\d+$/.test(value)
      : kind === "undefined"
        ? value === null
        : typeof value === kind && value !== null
  return (
    typeof name === "string" &&
    (by === null || typeof by === "string") &&
    typeof way === "string" &&
    typeof key === "string" &&
    fits
  )
}
