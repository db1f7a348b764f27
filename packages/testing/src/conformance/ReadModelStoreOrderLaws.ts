// The laws of a read model store's order: by an index, then by key, and pages that give the whole list.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, Query, Table } from "evolvent/ReadModelStore"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { keysOf, list, row, tableOf } from "./Rows.ts"

const ordered = Effect.fnUntraced(function* (
  did: string,
  table: Table,
  orderBy: string | undefined,
  rising: ReadonlyArray<string>
) {
  const by = orderBy ?? "key"
  const up = keysOf(yield* list(table, { orderBy, direction: "asc" }))
  yield* Check.equal(`${did}, listed by ${by}, rising`, up, rising)
  const down = keysOf(yield* list(table, { orderBy, direction: "desc" }))
  yield* Check.equal(`${did}, listed by ${by}, falling`, down, rising.toReversed())
})

const ties = law(
  "ReadModelStore 15 rows come in order of an index, and where that is equal in order of their keys",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    yield* store.apply(table, [
      row("d", 1, { n: 1, b: true, t: -5 }),
      row("b", 2, { n: 2, b: false, t: 5 }),
      row("c", 3, { n: 1, b: false, t: 0 }),
      row("a", 4, { n: 10, b: true, t: 1e12 }),
      row("e", 5, { n: -1, b: true, t: -1e12 })
    ])
    const did = "wrote five rows in no order"
    yield* ordered(did, table, undefined, ["a", "b", "c", "d", "e"])
    yield* ordered(did, table, "n", ["e", "c", "d", "b", "a"])
    yield* ordered(did, table, "b", ["b", "c", "a", "d", "e"])
    yield* ordered(did, table, "t", ["e", "d", "c", "b", "a"])
    yield* ordered(did, table, "s", ["a", "b", "c", "d", "e"])
    const limited = yield* list(table, { orderBy: "n", direction: "desc", limit: 2 })
    yield* Check.equal("listed the two greatest", keysOf(limited), ["a", "b"])
    const some = yield* list(table, { orderBy: "t", where: [{ field: "b", op: "in", values: [true] }] })
    yield* Check.equal("listed some of them in order of another index", keysOf(some), ["e", "d", "a"])
  })
)

// UTF-16 order has the emoji before U+FFFD, a locale's order has "a" before "B".
const byCodePoint = [
  "",
  " ",
  "'",
  "-",
  "1",
  "10",
  "2",
  "A",
  "B",
  "Z",
  "_",
  "a",
  "a b",
  "aa",
  "b",
  "ä",
  "中",
  "\ufb01",
  "\ufffd",
  "😀",
  "😁"
]

const codePoints = law(
  "ReadModelStore 16 texts and keys are in order of their code points",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const shuffled = byCodePoint.map((text, i) => ({ text, i })).sort((a, b) => ((a.i * 8) % 21) - ((b.i * 8) % 21))
    yield* store.apply(
      table,
      shuffled.map(({ text }) => row(text, 1, { s: text }))
    )
    yield* ordered("wrote texts of many alphabets", table, undefined, byCodePoint)
    yield* ordered("wrote texts of many alphabets", table, "s", byCodePoint)
  })
)

const bigints = law(
  "ReadModelStore 17 bigints are in order of their value, beyond what a number holds",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const large = 2n ** 53n
    const values = [
      -(10n ** 30n),
      -large - 1n,
      -large,
      -10n,
      -9n,
      0n,
      9n,
      10n,
      large,
      large + 1n,
      large + 2n,
      10n ** 30n,
      10n ** 30n + 1n
    ]
    // Keys fall while values rise, so that a tie by rounding shows.
    const keys = values.map((_, i) => String.fromCharCode(122 - i))
    yield* store.apply(
      table,
      values.map((g, i) => row(keys[i] ?? "", 1, { g }))
    )
    yield* ordered("wrote bigints around 2^53", table, "g", keys)
    const [found] = yield* list(table, { where: [{ field: "g", op: "in", values: [large + 1n] }] })
    yield* Check.equal("listed where g is 2^53 + 1: its value", found?.index["g"], large + 1n)
  })
)

/** Pages through a list from the last row of each page, as `ReadModel.list` does. */
const paged = Effect.fnUntraced(function* (
  table: Table,
  query: Partial<Query>,
  limit: number,
  between: Effect.Effect<unknown, unknown, ReadModelStore> = Effect.void
) {
  const all: Array<EncodedRow> = []
  let after: Query["after"]
  while (true) {
    const page = yield* list(table, { ...query, limit, after })
    all.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < limit || all.length > 1000) return all
    after = { value: query.orderBy === undefined ? undefined : last.index[query.orderBy], key: last.key }
    yield* between
  }
})

const directions = ["asc", "desc"] as const

