// The read model store in memory: a map of rows for each table; queries filter and sort it.
import * as Effect from "effect/Effect"
import { ReadModelStore } from "../../ReadModelStore.ts"
import type { Condition, EncodedRow, IndexValue, Query, Table } from "../../ReadModelStore.ts"
import * as Transaction from "./transaction.ts"

/** A new, empty store. */
export const make = (): ReadModelStore["Service"] => {
  const tables = new Map<string, Map<string, EncodedRow>>()
  const id = (table: Table): string => JSON.stringify([table.name, table.version])
  const rowsOf = (table: Table): Map<string, EncodedRow> => {
    const rows = tables.get(id(table)) ?? new Map<string, EncodedRow>()
    tables.set(id(table), rows)
    return rows
  }

  return ReadModelStore.of({
    capabilities: { atomicBatch: true },
    get: (table, keys) =>
      Effect.sync(() => {
        const rows = rowsOf(table)
        return keys.flatMap((key) => rows.get(key) ?? [])
      }),
    apply: (table, rows) =>
      Transaction.write(() => {
        const stored = rowsOf(table)
        for (const row of rows) {
          const older = stored.get(row.key)
          if (older !== undefined && older.position > row.position) continue
          // Rows and checkpoint move together here, so a removed row needs no tombstone.
          if (row.row === undefined) stored.delete(row.key)
          else stored.set(row.key, row)
        }
      }),
    list: (table, query) => Effect.sync(() => select([...rowsOf(table).values()], query)),
    drop: (table) => Transaction.write(() => void tables.delete(id(table))),
    swap: (one, other) =>
      Transaction.write(() => {
        const [first, second] = [rowsOf(one), rowsOf(other)]
        tables.set(id(one), second).set(id(other), first)
      })
  })
}

const select = (rows: ReadonlyArray<EncodedRow>, query: Query): ReadonlyArray<EncodedRow> => {
  const { after, limit, orderBy } = query
  const sign = query.direction === "asc" ? 1 : -1
  const value = (row: EncodedRow): IndexValue | undefined => (orderBy === undefined ? undefined : row.index[orderBy])
  const order = (a: IndexValue | undefined, aKey: string, b: IndexValue | undefined, bKey: string): number =>
    sign * ((a === undefined || b === undefined ? 0 : compare(a, b)) || compare(aKey, bKey))
  return rows
    .filter((row) => query.where.every((condition) => holds(condition, row)))
    .filter((row) => after === undefined || order(value(row), row.key, after.value, after.key) > 0)
    .sort((a, b) => order(value(a), a.key, value(b), b.key))
    .slice(0, limit)
}

const holds = (condition: Condition, row: EncodedRow): boolean => {
  const actual = row.index[condition.field]
  if (actual === undefined) return false
  switch (condition.op) {
    case "in":
      return condition.values.some((value) => value === actual)
    case "gt":
      return compare(actual, condition.value) > 0
    case "gte":
      return compare(actual, condition.value) >= 0
    case "lt":
      return compare(actual, condition.value) < 0
    case "lte":
      return compare(actual, condition.value) <= 0
  }
}

/** The order of index values; texts by code point, as a database with the C collation has it. */
const compare = (a: IndexValue, b: IndexValue): number => {
  if (a === b) return 0
  if (typeof a === "string" && typeof b === "string") return compareText(a, b)
  return a < b ? -1 : 1
}

const compareText = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) {
      // Where only one of two units is half of a pair, the pair is the greater code point.
      const x = a.charCodeAt(i)
      const y = b.charCodeAt(i)
      const xPair = x >= 0xd800 && x <= 0xdfff
      const yPair = y >= 0xd800 && y <= 0xdfff
      return xPair === yPair ? x - y : xPair ? 1 : -1
    }
  }
  return a.length - b.length
}
