// Rows, keys and values that PostgreSQL has its own mind about: stored exactly, compared as JavaScript does, or refused.
import * as Effect from "effect/Effect"
import * as Memory from "evolvent/Memory"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { Condition, EncodedRow, IndexKind, IndexValue, Query, Table } from "evolvent/ReadModelStore"
import { expect, it } from "vitest"
import { fresh } from "./support/FreshSchema.ts"

const { run } = await fresh()
const lone = String.fromCharCode(0xd83d)

let number = 0
const tableOf = (kind: IndexKind): Table => ({ name: `rows ${++number}`, version: 1, indexes: [{ field: "v", kind }] })
const row = (key: string, v: IndexValue, text = "{}"): EncodedRow => ({
  key,
  position: Position.make(1),
  row: text,
  index: { v }
})
const list = (table: Table, query: Partial<Query> = {}) =>
  ReadModelStore.use((store) =>
    store.list(table, { where: [], orderBy: "v", direction: "asc", limit: 1000, after: undefined, ...query })
  )

// No two neighbours are alike, so that the server's compression does not help.
const noise = (length: number) =>
  Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * i * 31 + i * 7) % 90))).join("")

const unstorable: ReadonlyArray<readonly [why: string, kind: IndexKind, row: EncodedRow, words: RegExp]> = [
  ["NUL in the key", "string", row("a\u0000", "v"), /its key holds the NUL character/],
  ["half a pair in the key", "string", row(`a${lone}`, "v"), /its key holds half of a surrogate pair/],
  ["a key without room", "number", row(noise(2601), 1), /its key is too long .* 2601 bytes, where 2600/],
  ["NUL in a value", "string", row("a", "\u0000"), /its indexed field "v" holds the NUL character/],
  ["half a pair in a value", "string", row("a", `${lone}a`), /its indexed field "v" holds half/],
  ["a value without room", "string", row("a", noise(2600)), /its indexed field "v" is too long .* with its key/],
  ["a bigint without room", "bigint", row("a", 10n ** 6000n), /its indexed field "v" is too long/],
  ["an instant before time", "instant", row("a", -8.64e15), /its indexed field "v" lies before 4714 BC/],
  ["half a pair in the row", "number", row("a", 1, `"${lone}"`), /its JSON holds half/],
  [
    "a row that could not be read",
    "number",
    row("a", 1, JSON.stringify("x".repeat(17e6))),
    /its JSON has 17000002 bytes/
  ],
  ["no value", "number", { ...row("a", 1), index: {} }, /its indexed field "v" has no value/]
]

it.each(unstorable)("refuses %s, with nothing of its batch written", (_, kind, bad, words) =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf(kind)
      const good: { readonly [kind in IndexKind]: IndexValue } = {
        string: "v",
        number: 1,
        boolean: true,
        bigint: 1n,
        instant: 0
      }
      const error = yield* Effect.flip(store.apply(table, [row("good", good[kind]), bad]))
      expect(error).toMatchObject({
        isRetryable: false,
        reason: { _tag: "UnstorableRow", key: bad.key, projection: table.name }
      })
      expect(error.message).toMatch(words)
      expect(error.message.length).toBeLessThan(600)
      expect(yield* list(table)).toEqual([])
    })
  )
)

it("holds keys and values up to its limits, of noise", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      for (const [kind, rows] of [
        ["number", [row(noise(2600), 1)]],
        ["boolean", [row(noise(2600), true)]],
        ["instant", [row(noise(2600), -210_866_803_200_000), row("b", 8.64e15)]],
        ["string", [row(noise(1300), noise(1300)), row("k", noise(2599)), row(noise(2599), "v")]],
        ["bigint", [row("a", BigInt(noise(5100).replaceAll(/\D/g, "7"))), row(noise(2000), -(10n ** 1100n) - 1n)]]
      ] as const) {
        const table = tableOf(kind)
        yield* store.apply(table, rows)
        expect((yield* list(table, { orderBy: undefined })).length).toBe(rows.length)
        for (const one of rows) expect(yield* store.get(table, [one.key])).toEqual([one])
      }
    })
  ))

