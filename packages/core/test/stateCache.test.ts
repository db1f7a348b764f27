// The cache of recent states: a warm command is one round trip, and a stale or foreign state changes no answer.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import { because, Unavailable } from "../src/EventStoreError.ts"
import * as bounded from "../src/internal/bounded.ts"
import * as Memory from "../src/Memory.ts"
import * as Revision from "../src/Revision.ts"
import { coins, define, fill, Live, others, Purse, put, questions, take, way } from "./support/purses.ts"

describe("the cache of recent states", () => {
  it.effect("makes a warm command one round trip", () =>
    Effect.gen(function* () {
      yield* put(5)
      expect((yield* questions(put(1)))[1]).toEqual(["append 0"])
      expect((yield* questions(take(6)))[1]).toEqual(["append 1"])
      expect(yield* coins).toBe(0)
    }).pipe(Effect.provide(Live))
  )

  it.effect("costs a conflict where a state is stale, and only what is new is loaded then", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* others({ _tag: "In", coins: 2 }, { _tag: "In", coins: 3 })
      const [outcome, questioned] = yield* questions(take(4))
      expect(outcome).toMatchObject({ revision: 3 })
      expect(questioned).toEqual(["append 0", "history 0", "append 2"])
      expect(yield* coins).toBe(6)
    }).pipe(Effect.provide(Live))
  )

  it.effect("refuses nothing on a stale state", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* others({ _tag: "In", coins: 5 })
      expect(yield* take(10)).toMatchObject({ revision: 2 })
      yield* put(7)
      expect(yield* questions(take(8))).toEqual(["too little", ["history 3"]])
      yield* others({ _tag: "Out", coins: 1 })
      expect((yield* questions(fill(7)))[0]).toMatchObject({ events: [{ coins: 1 }], revision: 5 })
      expect(yield* questions(fill(7))).toEqual([
        { events: [], revision: 5, position: 6, repeated: false },
        ["history 5"]
      ])
    }).pipe(Effect.provide(Live))
  )

  it.effect("takes what is expected, and what the schema refuses, for true of the newest state only", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* others({ _tag: "Out", coins: 4 })
      const expected = Revision.make(1)
      const here = Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, { expected })
      expect(yield* here).toMatchObject({ revision: 2 })
      expect((yield* Effect.flip(here)) as object).toMatchObject({
        _tag: "WrongExpectedRevision",
        expected: 1,
        actual: 2
      })
      // There are 2 coins; on a state of 5 it would have put in -2.
      yield* put(3)
      yield* others({ _tag: "Out", coins: 4 })
      expect(yield* fill(3)).toMatchObject({ events: [{ _tag: "In", coins: 2 }] })
    }).pipe(Effect.provide(Live))
  )

  it.effect("is asked anew by load, which sees what others wrote", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* others({ _tag: "In", coins: 1 })
      expect((yield* questions(coins))[1]).toEqual(["history 0", "history 1"])
      expect(yield* coins).toBe(6)
      expect(Object.keys(yield* Aggregate.load(Purse, "a"))).toEqual(["state", "revision", "position"])
      // Handed out and kept, so nobody may change it.
      const { state } = yield* Aggregate.load(Purse, "a")
      expect(Object.isFrozen(state) && Object.isFrozen(state.last)).toBe(true)
    }).pipe(Effect.provide(Live))
  )

  it.effect("does not hide that a command was executed before", () =>
    Effect.gen(function* () {
      yield* put(1)
      const once = Aggregate.execute(Purse, "a", { _tag: "Take", coins: 1 }, { commandId: "c" })
      expect((yield* questions(once))[1]).toEqual(["find", "append 0"])
      yield* put(1)
      expect(yield* once).toMatchObject({ revision: 1, repeated: true })
      expect(
        (yield* Effect.flip(Aggregate.execute(Purse, "a", { _tag: "Take", coins: 9 }, { commandId: "c" }))) as object
      ).toMatchObject({
        _tag: "CommandIdReused"
      })
    }).pipe(Effect.provide(Live))
  )

  it.effect("is of one store and of one definition", () =>
    Effect.gen(function* () {
      yield* put(5)
      const elsewhere = Effect.gen(function* () {
        yield* others({ _tag: "In", coins: 1 })
        return yield* Effect.flip(take(3))
      })
      expect(yield* Effect.provide(elsewhere, Layer.fresh(Memory.layer))).toBe("too little")
      const doubled = yield* Aggregate.load(define(2), "a")
      expect(doubled.state.coins).toBe(10)
      expect(yield* coins).toBe(5)
    }).pipe(Effect.provide(Live))
  )

  const one = { _tag: "In", coins: 1 }

  it.effect("does not execute again what the store gave no answer to", () =>
    Effect.gen(function* () {
      yield* put(5)
      const lost = because("test", new Unavailable({ problem: "the connection broke after the commit" }))
      way.behind = Effect.fail(lost)
      expect(
        yield* Effect.flip(
          Effect.ensuring(
            put(1),
            Effect.sync(() => (way.behind = Effect.void))
          )
        )
      ).toBe(lost)
      expect(yield* coins).toBe(6)
      expect(yield* take(6)).toMatchObject({ revision: 2 })
    }).pipe(Effect.provide(Live))
  )

  it.effect("spends nothing of the schedule where a state is stale", () =>
    Effect.gen(function* () {
      const never = { retry: Schedule.recurs(0) }
      yield* put(5)
      yield* others(one)
      const [done, questioned] = yield* questions(Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, never))
      expect(done).toMatchObject({ revision: 2 })
      expect(questioned).toEqual(["append 0", "history 0", "append 1"])
      yield* others(one)
      const named = { ...never, commandId: "c" }
      expect(yield* Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, named)).toMatchObject({ revision: 4 })
      // Somebody is faster than what was loaded then, too: that is a conflict.
      yield* others(one)
      way.before = Effect.orDie(Effect.asVoid(Effect.provideService(others(one), EventStore, yield* EventStore)))
      const late = Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, never)
      const lost = yield* Effect.ensuring(
        Effect.flip(late),
        Effect.sync(() => (way.before = Effect.void))
      )
      expect(lost as object).toMatchObject({ _tag: "WrongExpectedRevision", expected: 5, actual: 6 })
    }).pipe(Effect.provide(Live))
  )

  it.effect("keeps what a refused command has loaded", () =>
    Effect.gen(function* () {
      yield* others({ _tag: "In", coins: 5 })
      expect(yield* Effect.flip(take(9))).toBe("too little")
      expect((yield* questions(take(5)))[1]).toEqual(["append 0"])
    }).pipe(Effect.provide(Live))
  )

  it.effect("keeps nothing older than what it has", () =>
    Effect.gen(function* () {
      yield* put(5)
      const [begun, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      way.before = Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(goOn))
      const slow = yield* Effect.forkChild(coins, { startImmediately: true })
      yield* Deferred.await(begun)
      way.before = Effect.void
      yield* put(1)
      yield* Deferred.succeed(goOn, undefined)
      expect(yield* Fiber.join(slow)).toBe(5)
      expect((yield* questions(put(1)))[1]).toEqual(["append 1"])
    }).pipe(Effect.provide(Live))
  )

  it.effect("decides racing commands of one process each on the newest state", () =>
    Effect.gen(function* () {
      yield* put(10)
      const unhurried = Effect.updateService(EventStore, (store) => ({
        ...store,
        append: (...args: Parameters<typeof store.append>) => Effect.andThen(Effect.yieldNow, store.append(...args))
      }))
      const race = unhurried(
        Effect.forEach(Array.from({ length: 15 }), () => Effect.result(take(1)), { concurrency: "unbounded" })
      )
      const outcomes = yield* race
      expect(outcomes.filter(Result.isSuccess).length).toBe(10)
      expect(yield* coins).toBe(0)
    }).pipe(Effect.provide(Live), TestClock.withLive)
  )

  it.effect("keeps so many states, for so long", () =>
    Effect.gen(function* () {
      for (const id of ["a", "b", "c", "d"]) yield* put(1, id)
      expect((yield* questions(put(1, "a")))[1]).toEqual(["history 0", "append 0"])
      expect((yield* questions(put(1, "d")))[1]).toEqual(["append 0"])
      yield* TestClock.adjust("61 seconds")
      expect((yield* questions(put(1, "d")))[1]).toEqual(["history 0", "append 1"])
      expect(() => Aggregate.layerCache({ capacity: 0 })).toThrow(/up to 0 entries/)
      expect(() => Aggregate.layerCache({ timeToLive: 0 })).toThrow(/0 ms/)
    }).pipe(Effect.provide(Live))
  )
})

it("a bounded map forgets what was used longest ago, and what is too old", () => {
  const map = bounded.make<string, number>({ capacity: 2, timeToLive: 10 })
  map.put("a", 1, 0)
  map.put("b", 2, 1)
  map.put("a", 3, 2)
  map.put("c", 4, 3)
  expect([map.get("a", 3), map.get("b", 3), map.get("c", 3), map.size()]).toEqual([3, undefined, 4, 2])
  expect([map.get("a", 12), map.get("c", 12)]).toEqual([undefined, 4])
  map.put("d", 5, 13)
  expect([map.get("d", 13), map.size()]).toEqual([5, 1])
  map.put("e", 6, 14)
  expect(map.get("d", 15)).toBe(5)
  map.put("f", 7, 16)
  expect([map.get("e", 16), map.get("d", 22), map.get("d", 23)]).toEqual([undefined, 5, undefined])
})
