// Selecting few rows of many gives what sorting all of them would.
import * as Position from "evolvent/Position"
import * as ReadModelStore from "evolvent/ReadModelStore"
import type { EncodedRow, Query } from "evolvent/ReadModelStore"
import { expect, it } from "vitest"

const rows = Array.from({ length: 5000 }, (_, i): EncodedRow => {
  const n = (i * 7919) % 5003
  return {
    key: `k${String(n).padStart(4, "0")}`,
    position: Position.make(i),
    row: i % 10 === 3 ? undefined : "{}",
    index: { n: n % 700, up: i, down: -i }
  }
})

const everything: Query = { where: [], orderBy: undefined, direction: "asc", limit: 10_000, after: undefined }

const cases = [undefined, "n", "up", "down"].flatMap((orderBy) =>
  (["asc", "desc"] as const).map((direction) => ({ orderBy, direction }))
)

it.each(cases)("by $orderBy, $direction", (order) => {
  const query = { ...everything, ...order }
  // With room for all of them nothing is cut.
  const all = ReadModelStore.select(rows, query)
  expect(all).toHaveLength(4500)
  const sign = order.direction === "asc" ? 1 : -1
  const value = ({ index, key }: EncodedRow) => (order.orderBy === undefined ? key : (index[order.orderBy] ?? 0))
  for (const [i, row] of all.slice(1).entries()) {
    const [a, b] = [value(all[i] ?? row), value(row)]
    const isAfter = a === b ? (all[i]?.key ?? "") < row.key === sign > 0 : a < b === sign > 0
    expect(isAfter).toBe(true)
  }
  for (const limit of [1, 20, 700, 2300]) {
    expect(ReadModelStore.select(rows, { ...query, limit })).toEqual(all.slice(0, limit))
    const last = all[1999]
    const after = { value: order.orderBy === undefined ? undefined : last?.index[order.orderBy], key: last?.key ?? "" }
    expect(ReadModelStore.select(new Set(rows), { ...query, limit, after })).toEqual(all.slice(2000, 2000 + limit))
    const where = [{ field: "n", op: "lt", value: 350 } as const]
    const some = all.filter(({ index }) => Number(index["n"]) < 350)
    expect(ReadModelStore.select(rows, { ...query, limit, where })).toEqual(some.slice(0, limit))
  }
})
