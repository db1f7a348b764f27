// Rows that are kept: asked for once, never older than what was promised, and gone when the read model has gone on.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { ReadModelStore } from "../src/ReadModelStore.ts"
import * as StreamName from "../src/StreamName.ts"

const Tally = Aggregate.make("Tally", {
  command: Schema.TaggedUnion({ Count: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Counted: { by: Schema.Int } }),
  state: Schema.Null,
  initial: null
})({ decide: { Count: ({ by }) => [{ _tag: "Counted", by }] }, evolve: () => null })

const define = (name: string) =>
  Projection.make(name, { from: [Tally], row: Schema.Struct({ total: Schema.Int }), initial: { total: 0 } })({
    evolve: { Counted: ({ total }, { by }) => ({ total: total + by }) }
  })
const Tallies = define("tallies")
const Others = define("others")

const count = (id: string, by = 1) => Aggregate.execute(Tally, id, { _tag: "Count", by }, { waitFor: [Tallies] })
const total = (id: string) => Effect.map(ReadModel.get(Tallies, id), (row) => row?.total)

/** What was read of the rows; `pause` waits before a row is given, `late` before the log is followed, `dropping` before rows go. */
const make = (options: { readonly capacity?: number; readonly timeToLive?: "100 millis" } = {}) => {
  const seen = { gets: 0, late: Effect.void, pause: Effect.void, dropping: Effect.void }
  const rows = Layer.effect(
    ReadModelStore,
    Effect.map(ReadModelStore, (store): ReadModelStore["Service"] => ({
      ...store,
      get: (table, keys) =>
        Effect.tap(store.get(table, keys), () => {
          if (keys.length > 1 || table.name !== "tallies") return Effect.void
          seen.gets += 1
          return seen.pause
        }),
      drop: (table) =>
        Effect.andThen(
          Effect.suspend(() => seen.dropping),
          store.drop(table)
        )
    }))
  )
  const late = Layer.effect(
    EventStore,
    Effect.map(EventStore, (store): EventStore["Service"] => ({
      ...store,
      subscribe: (...args) => Stream.tap(store.subscribe(...args), () => seen.late)
    }))
  )
  // The processor reads and writes the rows of the store itself: only what readers read is counted.
  const layer = ReadModel.layerCached({ of: [Tallies], ...options }).pipe(
    Layer.provideMerge(Layer.mergeAll(late, rows)),
    Layer.provideMerge(
      Layer.mergeAll(Processor.layer(Processor.projection(Tallies)), Processor.layer(Processor.projection(Others)))
    ),
    Layer.provideMerge(Memory.layer)
  )
  return { seen, layer }
}

/** Waits until a row is kept. */
const kept = Effect.fnUntraced(function* (id: string, seen: { gets: number }) {
  for (let tries = 0; tries < 1000; tries++) {
    yield* ReadModel.get(Tallies, id)
    const before = seen.gets
    yield* ReadModel.get(Tallies, id)
    if (seen.gets === before) return
    yield* Effect.sleep(2)
  }
  expect.fail("the row is never kept")
})

