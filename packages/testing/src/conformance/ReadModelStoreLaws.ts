// The laws of a read model store: rows by key, written together with a checkpoint, found again unchanged.
import * as Effect from "effect/Effect"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, Table } from "evolvent/ReadModelStore"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { ordering } from "./ReadModelStoreOrderLaws.ts"
import { querying } from "./ReadModelStoreQueryLaws.ts"
import { gone, keysOf, row, tableOf, whole } from "./Rows.ts"

const at = Position.make

/** The stored row of a key, or undefined; a removed row may stay as a position. */
const get = (table: Table, key: string) =>
  ReadModelStore.use((store) =>
    Effect.map(store.get(table, [key]), ([found]) => (found?.row === undefined ? undefined : found))
  )

const upserts = law(
  "ReadModelStore 1 rows are written, overwritten and got by key",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    yield* Check.equal("got from a table that was never written", yield* store.get(table, ["a", "b"]), [])
    yield* Check.equal("listed a table that was never written", yield* whole(table), [])
    yield* store.apply(table, [row("a", 1), row("b", 2)])
    yield* store.apply(table, [row("b", 3, { n: 7 }), row("c", 4)])
    for (const expected of [row("a", 1), row("b", 3, { n: 7 }), row("c", 4)]) {
      yield* Check.equal(`wrote four rows, got "${expected.key}"`, yield* get(table, expected.key), expected)
    }
    const some = yield* store.get(table, ["c", "nobody", "a"])
    yield* Check.equal("got two keys of three that exist", keysOf(some).toSorted(), ["a", "c"])
    yield* Check.equal("got no keys", yield* store.get(table, []), [])
    yield* store.apply(table, [])
    yield* Check.equal("listed all", keysOf(yield* whole(table)), ["a", "b", "c"])
  })
)

const removals = law(
  "ReadModelStore 2 a removed row is gone, and can come back later",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    yield* store.apply(table, [row("a", 1), row("b", 1)])
    yield* store.apply(table, [gone("a", 2), gone("never", 2)])
    yield* Check.equal("removed a row, got it", yield* get(table, "a"), undefined)
    yield* Check.equal("removed a row, listed all", keysOf(yield* whole(table)), ["b"])
    yield* store.apply(table, [row("a", 3), row("c", 3)])
    yield* Check.equal("wrote it again", yield* get(table, "a"), row("a", 3))
    yield* Check.equal("wrote it again, listed all", keysOf(yield* whole(table)), ["a", "b", "c"])
  })
)

const guarded = law(
  "ReadModelStore 3 a row is never overwritten by what was true at an earlier position",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    yield* store.apply(table, [row("a", 5, { n: 5 }), row("b", 5, { n: 5 })])
    yield* store.apply(table, [row("a", 4, { n: 4 }), gone("b", 4), row("c", 4)])
    yield* Check.equal("wrote position 4 after 5", yield* get(table, "a"), row("a", 5, { n: 5 }))
    yield* Check.equal("removed at position 4 what is at 5", yield* get(table, "b"), row("b", 5, { n: 5 }))
    yield* Check.equal("wrote another key in the same batch", yield* get(table, "c"), row("c", 4))
    yield* store.apply(table, [row("a", 5, { n: 50 })])
    const same = (yield* get(table, "a"))?.position
    yield* Check.equal("wrote position 5 again", same, at(5))
  })
)

const stayGone = law(
  "ReadModelStore 4 where rows do not commit with the checkpoint, a repeated batch brings no removed row back",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    if (store.capabilities.atomicBatch) return
    const table = yield* tableOf()
    yield* store.apply(table, [row("a", 1)])
    yield* store.apply(table, [gone("a", 2)])
    yield* store.apply(table, [row("a", 1)])
    yield* Check.equal("wrote position 1 after a removal at 2", yield* get(table, "a"), undefined)
    yield* Check.equal("listed all", keysOf(yield* whole(table)), [])
  })
)

