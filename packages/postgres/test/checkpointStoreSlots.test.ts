// Many checkpoints at once on PostgreSQL: all of them or none, nobody waits in a circle, and version 5 had only one of each.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as CheckpointStores from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import { ReadModelStore } from "evolvent/ReadModelStore"
import { afterEach, describe, expect, it } from "vitest"
import * as checkpoints from "../src/internal/checkpointStore.ts"
import * as Database from "../src/internal/Database.ts"
import * as migrations from "../src/internal/migrations.ts"
import { client, fresh } from "./support/FreshSchema.ts"

const { run, schema, sql } = await fresh()
const storeOf = (client: typeof sql) => CheckpointStores.make(checkpoints.make(Database.make(client, schema)))
const [one, two] = [storeOf(sql), storeOf(await client())]
const at = Position.make

let number = 0
let name = "runner 0"
afterEach(() => {
  name = `runner ${++number}`
})

const range = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
const shuffled = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> =>
  list
    .map((value) => ({ value, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ value }) => value)

const table = { name: "slots", version: 1, indexes: [] }
const put = (key: string) =>
  ReadModelStore.use((store) => store.apply(table, [{ key: `${name} ${key}`, position: at(1), row: "{}", index: {} }]))
const isThere = (key: string) =>
  ReadModelStore.use((store) => Effect.map(store.get(table, [`${name} ${key}`]), ({ length }) => length === 1))

/** The positions of all slots. */
const stand = Effect.suspend(() =>
  Effect.map(one.loadAll(Processor.slotNames(name)), (all) => all.map(({ position }): number => position))
)

/** The leases of all slots, in their order. */
const lease = Effect.fnUntraced(function* (holder: string, duration: Duration.Input) {
  const names = Processor.slotNames(name)
  const leases = yield* one.acquireAll(names, holder, duration)
  return leases.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name))
})

const moves = (leases: ReadonlyArray<CheckpointStores.Lease>, from: number, to: number) =>
  leases.map((lease) => ({ name: lease.name, from: at(from), to: at(to), lease }))

describe("of sixteen moves at once", () => {
  const ways = {
    "with nothing to write": (all: ReadonlyArray<CheckpointStores.Move>) => one.transact(all, Effect.void),
    "with writes": (all: ReadonlyArray<CheckpointStores.Move>) => one.transact(all, put("x")),
    "with nothing to write, in the caller's transaction": (all: ReadonlyArray<CheckpointStores.Move>) =>
      sql.withTransaction(Effect.exit(one.transact(all, Effect.void))).pipe(Effect.flatten),
    "with writes, in the caller's transaction": (all: ReadonlyArray<CheckpointStores.Move>) =>
      sql.withTransaction(Effect.exit(one.transact(all, put("x")))).pipe(Effect.flatten)
  }

  it.each(Object.entries(ways))("none goes through where one stands elsewhere, %s", (how, transact) =>
    run(
      Effect.gen(function* () {
        const leases = yield* lease("ada", "1 minute")
        yield* one.advance(moves(leases, 0, 5))
        yield* one.advance(moves(leases.slice(7, 8), 5, 6))
        const before = range(16).map((slot) => (slot === 7 ? 6 : 5))
        expect(yield* stand).toEqual(before)
        const error = yield* Effect.flip(transact(shuffled(moves(leases, 5, 9))))
        expect(error).toMatchObject({ _tag: "CheckpointMoved", name: leases[7]?.name, expected: 5, actual: 6 })
        expect([yield* stand, yield* isThere("x")]).toEqual([before, false])
        yield* transact([...moves(leases.slice(0, 7), 5, 9), ...moves(leases.slice(7, 8), 6, 9)])
        expect(yield* stand).toEqual(range(16).map((slot) => (slot < 8 ? 9 : 5)))
        expect(yield* isThere("x")).toBe(how.startsWith("with writes"))
      })
    )
  )

  it.each(Object.entries(ways))("none goes through where one lease was lost, %s", (_, transact) =>
    run(
      Effect.gen(function* () {
        const leases = yield* lease("ada", "1 minute")
        yield* one.release(leases.slice(3, 4))
        const [lost] = yield* two.acquireAll(Processor.slotNames(name), "bob", "1 minute")
        expect(lost).toMatchObject({ name: leases[3]?.name, holder: "bob" })
        const error = yield* Effect.flip(transact(moves(leases, 0, 9)))
        expect(error).toMatchObject({ _tag: "LeaseLost", name: leases[3]?.name, holder: "ada" })
        expect([yield* stand, yield* isThere("x")]).toEqual([range(16).map(() => 0), false])
        yield* transact(moves(leases.toSpliced(3, 1), 0, 9))
        expect(yield* stand).toEqual(range(16).map((slot) => (slot === 3 ? 0 : 9)))
      })
    )
  )

  it("none goes through where one stands elsewhere and another was never seen", () =>
    run(
      Effect.gen(function* () {
        const [unseen = "", seen = ""] = Processor.slotNames(name)
        yield* one.advance({ name: seen, from: at(0), to: at(3) })
        const both = [unseen, seen].map((name) => ({ name, from: at(0), to: at(9) }))
        expect(yield* Effect.flip(one.advance(both))).toMatchObject({ _tag: "CheckpointMoved", name: seen, actual: 3 })
        expect((yield* stand).slice(0, 2)).toEqual([0, 3])
      })
    ))
})

