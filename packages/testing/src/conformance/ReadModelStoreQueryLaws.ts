// The laws of a read model store's conditions: equality, membership and ranges on an index of each kind.
import * as Effect from "effect/Effect"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { Condition, IndexValue, Table } from "evolvent/ReadModelStore"
import * as Check from "./Check.ts"
import { law } from "./Law.ts"
import { gone, keysOf, list, row, tableOf } from "./Rows.ts"
import type { Values } from "./Rows.ts"

const show = (conditions: ReadonlyArray<Condition>): string =>
  conditions
    .map((one) => `${one.field} ${one.op} ${one.op === "in" ? one.values.map(String).join(", ") : String(one.value)}`)
    .join(" and ")

const finds = (table: Table, where: ReadonlyArray<Condition>, expected: ReadonlyArray<string>) =>
  Effect.flatMap(list(table, { where }), (rows) => Check.equal(`listed where ${show(where)}`, keysOf(rows), expected))

/** The values of one index in rising order; the rows' keys are their places: 0, 1, 2… */
const risingValues: { readonly [Field in keyof Values]: ReadonlyArray<Values[Field]> } = {
  s: ["", " ", "'", "A", "Z", "a", "a b", "aa", "ä", "中", "\uffff", "😀"],
  n: [-1e300, -2.5, -1, 0, 0.1, 1, 2, 10, 9007199254740991, 1e300],
  b: [false, true],
  g: [-123456789012345678901n, -1n, 0n, 2n, 10n, 9007199254740992n, 9007199254740993n, 123456789012345678901n],
  t: [-62_135_596_800_000, -1, 0, 999, 1_700_000_000_000, 4_102_444_800_000]
}

const kinds: ReadonlyArray<readonly [field: string, kind: string, values: ReadonlyArray<IndexValue>]> = [
  ["s", "text", risingValues.s],
  ["n", "number", risingValues.n],
  ["b", "boolean", risingValues.b],
  ["g", "bigint", risingValues.g],
  ["t", "instant", risingValues.t]
]

const rising = Effect.fnUntraced(function* (field: string, values: ReadonlyArray<IndexValue>) {
  const store = yield* ReadModelStore
  const table = yield* tableOf()
  yield* store.apply(
    table,
    values.map((value, i) => row(String.fromCharCode(97 + i), i + 1, { [field]: value }))
  )
  return { table, keys: values.map((_, i) => String.fromCharCode(97 + i)) }
})

const equality = kinds.map(([field, kind, values], i) =>
  law(
    `ReadModelStore 12.${i + 1} a ${kind} is found by equality and membership`,
    Effect.gen(function* () {
      const { keys, table } = yield* rising(field, values)
      for (const [at, value] of values.entries()) {
        yield* finds(table, [{ field, op: "in", values: [value] }], keys.slice(at, at + 1))
      }
      yield* finds(table, [{ field, op: "in", values: [] }], [])
      const [first, second] = [values[0], values.at(-1)]
      if (first === undefined || second === undefined) return
      yield* finds(table, [{ field, op: "in", values: [second, first, second] }], [keys[0] ?? "", keys.at(-1) ?? ""])
    })
  )
)

const ranges = kinds.map(([field, kind, values], i) =>
  law(
    `ReadModelStore 13.${i + 1} a ${kind} is found by ranges`,
    Effect.gen(function* () {
      const { keys, table } = yield* rising(field, values)
      for (const [at, value] of values.entries()) {
        yield* finds(table, [{ field, op: "gt", value }], keys.slice(at + 1))
        yield* finds(table, [{ field, op: "gte", value }], keys.slice(at))
        yield* finds(table, [{ field, op: "lt", value }], keys.slice(0, at))
        yield* finds(table, [{ field, op: "lte", value }], keys.slice(0, at + 1))
      }
    })
  )
)

const together = law(
  "ReadModelStore 14 all conditions of a query hold",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    yield* store.apply(table, [
      row("a", 1, { s: "x", n: 1, b: true }),
      row("b", 1, { s: "x", n: 2, b: false }),
      row("c", 1, { s: "y", n: 2, b: true }),
      row("d", 1, { s: "x", n: 3, b: true })
    ])
    const ofX: Condition = { field: "s", op: "in", values: ["x"] }
    yield* finds(table, [ofX, { field: "b", op: "in", values: [true] }], ["a", "d"])
    yield* finds(table, [ofX, { field: "n", op: "gte", value: 2 }], ["b", "d"])
    yield* finds(
      table,
      [
        { field: "n", op: "gt", value: 1 },
        { field: "n", op: "lt", value: 3 }
      ],
      ["b", "c"]
    )
    yield* finds(
      table,
      [ofX, { field: "n", op: "in", values: [2, 3] }, { field: "b", op: "in", values: [true] }],
      ["d"]
    )
    yield* finds(table, [ofX, { field: "s", op: "in", values: ["y"] }], [])
    yield* store.apply(table, [row("a", 2, { s: "y", n: 1, b: true }), gone("d", 2)])
    yield* finds(table, [ofX], ["b"])
  })
)

/** The laws of conditions. */
export const querying = [...equality, ...ranges, together]