it("writes again what is true at the same position", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf("number")
      yield* store.apply(table, [row("a", 1, "1"), row("b", 1, "1")])
      yield* store.apply(table, [row("a", 2, "2")])
      expect(yield* store.get(table, ["a"])).toEqual([row("a", 2, "2")])
      yield* store.apply(table, [{ ...row("a", 1), row: undefined }, row("b", 3, "3")])
      expect(yield* list(table)).toEqual([row("b", 3, "3")])
    })
  ))

it("keeps JSON texts as they are: order, spaces, numbers, escapes", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf("number")
      const deep = `${"[".repeat(1000)}${"]".repeat(1000)}`
      const texts = [
        '{ "b":1,  "a":2, "a":3 }',
        "1e400",
        "-0",
        "12345678901234567890.10",
        JSON.stringify(`\u0000${lone}`),
        deep
      ]
      yield* store.apply(
        table,
        texts.map((text, i) => row(String(i), i, text))
      )
      expect((yield* list(table)).map((found) => found.row)).toEqual(texts)
    })
  ))

const extremes: ReadonlyArray<readonly [kind: IndexKind, rising: ReadonlyArray<IndexValue>]> = [
  [
    "number",
    [-1.7976931348623157e308, -1e308, -1, -5e-324, 0, 5e-324, 2.2250738585072014e-308, 1, 1e308, 1.7976931348623157e308]
  ],
  ["bigint", [-(10n ** 4000n), -(2n ** 64n), -1n, 0n, 1n, 2n ** 64n, 2n ** 64n + 1n, 10n ** 4000n, 10n ** 4000n + 1n]],
  [
    "instant",
    [
      -210_866_803_200_000,
      -62_198_755_200_000,
      -1,
      0,
      1,
      134e12 + 1,
      253_402_300_799_999,
      253_402_300_800_000,
      8.64e15 - 1,
      8.64e15
    ]
  ]
]

it.each(extremes)("orders and compares extreme values as JavaScript does: %s", (kind, rising) =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf(kind)
      yield* store.apply(
        table,
        rising.map((value, i) => row(`k${100 - i}`, value))
      )
      expect((yield* list(table)).map(({ index }) => index["v"])).toEqual(rising)
      for (const [i, value] of rising.entries()) {
        const matching = (condition: Condition) =>
          Effect.map(list(table, { where: [condition] }), (rows) => rows.length)
        expect(yield* matching({ field: "v", op: "in", values: [value] })).toBe(1)
        expect(yield* matching({ field: "v", op: "lt", value })).toBe(i)
        expect(yield* matching({ field: "v", op: "gte", value })).toBe(rising.length - i)
        const after = yield* list(table, { after: { value, key: `k${100 - i}` } })
        expect(after.length).toBe(rising.length - i - 1)
      }
    })
  )
)

it("takes -0 for 0, as JavaScript does, and gives it back", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf("number")
      yield* store.apply(table, [row("b", 0), row("a", -0), row("c", -0)])
      const found = yield* list(table)
      expect(found.map(({ key }) => key)).toEqual(["a", "b", "c"])
      expect(found.map(({ index }) => index["v"])).toEqual([-0, 0, -0])
      expect((yield* list(table, { where: [{ field: "v", op: "in", values: [-0] }] })).length).toBe(3)
      expect((yield* list(table, { after: { value: -0, key: "b" } })).map(({ key }) => key)).toEqual(["c"])
    })
  ))

const pieces = ["", "a", "b", "\ud7ff", "\ue000", "\ufffd", "😀", "\u0001"]
const texts = pieces.flatMap((first) => pieces.map((second) => first + second))
const strange = pieces.flatMap((piece) => [`${piece}\u0000`, `${piece}\u0000z`, `${piece}${lone}`, `${piece}${lone}a`])

