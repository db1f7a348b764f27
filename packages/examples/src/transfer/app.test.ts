// Transfers as a program: what is asked for is answered, and no money is lost or doubled, in memory and on PostgreSQL.
import { describe, expect, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Postgres from "@evolvent/postgres/Postgres"
import { Console, Effect, Layer, Stream } from "effect"
import { Aggregate, EventFilter, EventStore, Memory } from "evolvent"
import { balanceOf, open, story, transfer, Transfers } from "./app.ts"
import { Account, Transfer } from "./domain.ts"

const InMemory = Layer.provideMerge(Transfers, Memory.layer)

// The one thing that changes: where it is stored.
const OnPostgres = Transfers.pipe(
  Layer.provideMerge(Postgres.layerFrom()),
  Layer.provide(EmbeddedPostgres.layer({ settings: { fsync: "off" } }))
)

const printed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const console = yield* Console.Console
    const lines: Array<unknown> = []
    const log = (line: unknown) => void lines.push(line)
    yield* Effect.provideService(effect, Console.Console, { ...console, log })
    return lines
  })

const storyHolds = Effect.gen(function* () {
  const lines = ["60 from ada to bob: done", "500 from ada to bob: NotEnough", "30 from ada to eve: NotOpen"]
  const expected = [...lines, "Ada has 40, Bob has 80."]
  expect(yield* printed(story)).toEqual(expected)
  expect(yield* printed(story)).toEqual(expected)
})

const people = ["ada", "bob", "cyd", "dan"]

/** Forty at once: some that are not covered, some to a fifth person, who has no account. */
const manyHold = Effect.gen(function* () {
  for (const id of people) yield* open(id, 100)
  const all = Array.from({ length: 40 }, (_, n) => ({
    id: `t-${n}`,
    money: {
      from: people[n % 4] ?? "ada",
      to: n % 5 === 0 ? "eve" : (people[(n + 1 + (n % 3)) % 4] ?? "bob"),
      amount: 10 + 7 * (n % 9)
    }
  }))
  const outcomes = yield* Effect.forEach(all, ({ id, money }) => transfer(id, money), { concurrency: "unbounded" })
  expect(outcomes.filter((outcome) => outcome === "done").length).toBeGreaterThan(0)
  expect(outcomes.filter((outcome) => outcome === "NotOpen").length).toBeGreaterThan(0)
  expect(outcomes.filter((outcome) => !["done", "NotEnough", "NotOpen"].includes(outcome))).toEqual([])
  const balances = yield* Effect.forEach(people, balanceOf)
  expect(balances.reduce((sum, balance) => sum + balance, 0)).toBe(400)
  expect(Math.min(...balances)).toBeGreaterThanOrEqual(0)

  const store = yield* EventStore.EventStore
  const moves = yield* Stream.runCollect(store.read(EventFilter.category(Account.name)))
  const count = (type: string) => moves.filter((event) => event.type === type).length
  expect(count("Credited")).toBe(outcomes.filter((outcome) => outcome === "done").length)
  expect(count("Refunded")).toBe(outcomes.filter((outcome) => outcome === "NotOpen").length)
  expect(count("Reserved")).toBe(count("Credited") + count("Refunded"))
})

describe("the program", () => {
  it.live("the story is told in memory, and again", () => Effect.provide(storyHolds, InMemory))

  it.live("the story is told on PostgreSQL, and again", () => Effect.provide(storyHolds, OnPostgres), 30_000)

  it.live("forty transfers at once lose and double nothing in memory", () => Effect.provide(manyHold, InMemory))

  it.live(
    "forty transfers at once lose and double nothing on PostgreSQL",
    () => Effect.provide(manyHold, OnPostgres),
    30_000
  )

  it.live("a transfer can be loaded like an aggregate, and ends as it was answered", () =>
    Effect.gen(function* () {
      yield* open("ada", 100)
      yield* open("bob", 0)
      expect(yield* transfer("t-1", { from: "ada", to: "bob", amount: 1 })).toBe("done")
      expect((yield* Aggregate.load(Transfer.aggregate, "t-1")).state).toEqual({ _tag: "Done" })
    }).pipe(Effect.provide(InMemory))
  )
})
