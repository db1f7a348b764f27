// A table for each version of a projection: its name, its columns, and what it says when the definition changed.
import * as Effect from "effect/Effect"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, IndexKind, Table } from "evolvent/ReadModelStore"
import { expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import * as readModels from "../src/internal/readModelStore.ts"
import { Db, fresh } from "./support/FreshSchema.ts"

const { run, schema, sql } = await fresh()
const quoted = Database.identifier(schema)

const tableOf = (name: string, indexes: ReadonlyArray<readonly [string, IndexKind]> = [], version = 1): Table => ({
  name,
  version,
  indexes: indexes.map(([field, kind]) => ({ field, kind }))
})
const row = (key: string, index: EncodedRow["index"] = {}, position = 1): EncodedRow => ({
  key,
  position: Position.make(position),
  row: JSON.stringify({ key }),
  index
})
const put = (table: Table, ...rows: ReadonlyArray<EncodedRow>) =>
  ReadModelStore.use((store) => store.apply(table, rows))
const keys = (table: Table) =>
  ReadModelStore.use((store) =>
    Effect.map(
      store.list(table, { where: [], orderBy: undefined, direction: "asc", limit: 1000, after: undefined }),
      (rows) => rows.map(({ key }) => key)
    )
  )
const nameOf = ({ name, version }: Table) =>
  Effect.map(
    sql.unsafe(`SELECT table_name FROM ${quoted}.read_models WHERE name = $1 AND version = $2`, [name, version]).values,
    ([found]) => found?.[0]
  )

it("is a table that people can read: named after the projection, with a column for each index", () =>
  run(
    Effect.gen(function* () {
      const table = tableOf(
        "accountBalances",
        [
          ["owner", "string"],
          ["balance", "number"],
          ["open", "boolean"],
          ["units", "bigint"],
          ["openedAt", "instant"]
        ],
        3
      )
      yield* put(table, row("7", { owner: "ada", balance: 1.5, open: true, units: 5n, openedAt: 1_700_000_000_123 }))
      const found = yield* sql.unsafe(
        `SELECT key, position, owner, balance, open, units, "openedAt", row->>'key' AS inside FROM ${quoted}.account_balances_v3`
      )
      expect(found).toEqual([
        {
          key: "7",
          position: 1n,
          owner: "ada",
          balance: 1.5,
          open: true,
          units: "5",
          openedAt: new Date(1_700_000_000_123),
          inside: "7"
        }
      ])
      const [comment] = yield* sql.unsafe(`SELECT obj_description($1::regclass) AS text`, [
        `${quoted}.account_balances_v3`
      ])
      expect(comment).toEqual({ text: 'Rows of the projection "accountBalances", version 3' })
    })
  ))

const long = "projection ".repeat(910)
const names = [
  "a'b",
  'a"b',
  'x"; DROP TABLE checkpoints; --',
  "%s %I",
  "../etc",
  "😀",
  "",
  " ",
  "a",
  "A",
  "a-b",
  "a_b",
  "a b",
  "1",
  "_",
  "ä",
  "checkpoints",
  "read_models",
  "events",
  "row",
  "select",
  long,
  `${long}1`,
  `${long}2`,
  "x".repeat(63),
  `${"x".repeat(63)}y`,
  "b_v1",
  "$1",
  "\\",
  "\n",
  "{schema}",
  "balances",
  "Balances",
  "BALANCES"
]

it("keeps projections of any name in tables of their own", () =>
  run(
    Effect.gen(function* () {
      const tables = names.map((name) => tableOf(name, [["owner", "string"]]))
      yield* Effect.forEach(tables, (table, i) => put(table, row(`row ${i}`, { owner: "o" })))
      const used = new Set<unknown>()
      for (const [i, table] of tables.entries()) {
        expect(yield* keys(table)).toEqual([`row ${i}`])
        used.add(yield* nameOf(table))
      }
      expect(used.size).toBe(names.length)
      for (const name of used) expect(String(name)).toMatch(/^[a-z][a-z0-9_]{0,59}_v1$/)
      // The first that asks gets the plain name.
      expect([yield* nameOf(tableOf("a'b")), yield* nameOf(tableOf("a-b"))]).toEqual([
        "a_b_v1",
        expect.stringMatching(/^a_b_[0-9a-f]{12}_v1$/)
      ])
      yield* ReadModelStore.use((store) => store.drop(tableOf("Balances")))
      expect([yield* keys(tableOf("balances", [["owner", "string"]])), yield* keys(tableOf("Balances"))]).toEqual([
        ["row 31"],
        []
      ])
    })
  ))

it("keeps indexed fields of any name in columns of their own", () =>
  run(
    Effect.gen(function* () {
      const fields = [
        "key",
        "key_",
        "position",
        "row",
        "xmin",
        "ctid",
        'a"b',
        "a'b",
        "A",
        "a",
        "",
        " ",
        "😀",
        "x".repeat(64),
        `${"x".repeat(64)}y`,
        "%I"
      ]
      const table = tableOf(
        "fields",
        fields.map((field) => [field, "string"])
      )
      const one = row("k", Object.fromEntries(fields.map((field, i) => [field, `value ${i}`])))
      yield* put(table, one)
      const store = yield* ReadModelStore
      expect(yield* store.get(table, ["k"])).toEqual([one])
      for (const [i, field] of fields.entries()) {
        const where = [{ field, op: "in", values: [`value ${i}`] } as const]
        const found = yield* store.list(table, { where, orderBy: field, direction: "asc", limit: 9, after: undefined })
        expect(found).toEqual([one])
      }
    })
  ))

it("refuses names that no catalogue can hold", () =>
  run(
    Effect.gen(function* () {
      for (const table of [
        tableOf("a\u0000"),
        tableOf(String.fromCharCode(0xdfff)),
        tableOf("f", [["\u0000", "string"]])
      ]) {
        expect(yield* Effect.flip(put(table, row("a")))).toMatchObject({
          isRetryable: false,
          reason: { _tag: "Unsupported" }
        })
      }
    })
  ))

it("creates nothing before the first row is written", () =>
  run(
    Effect.gen(function* () {
      const table = tableOf("never")
      const store = yield* ReadModelStore
      expect(yield* store.get(table, ["a", "b"])).toEqual([])
      expect(yield* keys(table)).toEqual([])
      yield* store.apply(table, [{ ...row("a"), row: undefined }])
      expect(yield* nameOf(table)).toBe(undefined)
      yield* store.drop(table)
      // Looking does not end the transaction that it is done in.
      yield* sql.withTransaction(Effect.andThen(keys(table), put(tableOf("other"), row("a"))))
      expect(yield* nameOf(table)).toBe(undefined)
    })
  ))

it("asks for a new version when the indexes changed and the version did not", () =>
  run(
    Effect.gen(function* () {
      const before = tableOf("changed", [
        ["a", "string"],
        ["b", "number"]
      ])
      yield* put(before, row("k", { a: "x", b: 1 }))
      const other = readModels.make(yield* Db)
      const same = tableOf("changed", [
        ["b", "number"],
        ["a", "string"]
      ])
      expect((yield* other.get(same, ["k"])).length).toBe(1)
      for (const indexes of [
        [],
        [["a", "string"]],
        [
          ["a", "number"],
          ["b", "number"]
        ],
        [
          ["a", "string"],
          ["b", "number"],
          ["c", "string"]
        ]
      ] as const) {
        const error = yield* Effect.flip(other.apply(tableOf("changed", indexes), [row("l", { a: "x", b: 1, c: "y" })]))
        expect(error).toMatchObject({ isRetryable: false, reason: { _tag: "Unsupported" } })
        expect(error.message).toContain("Give the projection a new version")
      }
      yield* other.apply(tableOf("changed", [["c", "string"]], 2), [row("l", { c: "y" })])
      expect([yield* keys(before), yield* keys(tableOf("changed", [["c", "string"]], 2))]).toEqual([["k"], ["l"]])
    })
  ))