it("compares with texts that no row can hold as if one could", () =>
  run(
    Effect.gen(function* () {
      const table = tableOf("string")
      const memory = Memory.drivers().readModelStore
      const store = yield* ReadModelStore
      const rows = [...new Set(texts)].map((text) => row(`k ${text}`, text))
      yield* Effect.andThen(store.apply(table, rows), memory.apply(table, rows))
      for (const value of [...texts, ...strange]) {
        for (const direction of ["asc", "desc"] as const) {
          const query = { orderBy: "v", direction, limit: 1000, after: undefined, where: [] }
          const queries: ReadonlyArray<Query> = [
            ...(["gt", "gte", "lt", "lte"] as const).map((op) => ({ ...query, where: [{ field: "v", op, value }] })),
            { ...query, where: [{ field: "v", op: "in", values: [value, "a"] }] },
            { ...query, after: { value, key: "k a" } },
            { ...query, after: { value: "a", key: `k ${value}` } },
            { ...query, orderBy: undefined, after: { value: undefined, key: `k ${value}` } }
          ]
          for (const one of queries) {
            const keys = (found: ReadonlyArray<EncodedRow>) => found.map(({ key }) => key)
            const found = keys(yield* store.list(table, one))
            // Memory has half a pair behind U+FFFF, among the pairs; by code point it lies before U+E000.
            if (!value.isWellFormed()) expect(found).toEqual(byCodePoint(rows, one))
            else expect(found).toEqual(keys(yield* memory.list(table, one)))
          }
        }
      }
      expect(yield* store.get(table, ["k \u0000", `k ${lone}`, "k a"])).toEqual([row("k a", "a")])
      expect(yield* store.get(table, [`k ${lone}`])).toEqual([])
    })
  ))

const points = (text: string) => Array.from(text, (character) => character.codePointAt(0) ?? 0)
const compare = (a: string, b: string): number => {
  const [x, y] = [points(a), points(b)]
  const at = x.findIndex((point, i) => point !== y[i])
  return at === -1 ? x.length - y.length : (x[at] ?? 0) - (y[at] ?? -1)
}

/** What a query of texts gives, by code points alone. */
const byCodePoint = (rows: ReadonlyArray<EncodedRow>, query: Query): ReadonlyArray<string> => {
  const sign = query.direction === "asc" ? 1 : -1
  const valueOf = (one: EncodedRow) => (query.orderBy === undefined ? "" : String(one.index["v"]))
  const order = (a: EncodedRow, value: string, key: string) =>
    sign * (compare(valueOf(a), value) || compare(a.key, key))
  const holds = (condition: Condition, value: string) => {
    if (condition.op === "in") return condition.values.includes(value)
    const sides = { gt: [1], gte: [0, 1], lt: [-1], lte: [-1, 0] }[condition.op]
    return sides.includes(Math.sign(compare(value, String(condition.value))))
  }
  const { after } = query
  return rows
    .filter((one) => query.where.every((condition) => holds(condition, String(one.index["v"]))))
    .filter((one) => after === undefined || order(one, String(after.value ?? ""), after.key) > 0)
    .sort((a, b) => order(a, valueOf(b), b.key))
    .map(({ key }) => key)
}

it("compares with numbers and instants that no row can hold as if one could", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const huge = 10n ** 200_000n
      for (const [kind, value, far] of [
        ["bigint", 5n, [-huge, huge]],
        ["instant", 5, [-8.64e15, 8.64e15]]
      ] as const) {
        const table = tableOf(kind)
        yield* store.apply(table, [row("a", value)])
        const [below, above] = far
        const count = (condition: Condition) => Effect.map(list(table, { where: [condition] }), (rows) => rows.length)
        expect(yield* count({ field: "v", op: "gt", value: below })).toBe(1)
        expect(yield* count({ field: "v", op: "lte", value: below })).toBe(0)
        expect(yield* count({ field: "v", op: "lt", value: above })).toBe(1)
        expect(yield* count({ field: "v", op: "gte", value: above })).toBe(0)
        expect(yield* count({ field: "v", op: "in", values: [below, above] })).toBe(0)
        expect(yield* count({ field: "v", op: "in", values: [below, value] })).toBe(1)
        expect((yield* list(table, { after: { value: below, key: "z" } })).length).toBe(1)
      }
    })
  ))
