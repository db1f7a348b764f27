// Rows: tables and rows for the laws of read models, with an index of each kind.
import * as Effect from "effect/Effect"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, IndexValue, Query, Table } from "evolvent/ReadModelStore"
import * as Fresh from "./Fresh.ts"

/** A new table with an index of each kind: text `s`, number `n`, boolean `b`, bigint `g`, instant `t`. */
export const tableOf = (): Effect.Effect<Table> =>
  Effect.map(Fresh.name("rows"), (name) => ({
    name,
    version: 1,
    indexes: [
      { field: "s", kind: "string" },
      { field: "n", kind: "number" },
      { field: "b", kind: "boolean" },
      { field: "g", kind: "bigint" },
      { field: "t", kind: "instant" }
    ]
  }))

/** The values of a row's indexes. */
export interface Values {
  readonly s: string
  readonly n: number
  readonly b: boolean
  readonly g: bigint
  readonly t: number
}

/** A row of a key at a position; some values unless given. */
export const row = (key: string, position: number, values: Partial<Values> = {}): EncodedRow => {
  const index: Readonly<Record<string, IndexValue>> = { s: "s", n: 0, b: false, g: 0n, t: 0, ...values }
  return { key, position: Position.make(position), row: JSON.stringify({ key, n: index["n"] }), index }
}

/** The removal of a row. */
export const gone = (key: string, position: number): EncodedRow => ({
  key,
  position: Position.make(position),
  row: undefined,
  index: {}
})

/** Lists; everything in order of key unless told otherwise. */
export const list = (table: Table, query: Partial<Query> = {}) =>
  ReadModelStore.use((store) =>
    store.list(table, { where: [], orderBy: undefined, direction: "asc", limit: 10_000, after: undefined, ...query })
  )

/** All rows. */
export const whole = (table: Table) => list(table)

/** The keys of rows. */
export const keysOf = (rows: ReadonlyArray<EncodedRow>): ReadonlyArray<string> => rows.map(({ key }) => key)