const texts = law(
  "ReadModelStore 5 keys and rows of any shape come back unchanged",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const keys = [
      "'",
      `"`,
      "%",
      "_",
      " ",
      "",
      "a-b",
      "a/b",
      "a.b.>",
      "*",
      "A",
      "a",
      "😀",
      "ä",
      "a\u0308",
      "\n",
      "x".repeat(1000)
    ]
    const rows = keys.map((key, i): EncodedRow => {
      const text = JSON.stringify({ text: `'"%😀\\ ${key}`, n: [1e21, 0.1, -7], long: "x".repeat(10 * i) })
      return {
        key,
        position: at(i + 1),
        row: text,
        index: { s: `s ${key}`, n: i / 7, b: i % 2 === 0, g: BigInt(i), t: -i }
      }
    })
    yield* store.apply(table, rows)
    for (const one of rows)
      yield* Check.equal(`wrote 17 rows, got ${JSON.stringify(one.key)}`, yield* get(table, one.key), one)
    yield* Check.equal("wrote 17 rows, got all", (yield* store.get(table, keys)).length, keys.length)
  })
)

const large = law(
  "ReadModelStore 6 a batch of thousands of rows is written as a whole",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const keys = Fresh.range(3000).map((i) => `key ${String(i).padStart(4, "0")}`)
    yield* store.apply(
      table,
      keys.map((key, i) => row(key, 1, { n: i }))
    )
    yield* Check.equal("wrote 3000 rows, got them", keysOf(yield* store.get(table, keys)).toSorted(), keys)
    yield* store.apply(
      table,
      keys.map((key, i) => (i % 2 === 0 ? gone(key, 2) : row(key, 2, { n: -i })))
    )
    const left = yield* whole(table)
    yield* Check.equal(
      "removed every other one",
      keysOf(left),
      keys.filter((_, i) => i % 2 === 1)
    )
    yield* Check.equal(
      "overwrote the others",
      left.filter(({ position }) => position !== 2),
      []
    )
  })
)

const apart = law(
  "ReadModelStore 7 tables of other names and versions are kept apart",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const others = [
      { ...table, version: 2 },
      { ...table, version: 12 },
      { ...table, name: `${table.name}@2` },
      { ...table, name: `${table.name}'s "own" 😀 table ${"x".repeat(80)}` }
    ]
    yield* Effect.forEach([table, ...others], (one, i) =>
      store.apply(one, [row("a", i + 1, { n: i }), row(`only ${i}`, 1)])
    )
    for (const [i, one] of [table, ...others].entries()) {
      yield* Check.equal(
        `wrote five tables, got from version ${one.version}`,
        yield* get(one, "a"),
        row("a", i + 1, { n: i })
      )
      yield* Check.equal(`wrote five tables, listed version ${one.version}`, keysOf(yield* whole(one)), [
        "a",
        `only ${i}`
      ])
    }
  })
)

const dropped = law(
  "ReadModelStore 8 dropping a table removes its rows and no others",
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = yield* tableOf()
    const next = { ...table, version: 2 }
    yield* Effect.forEach([table, next], (one) => store.apply(one, [row("a", 9), row("b", 9)]))
    yield* store.drop(table)
    yield* store.drop(table)
    yield* Check.equal("dropped a version, listed it", yield* whole(table), [])
    yield* Check.equal("dropped a version, got from it", yield* get(table, "a"), undefined)
    yield* Check.equal("dropped a version, listed the next", keysOf(yield* whole(next)), ["a", "b"])
    yield* store.apply(table, [row("a", 1)])
    yield* Check.equal("dropped a version, wrote an earlier position", yield* get(table, "a"), row("a", 1))
  })
)

