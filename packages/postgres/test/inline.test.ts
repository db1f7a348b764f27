// Inline projections: what an append stores is in the rows when it returns, in its own transaction, or nothing is stored.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import {
  accounts,
  balances,
  compare,
  deposit,
  histories,
  openIt,
  poison,
  register,
  stored
} from "./support/Accounts.ts"
import { count, numbered, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open({ maxConnections: 10 })
const { run, sql } = store

let names = 0
const fresh = () => {
  const Account = accounts(`Account${++names}`)
  return { Account, Balances: balances(Account, { name: `balances${names}` }) }
}

it("has the row when the command has returned, without waiting for anything", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      yield* register(Balances)
      yield* Aggregate.execute(Account, "7", openIt())
      const { position } = yield* Aggregate.execute(Account, "7", deposit(5))
      expect(yield* ReadModel.get(Balances, "7")).toEqual({ owner: "ada", balance: 5, count: 2 })
      yield* Processor.waitFor(Balances, position, { timeout: "1 second" })
      const status = yield* Processor.status(Balances)
      expect([status.position >= position, status.lag, status.stopped]).toEqual([true, undefined, undefined])
      yield* Aggregate.execute(Account, "7", { _tag: "Close" })
      expect(yield* ReadModel.get(Balances, "7")).toBeUndefined()
      yield* Aggregate.execute(Account, "7", openIt("bob"))
      expect(yield* ReadModel.get(Balances, "7")).toEqual({ owner: "bob", balance: 0, count: 1 })
    })
  ))

it("stands where the layer of its processor stood", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      const program = Effect.andThen(Aggregate.execute(Account, "1", openIt()), ReadModel.get(Balances, "1"))
      expect(yield* Effect.provide(program, Postgres.layerInline(Balances))).toMatchObject({ owner: "ada" })
    })
  ))

it("sees its own rows within the caller's transaction, and leaves none of them when that is rolled back", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      yield* register(Balances)
      yield* Aggregate.execute(Account, "7", openIt())
      const outer = sql.withTransaction(
        Effect.gen(function* () {
          yield* Aggregate.execute(Account, "7", deposit(5))
          expect(yield* ReadModel.get(Balances, "7")).toMatchObject({ balance: 5 })
          yield* Aggregate.execute(Account, "7", deposit(6))
          yield* Aggregate.execute(Account, "8", openIt())
          expect(yield* ReadModel.get(Balances, "7")).toMatchObject({ balance: 11 })
          return yield* Effect.fail("undone")
        })
      )
      expect(yield* Effect.flip(outer)).toBe("undone")
      expect([yield* ReadModel.get(Balances, "7"), yield* ReadModel.get(Balances, "8")]).toEqual([
        { owner: "ada", balance: 0, count: 1 },
        undefined
      ])
      expect(yield* stored(Account.name)).toBe(1)
    })
  ))

it("is undone with a savepoint, and goes on after it", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      yield* register(Balances)
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* Aggregate.execute(Account, "7", openIt())
          const inner = sql.withTransaction(
            Effect.andThen(Aggregate.execute(Account, "7", deposit(5)), Effect.fail("undone"))
          )
          expect(yield* Effect.flip(inner)).toBe("undone")
          expect(yield* ReadModel.get(Balances, "7")).toMatchObject({ balance: 0 })
          yield* Aggregate.execute(Account, "7", deposit(7))
        })
      )
      expect(yield* ReadModel.get(Balances, "7")).toEqual({ owner: "ada", balance: 7, count: 2 })
      const { folded, kept } = yield* compare(Balances)
      expect(kept).toEqual(folded)
    })
  ))

it("stores nothing where a handler throws, says which and on what, and leaves the caller's transaction usable", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      const Histories = histories(Account, `histories of ${Account.name}`)
      // The other one is kept first, and must be undone.
      yield* register(Histories)
      yield* register(Balances)
      yield* Aggregate.execute(Account, "7", openIt())
      const before = yield* compare(Histories)
      const poisoned = Effect.flip(Aggregate.execute(Account, "7", deposit(poison)))
      const error = yield* poisoned
      expect(error).toMatchObject({ _tag: "EventStoreError", isRetryable: false, reason: { _tag: "InvalidRequest" } })
      if (typeof error === "string") throw new Error(error)
      for (const part of [Balances.name, `${Account.name}-7`, '"Deposited"', "revision 1", "no deposit of 13"]) {
        expect(error.message).toContain(part)
      }
      yield* sql.withTransaction(
        Effect.gen(function* () {
          expect(yield* poisoned).toMatchObject({ _tag: "EventStoreError" })
          yield* Aggregate.execute(Account, "8", openIt())
        })
      )
      expect(yield* stored(Account.name)).toBe(2)
      expect((yield* compare(Histories)).kept.filter((row) => row.startsWith("7"))).toEqual(before.kept)
      for (const { folded, kept } of [yield* compare(Balances), yield* compare(Histories)]) expect(kept).toEqual(folded)
    })
  ))

