// How the server finds rows: by an index in its order, at a hundred thousand rows.
import * as Effect from "effect/Effect"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { Condition, EncodedRow, Query, Table } from "evolvent/ReadModelStore"
import { beforeAll, expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import { columnsOf } from "../src/internal/readModelTable.ts"
import { select } from "../src/internal/readModelTableQuery.ts"
import { getRow } from "../src/internal/sql/getRow.ts"
import { getRows } from "../src/internal/sql/getRows.ts"
import { listRows } from "../src/internal/sql/listRows.ts"
import { fresh } from "./support/FreshSchema.ts"

const { run, schema, sql } = await fresh()
const quoted = Database.identifier(schema)

const table: Table = {
  name: "many",
  version: 1,
  indexes: [
    { field: "s", kind: "string" },
    { field: "n", kind: "number" },
    { field: "b", kind: "boolean" },
    { field: "g", kind: "bigint" },
    { field: "t", kind: "instant" }
  ]
}
const layout = { name: "many_v1", columns: columnsOf(table.indexes) }
const rowOf = (i: number): EncodedRow => {
  const n = (i * 7919) % 100_003
  return {
    key: `key ${(i * 104_729) % 1_000_003}`,
    position: Position.make(i + 1),
    row: JSON.stringify({ n, text: "x".repeat(60) }),
    index: { s: `owner ${n % 20}`, n: n % 30, b: n % 2 === 0, g: BigInt(n % 25), t: (n % 10) * 60_000 }
  }
}

beforeAll(
  () =>
    run(
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        for (let from = 0; from < 100_000; from += 5000) {
          yield* store.apply(
            table,
            Array.from({ length: 5000 }, (_, i) => rowOf(from + i))
          )
        }
        yield* sql.unsafe(`ANALYZE ${quoted}.many_v1`)
      })
    ),
  120_000
)

const planOf = (text: string, params: ReadonlyArray<unknown>) =>
  Effect.map(sql.unsafe(`EXPLAIN ${text}`, params).valuesUnprepared, (rows) =>
    rows
      .map(String)
      .join("\n")
      .replaceAll(/'\{.*?\}'/g, "the keys")
  )

const listed = (query: Partial<Query>) => {
  const whole: Query = { where: [], orderBy: undefined, direction: "asc", limit: 101, after: undefined, ...query }
  const asked = select(layout, whole)
  return asked === undefined
    ? Effect.succeed("nothing")
    : planOf(listRows(quoted, layout, asked.selection), asked.params)
}

// Of each value there are thousands of rows, and thousands before and behind it. What fits on a page may be sorted.
const values = { s: "owner 7", n: 15, b: true, g: 12n, t: 300_000 }

const queries: ReadonlyArray<readonly [what: string, query: Partial<Query>]> = (["asc", "desc"] as const).flatMap(
  (direction) => [
    [`by key, ${direction}`, { direction }] as const,
    [`by key after a row, ${direction}`, { direction, after: { key: "key 5", value: undefined } }] as const,
    ...Object.entries(values).flatMap(([field, value]) => {
      const equal: Condition = { field, op: "in", values: [value] }
      const after = { value, key: "key 5" }
      return [
        [`by ${field}, ${direction}`, { direction, orderBy: field }],
        [`by ${field} after a row, ${direction}`, { direction, orderBy: field, after }],
        [`where ${field} = and by ${field}, ${direction}`, { direction, orderBy: field, where: [equal] }],
        [
          `where ${field} = and by ${field} after a row, ${direction}`,
          { direction, orderBy: field, where: [equal], after }
        ],
        [
          `where ${field} >= and by ${field}, ${direction}`,
          { direction, orderBy: field, where: [{ field, op: "gte", value }] }
        ]
      ] satisfies ReadonlyArray<readonly [string, Partial<Query>]>
    })
  ]
)

it.each(queries)("lists %s without scanning or sorting", (_, query) =>
  run(
    Effect.gen(function* () {
      for (const limit of [2, 101]) {
        const plan = yield* listed({ ...query, limit })
        expect(plan).toMatch(/Index (Only )?Scan/)
        expect(plan).not.toMatch(/Seq Scan|Sort|Bitmap/)
      }
    })
  )
)

it("lists by one field and orders by another without scanning, and gets rows by their keys", () =>
  run(
    Effect.gen(function* () {
      const where: ReadonlyArray<Condition> = [{ field: "s", op: "in", values: ["owner 7"] }]
      expect(yield* listed({ where, orderBy: "t" })).not.toMatch(/Seq Scan/)
      expect(yield* listed({ where: [{ field: "g", op: "in", values: [1n, 2n] }] })).not.toMatch(/Seq Scan/)
      expect(yield* listed({ where: [{ field: "t", op: "in", values: [60_000, 120_000] }] })).not.toMatch(/Seq Scan/)
      expect(yield* planOf(getRow(quoted, layout), ["key 5"])).not.toMatch(/Seq Scan/)
      // Of two thousand keys, a fiftieth of the table, the server may well read all of it.
      for (const count of [2, 500]) {
        const keys = Array.from({ length: count }, (_, i) => rowOf(i * 3).key)
        expect(yield* planOf(getRows(quoted, layout), [keys])).not.toMatch(/Seq Scan/)
      }
    })
  ))

it(
  "gets rows by an index soon after the table was empty, in the same session",
  () =>
    run(
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const grown = { ...table, name: "grown" }
        const keys = Array.from({ length: 500 }, (_, i) => rowOf(i * 3).key)
        yield* store.apply(grown, [rowOf(0)])
        yield* sql.unsafe(`DELETE FROM ${quoted}.grown_v1`)
        yield* sql.unsafe(`VACUUM ANALYZE ${quoted}.grown_v1`)
        yield* sql.unsafe(`ALTER TABLE ${quoted}.grown_v1 SET (autovacuum_enabled = false)`)
        for (let i = 0; i < 20; i++) yield* store.get(grown, keys)
        yield* store.apply(
          grown,
          Array.from({ length: 50_000 }, (_, i) => rowOf(i))
        )
        const scans = Effect.map(
          sql.unsafe(`SELECT pg_stat_get_xact_numscans($1::regclass)`, [`${quoted}.grown_v1`]).values,
          ([found]) => Number(found?.[0])
        )
        yield* sql.withTransaction(
          Effect.gen(function* () {
            // What this session counted before may not have been handed in yet.
            const before = yield* scans
            for (let i = 0; i < 10; i++) expect((yield* store.get(grown, keys)).length).toBe(500)
            expect((yield* scans) - before).toBe(0)
          })
        )
      })
    ),
  60_000
)