const pages = law(
  "ReadModelStore 18 pages of any size give the whole list, by each index and in both directions",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const rows = Fresh.range(24).map((i) =>
      row(`k${(i * 7) % 24}`, 1, {
        s: ["a", "B", "😀", "\ufffd"][i % 4] ?? "",
        n: i % 5,
        b: i % 2 === 0,
        g: 2n ** 53n + BigInt(i % 3),
        t: (i % 6) - 3
      })
    )
    yield* store.apply(table, rows)
    for (const orderBy of [undefined, "s", "n", "b", "g", "t"]) {
      for (const direction of directions) {
        const all = keysOf(yield* list(table, { orderBy, direction }))
        yield* Check.equal(`listed by ${orderBy ?? "key"}: how many`, all.length, 24)
        for (const limit of [1, 2, 5, 23, 24, 25]) {
          const pages = keysOf(yield* paged(table, { orderBy, direction }, limit))
          yield* Check.equal(`listed by ${orderBy ?? "key"} ${direction} in pages of ${limit}`, pages, all)
        }
      }
    }
    const where = [{ field: "n", op: "gte", value: 3 } as const]
    const some = keysOf(yield* list(table, { orderBy: "s", where }))
    yield* Check.equal("listed some rows in pages of 3", keysOf(yield* paged(table, { orderBy: "s", where }, 3)), some)
  })
)

const underWrites = law(
  "ReadModelStore 19 rows that do not change come exactly once in pages, whatever is written between these",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const still = Fresh.range(20).map((i) => row(`still ${String(i).padStart(2, "0")}`, 1, { n: i }))
    yield* store.apply(table, still)
    for (const direction of directions) {
      let writes = 0
      // New rows before, among and behind those, and rows that were read go away.
      const write = Effect.suspend(() => {
        writes += 1
        const moving = Fresh.range(4).map((i) => row(`new ${direction} ${writes} ${i}`, 2, { n: i * 7 - 1.5 }))
        return store.apply(table, moving)
      })
      const seen = keysOf(yield* paged(table, { orderBy: "n", direction }, 3, write)).filter((key) =>
        key.startsWith("still")
      )
      const expected = direction === "asc" ? keysOf(still) : keysOf(still).toReversed()
      yield* Check.equal(`wrote between pages, ${direction}: the rows that did not change`, seen, expected)
      yield* Check.holds("counted the writes", "more than 5", writes > 5, writes)
    }
    const last = { value: 4.5, key: "gone long ago" }
    const behind = keysOf(
      yield* list(table, { orderBy: "n", after: last, where: [{ field: "n", op: "lt", value: 7 }] })
    )
    const found = behind.filter((key) => key.startsWith("still"))
    yield* Check.equal("listed after a row that is not there", found, ["still 05", "still 06"])
  })
)

const typed = law(
  "ReadModelStore 20 ReadModel.get and list give back typed rows, and cursors lead through the whole list",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const Task = Aggregate.make("Task", {
      command: Schema.TaggedUnion({ Add: {} }),
      event: Schema.TaggedUnion({ Added: {} }),
      state: Schema.Null,
      initial: null
    })({ decide: { Add: () => [{ _tag: "Added" }] }, evolve: { Added: () => null } })
    const Tasks = Projection.make(yield* Fresh.name("tasks"), {
      from: [Task],
      row: Schema.Struct({ title: Schema.String, weight: Schema.BigInt, due: Schema.DateTimeUtc }),
      indexes: ["title", "weight", "due"]
    })({ create: {}, evolve: {} })
    const day = 86_400_000
    const rows = Fresh.range(11).map((i): EncodedRow => {
      const [title, weight, due] = [`t${i % 3}`, 2n ** 60n - BigInt(i % 4), (i % 5) * day]
      const text = JSON.stringify({ title, weight: String(weight), due: new Date(due).toISOString() })
      return { ...row(`k${i}`, 1), row: text, index: { title, weight, due } }
    })
    yield* store.apply(Tasks.table, rows)
    const got = yield* ReadModel.get(Tasks, "k3")
    yield* Check.equal("got a row: title and weight", [got?.title, got?.weight], ["t0", 2n ** 60n - 3n])
    yield* Check.equal("got no row", yield* ReadModel.get(Tasks, "nobody"), undefined)
    for (const orderBy of ["title", "weight", "due"] as const) {
      const whole = (yield* ReadModel.list(Tasks, { orderBy, direction: "desc" })).rows.map(({ key }) => key)
      const seen: Array<string> = []
      let after: ReadModel.Cursor | undefined
      do {
        const page: ReadModel.Page<unknown> = yield* ReadModel.list(Tasks, {
          orderBy,
          direction: "desc",
          limit: 2,
          after
        })
        seen.push(...page.rows.map(({ key }) => key))
        after = page.next
      } while (after !== undefined && seen.length < 100)
      yield* Check.equal(`followed cursors by ${orderBy}`, seen, whole)
      yield* Check.equal(`followed cursors by ${orderBy}: how many`, seen.length, 11)
    }
    const { rows: heavy } = yield* ReadModel.list(Tasks, { where: { weight: { gte: 2n ** 60n - 1n } }, limit: 50 })
    yield* Check.equal(
      "listed by a range of a bigint",
      heavy.map(({ key }) => key),
      ["k0", "k1", "k4", "k5", "k8", "k9"]
    )
    const { next } = yield* ReadModel.list(Tasks, { orderBy: "title", limit: 2 })
    const misused = ReadModel.list(Tasks, { orderBy: "weight", after: next })
    yield* Check.refused("used a cursor for a list in another order", misused, "InvalidCursor")
  })
)

/** The laws of order and pages. */
export const ordering = [ties, codePoints, bigints, pages, underWrites, typed]
