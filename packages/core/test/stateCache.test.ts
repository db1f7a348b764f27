// The cache of recent states: a warm command is one round trip, and a stale or foreign state changes no answer.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import { because, Unavailable } from "../src/EventStoreError.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as bounded from "../src/internal/bounded.ts"
import * as Memory from "../src/Memory.ts"
import * as Revision from "../src/Revision.ts"
import { layerPolicy, SnapshotStore } from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"

const define = (factor = 1) =>
  Aggregate.make("Purse", {
    command: Schema.TaggedUnion({
      Put: { coins: Schema.Int },
      Take: { coins: Schema.Int },
      Fill: { upTo: Schema.Int }
    }),
    event: Schema.TaggedUnion({
      In: { coins: Schema.Int.check(Schema.isGreaterThan(0)) },
      Out: { coins: Schema.Int }
    }),
    state: Schema.Struct({ coins: Schema.Int, last: Schema.Array(Schema.Int) }),
    initial: { coins: 0, last: [] }
  })({
    decide: {
      Put: ({ coins }) => [{ _tag: "In", coins }],
      Take: ({ coins }, state) => (coins > state.coins ? Result.fail("too little" as const) : [{ _tag: "Out", coins }]),
      Fill: ({ upTo }, state) => (state.coins === upTo ? [] : [{ _tag: "In", coins: upTo - state.coins }])
    },
    evolve: {
      In: (state, { coins }) => ({ coins: state.coins + factor * coins, last: [...state.last, coins].slice(-3) }),
      Out: (state, { coins }) => ({ ...state, coins: state.coins - coins })
    }
  })

const Purse = define()
const put = (coins: number, id = "a") => Aggregate.execute(Purse, id, { _tag: "Put", coins })
const take = (coins: number) => Aggregate.execute(Purse, "a", { _tag: "Take", coins })
const fill = (upTo: number) => Aggregate.execute(Purse, "a", { _tag: "Fill", upTo })
const coins = Effect.map(Aggregate.load(Purse, "a"), ({ state }) => state.coins)

/** What the store was asked, in order, and what happens on the way; others append to it without the cache knowing. */
const asked: Array<string> = []
const way: { behind: Effect.Effect<void, EventStoreError>; before: Effect.Effect<void> } = {
  behind: Effect.void,
  before: Effect.void
}
const watched = Layer.effect(
  EventStore,
  Effect.map(EventStore, (store): EventStore["Service"] => ({
    ...store,
    history: (stream, take, options) => {
      asked.push(`history ${options?.from}`)
      return Effect.tap(store.history(stream, take, options), () => way.before)
    },
    find: (stream, id) =>
      Effect.andThen(
        Effect.sync(() => asked.push("find")),
        store.find(stream, id)
      ),
    append: (stream, events, options) =>
      Effect.andThen(
        Effect.sync(() => asked.push(`append ${options?.expected}`)),
        Effect.tap(store.append(stream, events, options), () => way.behind)
      )
  }))
).pipe(Layer.provideMerge(Memory.layer))

const Live = Layer.mergeAll(watched, Aggregate.layerCache({ capacity: 3, timeToLive: "1 minute" }))
const stream = StreamName.make("Purse", "a")
const others = (...events: ReadonlyArray<{ readonly _tag: string; readonly coins: number }>) =>
  EventStore.use((store) =>
    store.append(
      stream,
      events.map(({ _tag, coins }) => ({ type: _tag, data: { coins } }))
    )
  )

const questions = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    asked.length = 0
    return Effect.map(Effect.result(effect), (result) => [Result.merge(result), [...asked]] as const)
  })

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
      expect((yield* questions(coins))[1]).toEqual(["history 0"])
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

  /** The store as an older copy of it is, on which others have gone on. */
  const restored = Effect.fnUntraced(function* (
    ...events: ReadonlyArray<{ readonly _tag: string; readonly coins: number }>
  ) {
    const other = yield* Effect.provide(EventStore, Layer.fresh(Memory.layer))
    yield* Effect.provideService(others(...events), EventStore, other)
    Object.assign(yield* EventStore, other)
    return other
  })
  const one = { _tag: "In", coins: 1 }

  it.effect("throws a state away that its store does not have", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* put(5)
      // Other events stand where its events stood.
      yield* restored(one, one)
      expect(yield* coins).toBe(2)
      // What was loaded, and not written, is known by its place.
      const other = yield* Effect.provide(EventStore, Layer.fresh(Memory.layer))
      yield* other.append(StreamName.make("Purse", "b"), [{ type: "In", data: { coins: 1 } }])
      yield* Effect.provideService(others(one, { _tag: "In", coins: 7 }), EventStore, other)
      Object.assign(yield* EventStore, other)
      expect(yield* coins).toBe(8)
    }).pipe(Effect.provide(Layer.fresh(Live)))
  )

  it.effect("of a store that lost its end costs a conflict", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* put(5)
      yield* restored(one)
      expect(yield* take(1)).toMatchObject({ revision: 1 })
      expect(yield* coins).toBe(0)
    }).pipe(Effect.provide(Layer.fresh(Live)))
  )

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

  it.effect("counts the conflict that it cost among those of the schedule", () =>
    Effect.gen(function* () {
      yield* put(5)
      yield* others(one)
      const never = Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, { retry: Schedule.recurs(0) })
      expect((yield* Effect.flip(never)) as object).toMatchObject({
        _tag: "WrongExpectedRevision",
        expected: 0,
        actual: 1
      })
      yield* never.pipe(Effect.flip)
      const once = Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, { retry: Schedule.recurs(1) })
      expect(yield* once).toMatchObject({ revision: 2 })
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

  it.effect("goes on counting what no snapshot holds", () =>
    Effect.gen(function* () {
      const taken = SnapshotStore.use((store) =>
        Effect.andThen(
          Effect.yieldNow,
          Effect.map(store.load(stream, Purse.codecs.fingerprint), (one) => one?.revision)
        )
      )
      for (let i = 0; i < 4; i++) yield* put(1)
      expect(yield* taken).toBe(undefined)
      yield* put(1)
      expect(yield* taken).toBe(4)
      for (let i = 0; i < 4; i++) yield* put(1)
      expect(yield* taken).toBe(4)
      yield* put(1)
      expect(yield* taken).toBe(9)
    }).pipe(Effect.provide(Layer.mergeAll(Live, layerPolicy({ bytes: 5 * '{"coins":1}'.length - 1 }))))
  )
})

it("a bounded map forgets what was put longest ago, and what is too old", () => {
  const map = bounded.make<string, number>({ capacity: 2, timeToLive: 10 })
  map.put("a", 1, 0)
  map.put("b", 2, 1)
  map.put("a", 3, 2)
  map.put("c", 4, 3)
  expect([map.get("a", 3), map.get("b", 3), map.get("c", 3), map.size()]).toEqual([3, undefined, 4, 2])
  expect([map.get("a", 12), map.get("c", 12)]).toEqual([undefined, 4])
  map.put("d", 5, 13)
  expect([map.get("d", 13), map.size()]).toEqual([5, 1])
})
