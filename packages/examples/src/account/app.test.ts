// The account: its rules one by one, its laws, and what holds when several people use it at once.
import { describe, expect, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Postgres from "@evolvent/postgres/Postgres"
import { events, given, laws } from "@evolvent/testing"
import { DateTime, Effect, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, EventStore, Memory, Processor, Projection, ReadModel } from "evolvent"
import { ReadModels, story } from "./app.ts"
import { Account } from "./domain.ts"
import { Balances, Statement } from "./projections.ts"

const opened = { _tag: "Opened", owner: "Ada" } as const
const deposited = (amount: number) => ({ _tag: "Deposited", amount }) as const
const withdrawn = (amount: number) => ({ _tag: "Withdrawn", amount }) as const
const closed = { _tag: "Closed" } as const

describe("the rules", () => {
  it("an account is opened once, and never again after it was closed", () => {
    given(Account).when({ _tag: "Open", owner: "Ada" }).expect([opened]).expectState({ status: "open", balance: 0 })
    given(Account, [opened]).when({ _tag: "Open", owner: "Bob" }).expectRejection("AlreadyOpened", { status: "open" })
    given(Account, [opened, closed])
      .when({ _tag: "Open", owner: "Ada" })
      .expectRejection("AlreadyOpened", { status: "closed" })
  })

  it("money goes in and out while it is open", () => {
    given(Account, [opened])
      .when({ _tag: "Deposit", amount: 5 })
      .expect([deposited(5)])
      .expectState({ status: "open", balance: 5 })
    given(Account, [opened, deposited(5)])
      .when({ _tag: "Withdraw", amount: 5 })
      .expect([withdrawn(5)])
      .expectState({ status: "open", balance: 0 })
    given(Account).when({ _tag: "Deposit", amount: 5 }).expectRejection("NotOpen", { status: "unopened" })
    given(Account, [opened, closed])
      .when({ _tag: "Deposit", amount: 5 })
      .expectRejection("NotOpen", { status: "closed" })
    given(Account, [opened, closed])
      .when({ _tag: "Withdraw", amount: 5 })
      .expectRejection("NotOpen", { status: "closed" })
  })

  it("nobody takes out more than there is", () => {
    given(Account, [opened, deposited(5)])
      .when({ _tag: "Withdraw", amount: 6 })
      .expectRejection("NotEnough", { balance: 5 })
  })

  it("only an open account without money is closed", () => {
    given(Account, [opened]).when({ _tag: "Close" }).expect([closed]).expectState({ status: "closed", balance: 0 })
    given(Account, [opened, deposited(1)])
      .when({ _tag: "Close" })
      .expectRejection("MoneyLeft", { balance: 1 })
    given(Account).when({ _tag: "Close" }).expectRejection("NotOpen", { status: "unopened" })
    given(Account, [opened, closed]).when({ _tag: "Close" }).expectRejection("NotOpen", { status: "closed" })
  })

  it.effect("a command that its schema refuses is never decided", () =>
    Effect.gen(function* () {
      const commands = [
        { _tag: "Open", owner: "  " },
        { _tag: "Deposit", amount: 0 },
        { _tag: "Deposit", amount: -5 },
        { _tag: "Deposit", amount: 0.5 },
        { _tag: "Withdraw", amount: Number.NaN }
      ] as const
      for (const command of commands) {
        const refused = yield* Effect.flip(Aggregate.execute(Account, "7", command))
        expect(refused._tag).toBe("InvalidCommand")
      }
      const head = yield* EventStore.EventStore.use((store) => store.head)
      expect(head).toBe(0)
    }).pipe(Effect.provide(Memory.layer))
  )
})

describe("the views", () => {
  it("a balance is there from opening to closing", () => {
    given(Balances, events(Account, "7", [opened, deposited(10), withdrawn(3)])).expectRows({
      "7": { owner: "Ada", balance: 7 }
    })
    given(Balances, events(Account, "7", [opened, closed])).expectNoRow("7")
  })

  it("a statement has one entry for each movement, also after closing", () => {
    const at = DateTime.makeUnsafe("2026-01-31T08:00:00Z")
    const past = events(Account, "7", [opened, deposited(10), withdrawn(10), closed], { recordedAt: at })
    given(Statement, past).expectRows({
      "7/1": { account: "7", entry: 1, amount: 10, at },
      "7/2": { account: "7", entry: 2, amount: -10, at }
    })
  })
})

describe("the laws", () => {
  for (const law of [...laws(Account), ...laws(Balances), ...laws(Statement)]) it.effect(law.name, () => law.check)
})

const Live = Layer.provideMerge(ReadModels, Memory.layer)

const open = (id: string, balance: number) =>
  Effect.gen(function* () {
    yield* Aggregate.execute(Account, id, { _tag: "Open", owner: "Ada" })
    if (balance > 0) yield* Aggregate.execute(Account, id, { _tag: "Deposit", amount: balance })
  })

/** A store as far away as a server is: between loading and appending there is time for others. */
const Remote = Layer.provideMerge(
  Layer.effect(
    EventStore.EventStore,
    Effect.map(EventStore.EventStore, (store) => ({
      ...store,
      append: (...append: Parameters<typeof store.append>) => Effect.andThen(Effect.yieldNow, store.append(...append))
    }))
  ),
  Memory.layer
)

describe("together", () => {
  it.effect("of two who take out everything one gets it, and the balance is never below zero", () =>
    Effect.gen(function* () {
      yield* open("7", 100)
      let conflicts = 0
      const store = yield* EventStore.EventStore
      const counted = {
        ...store,
        append: (...append: Parameters<typeof store.append>) =>
          Effect.tapErrorTag(store.append(...append), "WrongExpectedRevision", () => Effect.sync(() => conflicts++))
      }
      const takeAll = Effect.result(Aggregate.execute(Account, "7", { _tag: "Withdraw", amount: 100 }))
      const results = yield* Effect.all([takeAll, takeAll], { concurrency: "unbounded" }).pipe(
        Effect.provideService(EventStore.EventStore, counted)
      )
      expect(results.filter(Result.isSuccess)).toHaveLength(1)
      expect(results.filter(Result.isFailure).map(({ failure }) => failure._tag)).toEqual(["NotEnough"])
      expect(conflicts).toBe(1)
      const balances = yield* Effect.forEach([0, 1, 2], (revision) =>
        Effect.map(Aggregate.load(Account, "7", { at: { revision } }), ({ state }) => state.balance)
      )
      expect(balances).toEqual([0, 100, 0])
    }).pipe(Effect.provide(Remote))
  )

  it.effect("fifty at once all get their turn", () =>
    Effect.gen(function* () {
      yield* open("7", 60)
      const takeOne = Effect.result(Aggregate.execute(Account, "7", { _tag: "Withdraw", amount: 2 }))
      const results = yield* Effect.all(
        Array.from({ length: 50 }, () => takeOne),
        { concurrency: "unbounded" }
      )
      expect(results.filter(Result.isSuccess)).toHaveLength(30)
      const { revision, state } = yield* Aggregate.load(Account, "7")
      expect(state.balance).toBe(0)
      expect(revision).toBe(31)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("the same deposit sent twice counts once", () =>
    Effect.gen(function* () {
      yield* open("7", 0)
      const deposit = Aggregate.execute(Account, "7", { _tag: "Deposit", amount: 10 }, { commandId: "d-1" })
      const [first, second] = yield* Effect.all([deposit, deposit])
      expect([first.repeated, second.repeated]).toEqual([false, true])
      expect(second.revision).toBe(first.revision)
      const other = Aggregate.execute(Account, "7", { _tag: "Deposit", amount: 11 }, { commandId: "d-1" })
      expect((yield* Effect.flip(other))._tag).toBe("CommandIdReused")
      expect((yield* Aggregate.load(Account, "7")).state.balance).toBe(10)
    }).pipe(Effect.provide(Memory.layer))
  )
})

/** What a read model holds, beside what it means: the fold of the log. */
const keptAndFolded = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: Projection.Projection<Name, Row, Index>
) {
  const { rows } = yield* ReadModel.list(projection)
  const store = yield* EventStore.EventStore
  const folded = yield* Projection.fold(projection, store.read(projection.filter))
  return [new Map(rows.map(({ key, row }) => [key, row])), folded] as const
})

const readModelsHold = Effect.gen(function* () {
  for (const id of ["1", "2", "3"]) yield* open(id, 40)
  yield* Aggregate.execute(Account, "2", { _tag: "Withdraw", amount: 40 })
  const { position } = yield* Aggregate.execute(Account, "2", { _tag: "Close" })
  yield* Processor.waitFor(Balances, position)
  yield* Processor.waitFor(Statement, position)
  const [balances, foldedBalances] = yield* keptAndFolded(Balances)
  expect(balances).toEqual(foldedBalances)
  expect([...balances.keys()]).toEqual(["1", "3"])
  const [statement, foldedStatement] = yield* keptAndFolded(Statement)
  expect(statement).toEqual(foldedStatement)
  const ofTwo = yield* ReadModel.list(Statement, { where: { account: "2" }, orderBy: "entry" })
  expect(ofTwo.rows.map(({ row }) => row.amount)).toEqual([40, -40])
})

// The one thing that changes: where it is stored.
const OnPostgres = ReadModels.pipe(
  Layer.provideMerge(Postgres.layerFrom()),
  Layer.provide(EmbeddedPostgres.layer({ settings: { fsync: "off" } }))
)

describe("over time", () => {
  it.effect("the read models are what folding the events gives", () => Effect.provide(readModelsHold, Live))

  it.live("so they are on PostgreSQL, with another Layer", () => Effect.provide(readModelsHold, OnPostgres), 30_000)

  it.effect("an account is known as it was at any revision and any time", () =>
    Effect.gen(function* () {
      yield* open("7", 100)
      yield* TestClock.adjust("1 hour")
      yield* Aggregate.execute(Account, "7", { _tag: "Withdraw", amount: 30 })
      const now = yield* DateTime.now
      const at = (at: NonNullable<Aggregate.LoadOptions["at"]>) =>
        Effect.map(Aggregate.load(Account, "7", { at }), ({ state }) => state.balance)
      expect(yield* at({ revision: 0 })).toBe(0)
      expect(yield* at({ revision: 1 })).toBe(100)
      expect(yield* at({ time: DateTime.subtract(now, { minutes: 30 }) })).toBe(100)
      expect(yield* at({ time: now })).toBe(70)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("the story runs, and again", () => Effect.provide(Effect.andThen(story, story), Live))
})