const committed = law(
  "ReadModelStore 9 rows written within transact commit with the checkpoint",
  Effect.gen(function* () {
    const [store, checkpoints] = [yield* ReadModelStore, yield* CheckpointStore]
    const [table, name] = [yield* tableOf(), yield* Fresh.name("runner")]
    const writes = Effect.andThen(store.apply(table, [row("a", 1), row("b", 1)]), store.apply(table, [row("b", 2)]))
    yield* checkpoints.transact({ name, from: at(0), to: at(2) }, writes)
    yield* Check.equal("wrote rows in a transaction", yield* get(table, "b"), row("b", 2))
    yield* Check.equal("wrote rows in a transaction, listed", keysOf(yield* whole(table)), ["a", "b"])
    yield* Check.equal("wrote rows in a transaction: the checkpoint", (yield* checkpoints.load(name)).position, at(2))
  })
)

const rolledBack = law(
  "ReadModelStore 10 with `atomicBatch`, rows are not written unless the checkpoint moves",
  Effect.gen(function* () {
    const [store, checkpoints] = [yield* ReadModelStore, yield* CheckpointStore]
    if (!store.capabilities.atomicBatch) return
    const [table, name] = [yield* tableOf(), yield* Fresh.name("runner")]
    yield* checkpoints.advance({ name, from: at(0), to: at(5) })
    yield* store.apply(table, [row("old", 1)])
    const writes = store.apply(table, [row("a", 6), gone("old", 6)])
    const lease = yield* checkpoints.acquire(name, "ada", "1 minute")
    yield* checkpoints.release(lease)
    const untouched = (did: string) => Effect.flatMap(whole(table), (rows) => Check.equal(did, keysOf(rows), ["old"]))
    yield* Check.refused(
      "moved from elsewhere",
      checkpoints.transact({ name, from: at(4), to: at(6) }, writes),
      "CheckpointMoved"
    )
    yield* untouched("wrote rows in a transaction whose checkpoint was elsewhere")
    yield* Check.refused(
      "moved without a lease",
      checkpoints.transact({ name, from: at(5), to: at(6), lease }, writes),
      "LeaseLost"
    )
    yield* untouched("wrote rows in a transaction whose lease was lost")
    yield* Effect.exit(
      checkpoints.transact({ name, from: at(5), to: at(6) }, Effect.andThen(writes, Effect.fail("no")))
    )
    yield* untouched("wrote rows in a transaction that failed")
    const dropping = Effect.andThen(store.drop(table), Effect.fail("no"))
    yield* Effect.exit(checkpoints.transact({ name, from: at(5), to: at(6) }, dropping))
    yield* untouched("dropped a table in a transaction that failed")
    yield* checkpoints.transact({ name, from: at(5), to: at(6) }, writes)
    yield* Check.equal("wrote rows in a transaction that moved", keysOf(yield* whole(table)), ["a"])
  })
)

const isolated = law(
  "ReadModelStore 11 with `atomicBatch`, others see all rows of a transaction or none",
  Effect.gen(function* () {
    const [store, checkpoints] = [yield* ReadModelStore, yield* CheckpointStore]
    if (!store.capabilities.atomicBatch) return
    const [table, name] = [yield* tableOf(), yield* Fresh.name("runner")]
    const odd: Array<ReadonlyArray<string>> = []
    const look = Effect.map(whole(table), (rows) => {
      const positions = new Set(rows.map(({ position }) => String(position)))
      if (positions.size > 1) odd.push([...positions])
    })
    const write = Effect.forEach(Fresh.range(20), (i) => {
      const writes = Effect.forEach(["a", "b", "c"], (key) =>
        Effect.andThen(store.apply(table, [row(key, i + 1)]), Effect.yieldNow)
      )
      return checkpoints.transact({ name, from: at(i), to: at(i + 1) }, writes)
    })
    yield* Check.meanwhile(look, write)
    yield* Check.equal("wrote three rows a transaction, read meanwhile: positions of one look", odd, [])
  })
)

/** The laws of a read model store. */
export const laws: ReadonlyArray<Law<ReadModelStore | CheckpointStore>> = [
  upserts,
  removals,
  guarded,
  stayGone,
  texts,
  large,
  apart,
  dropped,
  committed,
  rolledBack,
  isolated,
  ...querying,
  ...ordering
]