describe("a kept row", () => {
  it.live("is read once, and anew when the read model has gone on", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a", 5)
      yield* kept("a", seen)
      const row = yield* ReadModel.get(Tallies, "a")
      expect([row, Object.isFrozen(row)]).toEqual([{ total: 5 }, true])
      yield* count("b")
      yield* kept("b", seen)
      const before = seen.gets
      expect([yield* total("a"), yield* total("b"), seen.gets - before]).toEqual([5, 1, 0])
      yield* Aggregate.execute(Tally, "a", { _tag: "Count", by: 2 })
      while ((yield* total("a")) !== 7) yield* Effect.sleep(1)
      // Nobody touched it.
      yield* kept("a", seen)
      const again = seen.gets
      expect([yield* total("b"), seen.gets - again]).toEqual([1, 0])
    }).pipe(Effect.provide(layer))
  })

  it.live("is never older than what was waited for, however late the cache hears of it", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a")
      yield* kept("a", seen)
      seen.late = Effect.sleep("20 millis")
      for (let i = 2; i <= 40; i++) {
        yield* count("a")
        expect(yield* total("a")).toBe(i)
        if (i % 10 === 0) yield* Effect.sleep("50 millis")
      }
      yield* kept("a", seen)
      expect(yield* total("a")).toBe(40)
    }).pipe(Effect.provide(layer))
  })

  it.live("is none where another checkpoint store promises, be it one that somebody wraps", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a")
      yield* kept("a", seen)
      seen.late = Effect.sleep("20 millis")
      for (let i = 2; i <= 5; i++) {
        const counted = Effect.andThen(count("a"), total("a"))
        expect(yield* Effect.updateService(counted, CheckpointStore, (store) => ({ ...store }))).toBe(i)
      }
    }).pipe(Effect.provide(layer))
  })

  it.live("may be none, until there is one", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* kept("nobody", seen)
      expect(yield* total("nobody")).toBe(undefined)
      yield* count("nobody")
      expect(yield* total("nobody")).toBe(1)
    }).pipe(Effect.provide(layer))
  })

  it.live("is not what was read before an event and came after it", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a")
      yield* kept("b", seen)
      const [begun, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      seen.pause = Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(goOn))
      const slow = yield* Effect.forkChild(total("a"), { startImmediately: true })
      yield* Deferred.await(begun)
      seen.pause = Effect.void
      yield* count("a")
      yield* kept("a", seen)
      yield* Deferred.succeed(goOn, undefined)
      expect(yield* Fiber.join(slow)).toBe(1)
      expect(yield* total("a")).toBe(2)
    }).pipe(Effect.provide(layer))
  })

  it.live("is gone when its rows were made anew", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a", 3)
      yield* kept("a", seen)
      // A row that no event made: it is wrong, and a rebuild mends it.
      const rows = yield* ReadModelStore
      const [stored] = yield* rows.get(Tallies.table, ["a"])
      if (stored === undefined) return expect.fail("there is no row")
      yield* rows.apply(Tallies.table, [{ ...stored, row: '{"total":99}' }])
      expect(yield* total("a")).toBe(3)
      yield* count("b")
      yield* Stream.runDrain(Processor.rebuild(Tallies))
      yield* rows.apply(Tallies.table, [{ ...stored, row: '{"total":4}' }])
      while ((yield* total("a")) !== 4) yield* Effect.sleep(1)
    }).pipe(Effect.provide(layer))
  })

  it.live("is gone when its read model was retired, also where it was read while that went on", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a", 3)
      yield* kept("a", seen)
      const store = yield* ReadModelStore
      const read = Effect.orDie(Effect.provideService(total("a"), ReadModelStore, store))
      seen.dropping = Effect.andThen(Effect.sleep("50 millis"), read)
      yield* Processor.retire(Tallies)
      for (let tries = 0; (yield* total("a")) !== undefined; tries++) {
        if (tries > 500) return expect.fail("the row is never gone")
        yield* Effect.sleep(1)
      }
    }).pipe(Effect.provide(layer))
  })

  it.live("is one of so many, for so long", () => {
    const { layer, seen } = make({ capacity: 2, timeToLive: "100 millis" })
    return Effect.gen(function* () {
      for (const id of ["a", "b", "c"]) yield* kept(id, seen)
      const before = seen.gets
      yield* Effect.all([total("c"), total("b")])
      expect(seen.gets - before).toBe(0)
      yield* total("a")
      expect(seen.gets - before).toBe(1)
      // That one took the place of "c", which was not used for longer.
      yield* total("b")
      expect(seen.gets - before).toBe(1)
      yield* Effect.sleep("110 millis")
      yield* total("a")
      expect(seen.gets - before).toBe(2)
      expect(() => ReadModel.layerCached({ of: [Tallies], capacity: 1.5 })).toThrow(/up to 1.5 entries/)
    }).pipe(Effect.provide(layer))
  })

  it.live("is of the projections that were named, and of their store", () => {
    const { layer, seen } = make()
    return Effect.gen(function* () {
      yield* count("a")
      yield* kept("a", seen)
      yield* Processor.waitFor(Others, yield* EventStore.use(({ head }) => head))
      expect(yield* ReadModel.get(Others, "a")).toEqual({ total: 1 })
      expect(yield* ReadModel.get(define("tallies"), "a")).toEqual({ total: 1 })
      const elsewhere = Effect.provide(ReadModelStore, Layer.fresh(Memory.layer))
      expect(yield* Effect.provideService(ReadModel.get(Tallies, "a"), ReadModelStore, yield* elsewhere)).toBe(
        undefined
      )
    }).pipe(Effect.provide(layer))
  })

  it.live("goes on behind an event that nobody here understands", () => {
    const { seen } = make()
    const rows = Layer.effect(
      ReadModelStore,
      Effect.map(ReadModelStore, (store): ReadModelStore["Service"] => ({
        ...store,
        get: (table, keys) => Effect.tap(store.get(table, keys), () => Effect.sync(() => (seen.gets += 1)))
      }))
    )
    const layer = ReadModel.layerCached({ of: [Tallies] }).pipe(
      Layer.provideMerge(rows),
      Layer.provideMerge(Processor.layer(Processor.projection(Tallies), { onUndecodable: "skip" })),
      Layer.provideMerge(Memory.layer)
    )
    return Effect.gen(function* () {
      yield* count("a")
      yield* count("b")
      yield* kept("a", seen)
      yield* kept("b", seen)
      const appends = [["z", "many"] as const, ["b", 1] as const].map(([id, by]) => ({
        stream: StreamName.make("Tally", id),
        events: [{ type: "Counted", data: { by } }]
      }))
      const [, last] = yield* EventStore.use((store) => store.appendAll(appends))
      if (last === undefined) return expect.fail("nothing was appended")
      yield* Processor.waitFor(Tallies, last.position)
      for (let i = 2; i < 20; i++) {
        yield* count("a")
        expect(yield* total("a")).toBe(i)
      }
      yield* kept("a", seen)
      expect(yield* total("b")).toBe(2)
      yield* count("a")
      expect(yield* total("a")).toBe(20)
    }).pipe(Effect.provide(layer))
  })
})