describe("nobody waits in a circle", () => {
  it(
    "when two acquire overlapping names in any order: each lease has one holder",
    () =>
      run(
        Effect.gen(function* () {
          // Of every kind, since a server's language may order them otherwise than their bytes do.
          const names = range(24).map((i) => `${name} ${["a", "B", "ä", "_", "-", "Z"][i % 6]}${i}`)
          for (let round = 0; round < 60; round++) {
            const bids = [one, two, one, two].map((store, i) =>
              store.acquireAll(shuffled(names).slice(round % 8), `holder ${i}`, "1 minute")
            )
            const taken = yield* Effect.all(bids, { concurrency: "unbounded" })
            const held = taken.flat().map((lease) => lease.name)
            expect(new Set(held).size).toBe(held.length)
            const holders = yield* one.holders(names)
            for (const lease of taken.flat()) expect(holders[names.indexOf(lease.name)]).toBe(lease.holder)
            yield* Effect.forEach(taken, (leases) => two.release(shuffled(leases)), { concurrency: "unbounded" })
            expect(yield* two.holders(names)).toEqual(names.map(() => undefined))
          }
        })
      ),
    30_000
  )

  it(
    "when the database has a language that orders names otherwise than their bytes do",
    () =>
      run(
        Effect.gen(function* () {
          const database = `german_${crypto.randomUUID().slice(0, 8)}`
          yield* sql.unsafe(
            `CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'`
          )
          const pools = yield* Effect.promise(() => Promise.all([client({ database }), client({ database })]))
          yield* migrations.migrate(Database.make(pools[0], "names"), "names")
          const [first, second] = pools.map((pool) =>
            CheckpointStores.make(checkpoints.make(Database.make(pool, "names")))
          )
          if (first === undefined || second === undefined) return
          // By its bytes B comes before a, in any language a comes before B.
          const names = range(40).map((i) => `${i % 2 === 0 ? "a" : "B"}${i}`)
          const leases = yield* first.acquireAll(names, "ada", "1 minute")
          for (let round = 0; round < 100; round++) {
            yield* Effect.all(
              [
                first.transact(moves(leases, round, round + 1), Effect.void),
                first.renew(leases),
                second.acquireAll(names, "bob", "1 minute"),
                second.acquireAll(shuffled(names), "eve", "1 minute")
              ],
              { concurrency: "unbounded" }
            )
          }
        })
      ),
    60_000
  )

  it(
    "when a holder renews what it commits, and others bid for it",
    () =>
      run(
        Effect.gen(function* () {
          const names = Processor.slotNames(name)
          const leases = yield* lease("ada", "1 minute")
          const rounds = 150
          const commits = Effect.forEach(
            range(rounds),
            (i) => one.transact(shuffled(moves(leases, i, i + 1)), i % 2 === 0 ? Effect.void : put("x")),
            { discard: true }
          )
          const renewals = Effect.forEach(range(rounds), () => one.renew(shuffled(leases)), { discard: true })
          const bids = Effect.forEach(range(rounds), () => two.acquireAll(shuffled(names), "bob", "1 minute"))
          const [, , got] = yield* Effect.all([commits, renewals, bids], { concurrency: 3 })
          expect(got.flat()).toEqual([])
          expect(yield* stand).toEqual(names.map(() => rounds))
        })
      ),
    30_000
  )

  it(
    "when members that all fell silent come back at once",
    () =>
      run(
        Effect.gen(function* () {
          for (let round = 0; round < 40; round++) {
            const attend = (i: number) =>
              (i % 2 === 0 ? one : two).attend(name, { holder: `member ${i}`, partitions: 1 }, "1 milli")
            yield* Effect.forEach(range(8), attend, { concurrency: "unbounded" })
            yield* Effect.sleep(5)
          }
        })
      ),
    60_000
  )
})

it("renews all leases or none", () =>
  run(
    Effect.gen(function* () {
      const leases = yield* lease("ada", "300 millis")
      yield* one.release(leases.slice(5, 6))
      const long = leases.map((lease) => ({ ...lease, duration: Duration.minutes(1) }))
      expect(yield* Effect.flip(one.renew(long))).toMatchObject({ _tag: "LeaseLost", name: leases[5]?.name })
      yield* Effect.sleep(350)
      expect(yield* two.holders(Processor.slotNames(name))).toEqual(range(16).map(() => undefined))
    })
  ))

describe("members", () => {
  const rows = Effect.suspend(
    () => sql`SELECT holder FROM ${sql(schema)}.members WHERE name = ${name} ORDER BY 1`.values
  )

  it("see each other, and one that fell silent no more; its row is gone", () =>
    run(
      Effect.gen(function* () {
        const [ada, bob] = [
          { holder: "ada", partitions: 1 },
          { holder: "bob", partitions: 4 }
        ]
        expect(yield* one.attend(name, bob, "1 minute")).toEqual([bob])
        expect(yield* two.attend(name, ada, "300 millis")).toEqual([ada, bob])
        expect(yield* one.attend(name, { ...bob, partitions: 2 }, "1 minute")).toEqual([ada, { ...bob, partitions: 2 }])
        expect(yield* one.attend(`${name} else`, ada, "1 minute")).toEqual([ada])
        yield* Effect.sleep(350)
        expect(yield* rows).toEqual([["ada"], ["bob"]])
        expect(yield* one.attend(name, bob, "1 minute")).toEqual([bob])
        expect(yield* rows).toEqual([["bob"]])
        expect(yield* two.attend(name, ada, "1 minute")).toEqual([ada, bob])
      })
    ))

  it("leave at once, and who left twice is no error", () =>
    run(
      Effect.gen(function* () {
        const [ada, bob] = ["ada", "bob"].map((holder) => ({ holder, partitions: 1 })) as [
          CheckpointStores.Member,
          CheckpointStores.Member
        ]
        yield* one.attend(name, ada, "1 minute")
        yield* one.attend(name, bob, "1 minute")
        yield* two.leave(name, "ada")
        yield* two.leave(name, "ada")
        expect([yield* rows, yield* one.attend(name, bob, "1 minute")]).toEqual([[["bob"]], [bob]])
      })
    ))
})
