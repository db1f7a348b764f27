// Removed streams: what aggregates, projections, relays and managers see of them, in memory; the store's laws are in the suite.
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as EventStores from "../src/EventStore.ts"
import { EventStore } from "../src/EventStore.ts"
import { because, Unavailable } from "../src/EventStoreError.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import * as Projection from "../src/Projection.ts"
import * as Revision from "../src/Revision.ts"
import * as SnapshotStore from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"
import type * as Tombstone from "../src/Tombstone.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({
  decide: { Add: ({ by }) => (by === 0 ? [] : [{ _tag: "Added", by }]) },
  evolve: { Added: (total, { by }) => total + by }
})

const Totals = Projection.make("totals", {
  from: [Counter],
  row: Schema.Struct({ total: Schema.Int, note: Schema.String }),
  initial: { total: 0, note: "" }
})({
  evolve: { Added: (row, { by }) => ({ ...row, total: row.total + by }) }
})

const Noted = Projection.make("noted", {
  from: [Counter],
  row: Schema.Struct({ total: Schema.Int, note: Schema.String }),
  initial: { total: 0, note: "" }
})({
  evolve: { Added: (row, { by }) => ({ ...row, total: row.total + by }) },
  removed: (row, tombstone, { revision }) => ({ ...row, note: `${tombstone._tag} ${tombstone.events} ${revision}` })
})

const stream = StreamName.make("Counter", "a")
const add = (by: number) => Aggregate.execute(Counter, "a", { _tag: "Add", by })
const addThree = Effect.forEach([1, 2, 3], add)
const tagOf = <A, R>(effect: Effect.Effect<A, { readonly _tag: string }, R>) =>
  Effect.map(Effect.flip(effect), (error) =>
    error._tag === "EventStoreError" ? (error as EventStoreError).reason._tag : error._tag
  )
const remove = (as: "archived" | "deleted") =>
  EventStore.use((store) => store.remove(stream, { as, expected: Revision.make(2), archive: "box 7" }))
const own = EventFilter.all()
const readAll = EventStore.use((store) => Stream.runCollect(store.read(own)))

