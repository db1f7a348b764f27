// Snapshots make loading shorter and change no answer.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Revision from "../src/Revision.ts"
import { layerPolicy, SnapshotStore } from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"

const counter = (options: { readonly stateVersion?: number; readonly factor?: number } = {}) =>
  Aggregate.make("Counter", {
    command: Schema.TaggedUnion({ Add: { by: Schema.Array(Schema.Int) } }),
    event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
    state: Schema.Struct({ total: Schema.Int }),
    initial: { total: 0 },
    stateVersion: options.stateVersion ?? 1
  })({
    decide: { Add: ({ by }) => by.map((n) => ({ _tag: "Added" as const, by: n })) },
    evolve: { Added: ({ total }, { by }) => ({ total: total + by * (options.factor ?? 1) }) }
  })

const Counter = counter()
const Live = Layer.mergeAll(Memory.layer, layerPolicy({ every: 10 }))
const stream = StreamName.make("Counter", "a")
const elsewhere = StreamName.make("Counter", "elsewhere")
const add = (...by: ReadonlyArray<number>) => Aggregate.execute(Counter, "a", { _tag: "Add", by })

/** A store that counts the events that are read from it. */
const counting = () => {
  const count = { read: 0 }
  const layer = Layer.effect(
    EventStore,
    Effect.map(EventStore, (store): EventStore["Service"] => ({
      ...store,
      history: (name, take, options) =>
        store.history(
          name,
          (page) => {
            count.read += page.types.length
            return take(page)
          },
          options
        )
    }))
  )
  return { count, layer: Layer.provideMerge(layer, Live) }
}

describe("snapshots", () => {
  it.effect("shorten loading, also when one append crosses the boundary", () => {
    const { count, layer } = counting()
    return Effect.gen(function* () {
      for (let i = 0; i < 9; i++) yield* add(1)
      yield* add(1, 1, 1, 1)
      yield* Effect.yieldNow
      count.read = 0
      expect(yield* Aggregate.load(Counter, "a")).toMatchObject({ state: { total: 13 }, revision: 12, position: 13 })
      // The snapshot's own event is read, to see that it is there.
      expect(count.read).toBe(1)
      yield* add(5)
      count.read = 0
      expect((yield* Aggregate.load(Counter, "a")).state.total).toBe(18)
      expect(count.read).toBe(2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("change no answer: with them, without them, at every revision", () =>
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore
      for (let i = 1; i <= 35; i++) yield* add(i)
      yield* Effect.yieldNow
      expect(yield* snapshots.load(stream, Counter.codecs.fingerprint)).toMatchObject({ revision: 29 })
      const at = (revision: number) => Aggregate.load(Counter, "a", { at: { revision } })
      const withThem = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        at
      )
      yield* snapshots.remove(stream)
      const withoutThem = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        at
      )
      expect(withThem).toEqual(withoutThem)
      expect(withThem[34]?.state.total).toBe((35 * 36) / 2)
    }).pipe(Effect.provide(Live))
  )

  it.effect("of another state version or that cannot be decoded are passed over", () =>
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore
      for (let i = 0; i < 10; i++) yield* add(1)
      yield* Effect.yieldNow
      const doubled = counter({ stateVersion: 2, factor: 2 })
      expect((yield* Aggregate.load(doubled, "a")).state.total).toBe(20)
      const broken = yield* snapshots.load(stream, Counter.codecs.fingerprint)
      if (broken === undefined) return expect.fail("no snapshot was taken")
      yield* snapshots.save({ ...broken, state: '{"lastEvent":"x","state":{"total":"ten"}}' })
      expect((yield* Aggregate.load(Counter, "a")).state.total).toBe(10)
    }).pipe(Effect.provide(Live))
  )

  it.effect("from the future of a restored store are passed over", () =>
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore
      for (let i = 0; i < 3; i++) yield* add(1)
      const { fingerprint } = Counter.codecs
      const future = {
        stream,
        fingerprint,
        revision: Revision.make(9),
        position: Position.make(10),
        state: '{"lastEvent":"x","state":{"total":10}}'
      }
      yield* snapshots.save(future)
      expect((yield* Aggregate.load(Counter, "a")).state.total).toBe(3)
      // The same revision, but another event there.
      for (let i = 0; i < 7; i++) yield* EventStore.use((store) => store.append(elsewhere, [{ type: "X", data: {} }]))
      yield* add(1, 1, 1, 1, 1, 1, 1)
      expect((yield* Aggregate.load(Counter, "a")).state.total).toBe(10)
      expect(yield* add(5)).toMatchObject({ revision: 10 })
    }).pipe(Effect.provide(Live))
  )

  it.effect("are taken only where a policy asks for them, of the aggregates that it names", () =>
    Effect.gen(function* () {
      const taken = Effect.gen(function* () {
        for (let i = 0; i < 10; i++) yield* add(1)
        yield* Effect.yieldNow
        return (yield* (yield* SnapshotStore).load(stream, Counter.codecs.fingerprint)) !== undefined
      })
      const under = (policy: Layer.Layer<never>) => Effect.provide(taken, Layer.mergeAll(Memory.layer, policy))
      expect(yield* under(Layer.empty)).toBe(false)
      expect(yield* under(layerPolicy({ every: 10, of: [{ name: "Other" }] }))).toBe(false)
      expect(yield* under(layerPolicy({ every: 10, of: [Counter] }))).toBe(true)
      expect(() => layerPolicy({ every: 0 })).toThrow(RangeError)
    })
  )

  it.effect("do not hide that a command was executed before", () =>
    Effect.gen(function* () {
      const once = Aggregate.execute(Counter, "a", { _tag: "Add", by: [7, 8] }, { commandId: "c" })
      const first = yield* once
      for (let i = 0; i < 30; i++) yield* add(1)
      yield* Effect.yieldNow
      expect(yield* once).toEqual({ ...first, repeated: true })
      expect((yield* Aggregate.load(Counter, "a")).state.total).toBe(45)
    }).pipe(Effect.provide(Live))
  )
})
