// readModelSelect: the rows of a query out of rows in memory, for backends that have no queries of their own.
import type { Condition, EncodedRow, IndexValue, Query } from "../ReadModelStore.ts"

/**
 * The rows that a query asks for, in its order, out of all rows of a table: for a backend that keeps them, or a copy of
 * them, in memory. Removed rows are none.
 *
 * ```ts
 * import * as Position from "evolvent/Position"
 * import * as ReadModelStore from "evolvent/ReadModelStore"
 *
 * const rows = ["b", "c", "a"].map((key) => ({ key, position: Position.make(1), row: "{}", index: {} }))
 * const query = { where: [], orderBy: undefined, direction: "asc", limit: 2, after: undefined } as const
 * ReadModelStore.select(rows, query).map(({ key }) => key) // => ["a", "b"]
 * ```
 */
export const select = (rows: Iterable<EncodedRow>, query: Query): ReadonlyArray<EncodedRow> => {
  const { after, limit, orderBy, where } = query
  const sign = query.direction === "asc" ? 1 : -1
  const value = (row: EncodedRow): IndexValue | undefined => (orderBy === undefined ? undefined : row.index[orderBy])
  const order = (a: IndexValue | undefined, aKey: string, b: IndexValue | undefined, bKey: string): number =>
    sign * ((a === undefined || b === undefined ? 0 : compare(a, b)) || compare(aKey, bKey))
  const inOrder = (a: EncodedRow, b: EncodedRow): number => order(value(a), a.key, value(b), b.key)

  // Of many rows few are wanted: no more than two pages are ever sorted at once.
  const enough = Math.max(1024, 2 * limit)
  let first: Array<EncodedRow> = []
  let last: EncodedRow | undefined
  const cut = (): void => {
    first = first.sort(inOrder).slice(0, limit)
    last = first.length < limit ? undefined : first.at(-1)
  }
  for (const row of rows) {
    if (row.row === undefined || !where.every((condition) => holds(condition, row))) continue
    if (after !== undefined && order(value(row), row.key, after.value, after.key) <= 0) continue
    if (last !== undefined && inOrder(row, last) >= 0) continue
    first.push(row)
    if (first.length >= enough) cut()
  }
  cut()
  return first
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
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x === y) continue
    // Where only one of two units is half of a pair, the pair is the greater code point.
    const xPair = x >= 0xd800 && x <= 0xdfff
    const yPair = y >= 0xd800 && y <= 0xdfff
    return xPair === yPair ? x - y : xPair ? 1 : -1
  }
  return a.length - b.length
}