describe("a stream that was archived", () => {
  it.effect("is neither loaded nor executed on, at no revision and no time", () =>
    Effect.gen(function* () {
      yield* addThree
      yield* remove("archived")
      const time = yield* DateTime.now
      const loads = [
        Aggregate.load(Counter, "a"),
        Aggregate.load(Counter, "a", { at: { revision: 0 } }),
        Aggregate.load(Counter, "a", { at: { revision: 7 } }),
        Aggregate.load(Counter, "a", { at: { time: DateTime.subtract(time, { days: 1 }) } }),
        Aggregate.load(Counter, "a", { at: { time } }),
        add(1),
        Aggregate.execute(Counter, "a", { _tag: "Add", by: 1 }, { expected: "noStream" })
      ]
      expect(yield* Effect.forEach(loads, (load) => tagOf<unknown, EventStore>(load))).toEqual(
        loads.map(() => "StreamArchived")
      )
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("is not taken from a snapshot", () =>
    Effect.gen(function* () {
      yield* addThree
      yield* remove("archived")
      expect(yield* tagOf(Aggregate.load(Counter, "a"))).toBe("StreamArchived")
      expect(yield* tagOf(add(1))).toBe("StreamArchived")
    }).pipe(Effect.provide(Layer.provideMerge(SnapshotStore.layerPolicy({ every: 1 }), Memory.layer)))
  )

  it.effect("is not taken from a cache of states", () =>
    Effect.gen(function* () {
      yield* addThree
      yield* remove("archived")
      expect(yield* tagOf(add(1))).toBe("StreamArchived")
      expect(yield* tagOf(add(0))).toBe("StreamArchived")
      expect(yield* tagOf(Aggregate.load(Counter, "a"))).toBe("StreamArchived")
    }).pipe(Effect.provide(Layer.provideMerge(Aggregate.layerCache({ capacity: 10 }), Memory.layer)))
  )

  it.effect("comes back where it stood, and goes on", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* addThree
      const before = yield* readAll
      const texts = before.map((event) => ({
        ...event,
        data: JSON.stringify(event.data),
        metadata: JSON.stringify(event.metadata),
        recordedAt: DateTime.toEpochMillis(event.recordedAt)
      }))
      yield* remove("archived")
      expect(yield* tagOf(store.restore(stream, texts.slice(1)))).toBe("InvalidRequest")
      expect(yield* tagOf(store.restore(stream, texts.slice(0, 2)))).toBe("InvalidRequest")
      const back = yield* store.restore(stream, texts)
      expect(yield* store.restore(stream, texts)).toEqual({ ...back, repeated: true })
      const after = yield* readAll
      expect(after.slice(0, 3)).toEqual(before)
      expect(after.map(({ revision, type }) => `${revision} ${type}`)).toEqual([
        "0 Added",
        "1 Added",
        "2 Added",
        "3 $archived",
        "4 $restored"
      ])
      expect((yield* add(4)).revision).toBe(5)
      expect((yield* Aggregate.load(Counter, "a")).state).toBe(10)
      for (const [revision, state] of [1, 3, 6, 6, 6, 10].entries()) {
        expect(yield* Aggregate.load(Counter, "a", { at: { revision } })).toMatchObject({ state, revision })
      }
      expect(yield* Projection.fold(Totals, store.read(own))).toEqual(new Map([["a", { total: 10, note: "" }]]))
    }).pipe(Effect.provide(Memory.layer))
  )
})

describe("a subscription", () => {
  // The connection breaks off when what the reader saw last has been removed since.
  const lastSeen = Effect.fnUntraced(function* (
    vanish: (store: EventStore["Service"]) => Effect.Effect<unknown, unknown>
  ) {
    const { eventStore } = Memory.drivers()
    let isLost = false
    const store = EventStores.make({
      ...eventStore,
      read: (request) => {
        if (isLost && request.follows) {
          isLost = false
          return Effect.fail(because("EventStore.read", new Unavailable({ problem: "lost" })))
        }
        return eventStore.read(request)
      }
    })
    yield* store.append(
      stream,
      [1, 2, 3].map((by) => ({ type: "Added", data: { by } }))
    )
    const seen: Array<string> = []
    const failed = yield* Stream.runForEach(store.subscribe(own), ({ events }) =>
      Effect.sync(() => {
        for (const { type } of events) seen.push(type)
      })
    ).pipe(Effect.flip, Effect.forkChild({ startImmediately: true }))
    yield* TestClock.adjust("1 second")
    isLost = true
    yield* vanish(store)
    yield* store.append(StreamName.make("Counter", "b"), [{ type: "Added", data: { by: 9 } }])
    yield* TestClock.adjust("10 seconds")
    const exit = failed.pollUnsafe()
    yield* Fiber.interrupt(failed)
    return [seen.slice(3), exit === undefined] as const
  })

  it.effect("that reconnects goes on behind a stream that was removed", () =>
    Effect.gen(function* () {
      const removed = lastSeen((store) => store.remove(stream, { as: "deleted", expected: Revision.make(2) }))
      expect(yield* removed).toEqual([["$deleted", "Added"], true])
    })
  )
})

describe("a projection", () => {
  const rowsOf = Effect.fnUntraced(function* (as: "archived" | "deleted", definition: typeof Totals | typeof Noted) {
    const store = yield* EventStore
    yield* addThree
    const before = yield* Projection.fold(definition as typeof Totals, store.read(own))
    yield* remove(as)
    return yield* Projection.fold(definition as typeof Totals, store.read(own), before)
  })

  it.effect("keeps the row of an archived stream, and loses that of a deleted one", () =>
    Effect.gen(function* () {
      const rows = new Map([["a", { total: 6, note: "" }]])
      expect(yield* Effect.provide(rowsOf("archived", Totals), Memory.layer)).toEqual(rows)
      expect(yield* Effect.provide(rowsOf("deleted", Totals), Memory.layer)).toEqual(new Map())
    })
  )

  it.effect("says what becomes of the row, where there is one", () =>
    Effect.gen(function* () {
      const noted = (tag: Tombstone.Tombstone["_tag"]) => new Map([["a", { total: 6, note: `${tag} 3 3` }]])
      expect(yield* Effect.provide(rowsOf("archived", Noted), Memory.layer)).toEqual(noted("$archived"))
      expect(yield* Effect.provide(rowsOf("deleted", Noted), Memory.layer)).toEqual(noted("$deleted"))
      const anew = Effect.gen(function* () {
        yield* rowsOf("archived", Noted)
        return yield* Projection.fold(Noted, yield* readAll)
      })
      expect(yield* Effect.provide(anew, Memory.layer)).toEqual(new Map())
    })
  )

  it("cannot say so where only its key knows which rows are meant", () => {
    const define = Result.try(() =>
      Projection.make("by size", {
        from: [Counter],
        row: Schema.Struct({ total: Schema.Int }),
        initial: { total: 0 },
        key: ({ data }) => String(data.by)
      })({ evolve: { Added: (row) => row }, removed: () => Projection.remove })
    )
    expect(String(Result.isFailure(define) ? define.failure : "")).toContain("only its key knows")
  })
})
