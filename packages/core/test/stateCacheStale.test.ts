// Kept states that are not to be believed: of another store, or such that the aggregate's own code throws on; and their snapshots.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import { layerPolicy, SnapshotStore } from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"
import { coins, Live, others, Purse, put, questions, stream, take } from "./support/purses.ts"

describe("a kept state", () => {
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
      // What was loaded, and not written, is known by its last event, too.
      yield* restored(one, { _tag: "In", coins: 7 })
      expect(yield* coins).toBe(8)
      yield* restored(one, { _tag: "In", coins: 4 })
      expect(yield* Effect.flip(take(9))).toBe("too little")
      yield* restored(one, { _tag: "In", coins: 8 })
      expect(yield* coins).toBe(9)
    }).pipe(Effect.provide(Layer.fresh(Live)))
  )

  it.effect("reads the last event of what was loaded once, where several came", () =>
    Effect.gen(function* () {
      yield* others(one, one, one)
      expect((yield* questions(coins))[1]).toEqual(["history 0", "history 2"])
      expect((yield* questions(coins))[1]).toEqual(["history 2"])
      expect((yield* questions(take(2)))[1]).toEqual(["append 2"])
      yield* others(one, one)
      expect((yield* questions(take(1)))[1]).toEqual(["append 3", "history 3", "append 5"])
      expect((yield* questions(coins))[1]).toEqual(["history 6"])
    }).pipe(Effect.provide(Live))
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
})

describe("a kept state beside snapshots", () => {
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

  it.effect("knows of the last try at one, also where its store does not", () => {
    const saved: Array<number> = []
    const watched = Layer.effect(
      SnapshotStore,
      Effect.map(SnapshotStore, (store): SnapshotStore["Service"] => ({
        ...store,
        save: (snapshot) =>
          Effect.andThen(
            Effect.sync(() => void saved.push(snapshot.revision)),
            store.save(snapshot)
          )
      }))
    )
    const layer = watched.pipe(Layer.provideMerge(Layer.mergeAll(Live, layerPolicy([{ of: [Purse], every: 4 }]))))
    // Another one each time, of which no try is known.
    const anew = Effect.updateService(put(1), SnapshotStore, (store) => ({ ...store }))
    const named = Aggregate.execute(Purse, "a", { _tag: "Put", coins: 1 }, { commandId: "c" })
    return Effect.gen(function* () {
      for (let i = 0; i < 6; i++) yield* Effect.andThen(anew, Effect.yieldNow)
      expect(saved).toEqual([3])
      yield* Effect.updateService(named, SnapshotStore, (store) => ({ ...store }))
      for (let i = 0; i < 4; i++) yield* Effect.andThen(anew, Effect.yieldNow)
      expect(saved).toEqual([3, 7])
    }).pipe(Effect.provide(layer))
  })
})

// Its code throws: on events with 13 coins, and on the state with one.
const Odd = Aggregate.make("Odd", {
  command: Schema.TaggedUnion({ Put: { coins: Schema.Int }, Double: {} }),
  event: Schema.TaggedUnion({ In: { coins: Schema.Int } }),
  state: Schema.Struct({ coins: Schema.Int, all: Schema.Array(Schema.Int) }),
  initial: { coins: 0, all: [] }
})({
  decide: {
    Put: ({ coins }) => [{ _tag: "In", coins }],
    Double: (_, state) => {
      if (state.coins === 1) throw new Error("of one coin there is no double")
      return [{ _tag: "In", coins: state.coins }]
    }
  },
  evolve: {
    In: (state, { coins }) => {
      if (coins === 13) throw new Error("13 is not understood")
      return { coins: state.coins + coins, all: [...state.all, coins] }
    }
  }
})
const odd = StreamName.make("Odd", "a")
const lay = (coins: number, options?: Aggregate.ExecuteOptions) =>
  Aggregate.execute(Odd, "a", { _tag: "Put", coins }, options)
const double = (options?: Aggregate.ExecuteOptions) => Aggregate.execute(Odd, "a", { _tag: "Double" }, options)
const elsewhere = (coins: number) => EventStore.use((store) => store.append(odd, [{ type: "In", data: { coins } }]))
const stored = EventStore.use((store) => Stream.runCount(store.read(EventFilter.stream(odd))))

describe("a kept state that the aggregate's code throws on", () => {
  for (const options of [{}, { commandId: "c" }]) {
    const how = "commandId" in options ? ", with an id" : ""

    it.effect(`does not fail the command whose events are stored${how}`, () =>
      Effect.gen(function* () {
        yield* lay(1)
        expect(yield* lay(13, options)).toMatchObject({ revision: 1, repeated: false })
        expect(yield* stored).toBe(2)
        // Who loads them is told.
        expect(Exit.hasDies(yield* Effect.exit(Aggregate.load(Odd, "a")))).toBe(true)
      }).pipe(Effect.provide(Layer.mergeAll(Memory.layer, Aggregate.layerCache())))
    )

    it.effect(`is asked again when it is the newest${how}`, () =>
      Effect.gen(function* () {
        yield* lay(1)
        expect(Exit.hasDies(yield* Effect.exit(double(options)))).toBe(true)
        yield* elsewhere(5)
        expect(yield* double(options)).toMatchObject({ events: [{ coins: 6 }], revision: 2 })
      }).pipe(Effect.provide(Layer.mergeAll(Memory.layer, Aggregate.layerCache())))
    )
  }

  it.effect("that its `evolve` changes in place is stored as often as it is told", () => {
    const Rash = Aggregate.make("Odd", {
      command: Schema.TaggedUnion({ Put: { coins: Schema.Int } }),
      event: Schema.TaggedUnion({ In: { coins: Schema.Int } }),
      state: Schema.Struct({ all: Schema.mutable(Schema.Array(Schema.Int)) }),
      initial: { all: [] }
    })({
      decide: { Put: ({ coins }) => [{ _tag: "In", coins }] },
      evolve: {
        In: (state, { coins }) => {
          state.all.push(coins)
          return state
        }
      }
    })
    return Effect.gen(function* () {
      const exits = yield* Effect.forEach([1, 2, 3], (coins) =>
        Effect.exit(Aggregate.execute(Rash, "a", { _tag: "Put", coins }))
      )
      expect(exits.filter(Exit.isSuccess).length).toBe(yield* stored)
    }).pipe(Effect.provide(Layer.mergeAll(Memory.layer, Aggregate.layerCache())))
  })
})