it("stores no event that the projection could not decode, and passes over types that it does not handle", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      yield* register(Balances)
      const events = yield* EventStore
      const stream = StreamName.make(Account.name, "7")
      const error = yield* Effect.flip(events.append(stream, [{ type: "Opened", data: { owner: 3 } }]))
      expect(error).toMatchObject({ _tag: "EventStoreError", isRetryable: false })
      expect(error.message).toContain(Balances.name)
      yield* events.append(stream, [{ type: "Painted", data: { color: 3 } }])
      expect(yield* stored(Account.name)).toBe(1)
    })
  ))

it("keeps several streams that are appended to at once, all or none of them", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      const Other = fresh()
      yield* register(Balances)
      yield* register(Other.Balances)
      const events = yield* EventStore
      const [a, b, c] = [
        StreamName.make(Account.name, "a"),
        StreamName.make(Other.Account.name, "b"),
        StreamName.make("Elsewhere", "c")
      ]
      const opened = (owner: string) => [{ type: "Opened", data: { owner } }]
      yield* events.appendAll([
        { stream: a, events: opened("ada"), expected: "noStream" },
        { stream: b, events: opened("bob"), expected: "noStream" },
        { stream: c, events: [numbered(1)] }
      ])
      expect(yield* ReadModel.get(Balances, "a")).toMatchObject({ owner: "ada" })
      expect(yield* ReadModel.get(Other.Balances, "b")).toMatchObject({ owner: "bob" })
      const deposited = (amount: number) => [{ type: "Deposited", data: { amount } }]
      const poisoned = events.appendAll([
        { stream: a, events: deposited(1) },
        { stream: b, events: deposited(poison) }
      ])
      expect(yield* Effect.flip(poisoned)).toMatchObject({ _tag: "EventStoreError" })
      const conflicting = events.appendAll([
        { stream: a, events: deposited(1) },
        { stream: b, events: deposited(1), expected: "noStream" }
      ])
      expect(yield* Effect.flip(conflicting)).toMatchObject({ _tag: "WrongExpectedRevision", stream: b, actual: 0 })
      expect(yield* ReadModel.get(Balances, "a")).toMatchObject({ balance: 0, count: 1 })
      for (const { folded, kept } of [yield* compare(Balances), yield* compare(Other.Balances)]) {
        expect(kept).toEqual(folded)
      }
    })
  ))

it("does nothing on a repeat, also of what was removed meanwhile", () =>
  run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      yield* register(Balances)
      const events = yield* EventStore
      const stream = StreamName.make(Account.name, "7")
      const append = events.append(stream, [{ ...numbered(1), type: "Opened", data: { owner: "ada" } }])
      const first = yield* append
      expect(yield* append).toEqual({ ...first, repeated: true })
      yield* Aggregate.execute(Account, "7", { _tag: "Close" })
      expect(yield* append).toEqual({ ...first, repeated: true })
      expect(yield* sql.withTransaction(append)).toEqual({ ...first, repeated: true })
      expect(yield* ReadModel.get(Balances, "7")).toBeUndefined()
      expect(yield* stored(Account.name)).toBe(2)
    })
  ))

it("refuses what could feed one row from two streams, and says what to do", () =>
  run(
    Effect.gen(function* () {
      const named = <const Name extends string>(name: Name) =>
        Aggregate.make(name, {
          command: Schema.TaggedUnion({ Close: {} }),
          event: Schema.TaggedUnion({ Closed: {} }),
          state: Schema.Null,
          initial: null
        })({ decide: { Close: () => [{ _tag: "Closed" }] }, evolve: { Closed: () => null } })
      const [One, Two] = [named("One"), named("Two")]
      const Row = Schema.Struct({ count: Schema.Int })
      const keyed = Projection.make("keyed", { from: [One], row: Row, initial: { count: 0 }, key: () => "all" })({
        evolve: { Closed: ({ count }) => ({ count: count + 1 }) }
      })
      const both = Projection.make("both", { from: [One, Two], row: Row, initial: { count: 0 } })({
        evolve: {
          One: { Closed: ({ count }) => ({ count: count + 1 }) },
          Two: { Closed: ({ count }) => ({ count: count + 1 }) }
        }
      })
      const error = yield* Effect.flip(register(keyed))
      expect(error).toMatchObject({ _tag: "InlineRefused", projection: "keyed" })
      expect(error.message).toContain("Processor.layer")
      const second = yield* Effect.flip(register(both))
      expect(second).toMatchObject({ _tag: "InlineRefused", projection: "both" })
      expect(second.message).toContain("One-7, Two-7")
      // What was refused is not kept.
      yield* Aggregate.execute(One, "7", { _tag: "Close" })
      expect(yield* ReadModel.get(both, "7")).toBeUndefined()
    })
  ))

it("costs others nothing before the first such projection and after the last", async () => {
  const own = await open()
  const triggers = count(
    own,
    `SELECT count(*)::int FROM pg_trigger WHERE tgrelid = '${own.schema}.events'::regclass AND NOT tgisinternal`
  )
  await own.run(
    Effect.gen(function* () {
      const { Account, Balances } = fresh()
      expect(yield* triggers).toBe(0)
      yield* register(Balances)
      expect(yield* triggers).toBe(1)
      yield* Aggregate.execute(Account, "1", openIt())
      yield* Postgres.endInline(Balances)
      expect(yield* triggers).toBe(0)
    })
  )
})
