// Old versions in processors: parts of split events, what newer code wrote, and what nothing understands.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import type { EventData } from "../src/EventData.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import * as Upcaster from "../src/Upcaster.ts"
import { append, Order, Payments, start, stored } from "./support/orders.ts"

const Live = Memory.layer

describe("a reactor", () => {
  it.effect("is called for each part of a split event, with an id for each, and for nothing that was dropped", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [tag: string, id: string, cause: string | undefined]> = []
      const reactor = Processor.reactor("seen", {
        from: [Order],
        handle: ({ data, id }) =>
          Effect.map(Metadata.Current, ({ causationId }) => seen.push([data._tag, id, causationId]))
      })
      const position = yield* append("1", stored)
      yield* start(reactor)
      yield* Processor.waitFor(reactor, position)
      expect(seen.map(([tag]) => tag)).toEqual(["Created", "Paid", "Created", "Paid", "Closed", "Paid"])
      expect(new Set(seen.map(([, id]) => id)).size).toBe(6)
      // Both parts are caused by what is stored.
      expect(seen[4]?.[2]).toBe(seen[3]?.[1])
      expect(seen[3]?.[2]).toBe(seen[3]?.[1])
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("is called for both parts again where it died between them", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const Closing = (isBroken: boolean) =>
        Processor.reactor("closing", {
          from: [Order],
          handle: {
            Paid: (_, { id }) => Effect.sync(() => seen.push(id)),
            Closed: (_, { id }) => (isBroken ? Effect.never : Effect.sync(() => seen.push(id)))
          }
        })
      const position = yield* append("1", stored.slice(3, 4))
      const killed = yield* start(Closing(true))
      while (seen.length === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(killed)
      yield* start(Closing(false))
      yield* Processor.waitFor(Closing(false), position)
      expect(seen).toHaveLength(3)
      expect(new Set(seen).size).toBe(2)
    }).pipe(Effect.scoped, Effect.provide(Live))
  )
})

describe("an event of a newer version", () => {
  const newer: EventData = { type: "Paid", schemaVersion: 3, data: { coins: 7 } }

  const NewerEvent = Schema.TaggedUnion({ Paid: { coins: Schema.Int }, Other: {} })
  const Newer = Aggregate.make("Order", {
    command: NewerEvent,
    event: NewerEvent,
    state: Schema.Null,
    initial: null,
    upcast: Upcaster.make(NewerEvent)({
      Paid: (event) =>
        event
          .from({ euros: Schema.Int }, "MoneyReceived")
          .to({ amount: Schema.Int }, ({ euros }) => ({ amount: euros * 100 }), "Paid")
          .toCurrent(({ amount }) => ({ coins: amount }))
    })
  })({ decide: () => [], evolve: () => null })

  it.effect("stops a processor that would park, and a process with newer code goes on from it", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const Old = Processor.reactor("coins", {
        from: [Order],
        handle: { Paid: ({ amount }) => Effect.sync(() => seen.push(amount)) }
      })
      const New = Processor.reactor("coins", {
        from: [Newer],
        handle: { Paid: ({ coins }) => Effect.sync(() => seen.push(coins)) }
      })
      yield* append("1", [{ type: "Paid", schemaVersion: 2, data: { amount: 1 } }])
      const at = yield* append("2", [newer])
      const last = yield* append("1", [{ type: "Paid", schemaVersion: 2, data: { amount: 2 } }])
      for (const onUndecodable of ["park", "skip", "stop"] as const) {
        const stopped = yield* Effect.flip(Processor.run(Old, { onFailure: "park", onUndecodable }))
        expect(stopped).toMatchObject({ reason: "NewerVersion", stream: "Order-2", position: at })
        expect(stopped.message).toMatch(/NewerVersion: .*newer than this code.*start it again/s)
      }
      expect(yield* Processor.parked(Old)).toEqual([])
      expect(yield* Effect.flip(Processor.waitFor(Old, last))).toMatchObject({
        _tag: "ProcessorStopped",
        reason: "NewerVersion"
      })
      expect(seen).toEqual([1])
      yield* start(New)
      yield* Processor.waitFor(New, last)
      expect(seen).toEqual([1, 7, 2])
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("stops it behind a parked event of its key, too", () =>
    Effect.gen(function* () {
      const Old = Processor.reactor("coins", { from: [Order], handle: { Paid: () => Effect.fail("no") } })
      yield* append("2", [{ type: "Paid", schemaVersion: 2, data: { amount: 1 } }])
      yield* append("2", [newer])
      const stopped = yield* Effect.flip(Processor.run(Old, { onFailure: "park", retry: Schedule.recurs(0) }))
      expect(stopped.reason).toBe("NewerVersion")
      expect(yield* Processor.parked(Old)).toHaveLength(1)
    }).pipe(Effect.provide(Live))
  )

  it.effect("stops a projection, and is nothing to one that handles other events", () =>
    Effect.gen(function* () {
      const position = yield* append("2", [newer])
      const stopped = yield* Effect.flip(Processor.run(Processor.projection(Payments), { onFailure: "park" }))
      expect(stopped).toMatchObject({ reason: "NewerVersion", position })
      const last = yield* append("3", [{ type: "Created", schemaVersion: 4, data: {} }])
      const Closings = Projection.make("closings", {
        from: [Order],
        row: Schema.Struct({ n: Schema.Int }),
        initial: { n: 0 }
      })({
        evolve: { Closed: ({ n }) => ({ n: n + 1 }) }
      })
      yield* start(Processor.projection(Closings))
      yield* Processor.waitFor(Closings, last)
      const fold = Projection.fold(Payments, (yield* EventStore).read(Payments.filter))
      expect(yield* Effect.flip(fold)).toMatchObject({ reason: { _tag: "NewerVersion", newest: 2 } })
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("that a handler meets in what it does stops its processor as well", () =>
    Effect.gen(function* () {
      yield* append("2", [newer])
      yield* append("1", [{ type: "Shipped", data: {} }])
      const Paying = Processor.reactor("paying", {
        from: [Order],
        handle: { Shipped: () => Aggregate.execute(Order, "2", { _tag: "Pay", amount: 1 }) }
      })
      const stopped = yield* Effect.flip(Processor.run(Paying, { onFailure: "park", retry: Schedule.recurs(0) }))
      expect(stopped.reason).toBe("NewerVersion")
    }).pipe(Effect.provide(Live))
  )
})

describe("an event that nothing understands", () => {
  const broken: EventData = { type: "Paid", schemaVersion: 1, data: { amount: 1 } }
  const good = (amount: number): EventData => ({ type: "Paid", schemaVersion: 2, data: { amount } })

  const reacting = (seen: Array<number>) =>
    Processor.reactor("paid", { from: [Order], handle: { Paid: ({ amount }) => Effect.sync(() => seen.push(amount)) } })

  it.effect("is passed over where that is said, with all that follows of its key handled", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      yield* append("1", [good(1), broken, good(2)])
      const position = yield* append("2", [good(3)])
      yield* start(reacting(seen), { onUndecodable: "skip" })
      yield* start(Processor.projection(Payments), { onUndecodable: "skip" })
      yield* Processor.waitFor(reacting(seen), position)
      yield* Processor.waitFor(Payments, position)
      expect(seen).toEqual([1, 2, 3])
      expect(yield* ReadModel.get(Payments, "1")).toEqual({ paid: 3, times: 2 })
      expect(yield* Processor.parked(reacting(seen))).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("is set aside where handlers' own failures stop the processor, and the other way round", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      yield* append("1", [good(1), broken, good(2)])
      const position = yield* append("2", [good(3)])
      yield* start(reacting(seen), { onFailure: () => "stop", onUndecodable: "park" })
      yield* Processor.waitFor(reacting(seen), position).pipe(Effect.ignore)
      while (seen.length < 2) yield* Effect.yieldNow
      expect(seen).toEqual([1, 3])
      expect((yield* Processor.parked(reacting(seen))).map(({ problem }) => problem)).toEqual([
        expect.stringContaining("the history of its type has no such version"),
        "an earlier event of its key is parked"
      ])
      const stopped = yield* Effect.flip(
        Processor.run(
          { ...reacting(seen), name: "other", checkpoint: "other" },
          { onFailure: "park", onUndecodable: "stop" }
        )
      )
      expect(stopped.reason).toBe("Failed")
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("ends a rebuild and a replay, unless it is to be passed over there as well", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const position = yield* append("1", [good(1), broken, good(2)])
      const kept = yield* start(Processor.projection(Payments), { onUndecodable: "skip" })
      yield* Processor.waitFor(Payments, position)
      yield* Fiber.interrupt(kept)
      const skip = { onUndecodable: "skip" } as const
      const rebuilds = (options?: typeof skip) => Stream.runDrain(Processor.rebuild(Payments, options))
      expect((yield* Effect.flip(rebuilds()))._tag).toBe("ProcessorStopped")
      yield* rebuilds(skip)
      expect(yield* ReadModel.get(Payments, "1")).toEqual({ paid: 3, times: 2 })
      expect((yield* Effect.flip(Processor.rebuildRows(Payments, ["1"])))._tag).toBe("RebuildRefused")
      expect(yield* Processor.rebuildRows(Payments, ["1"], skip)).toBe(2)
      expect(yield* ReadModel.get(Payments, "1")).toEqual({ paid: 3, times: 2 })
      const replays = (options?: typeof skip) => Stream.runDrain(Processor.replay(reacting(seen), options))
      expect((yield* Effect.flip(replays()))._tag).toBe("EventFailed")
      seen.length = 0
      yield* replays(skip)
      expect(seen).toEqual([1, 2])
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("stops the processor unless something is said", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      yield* append("1", [good(1), broken, good(2)])
      const stopped = yield* Effect.flip(Processor.run(reacting(seen), { onFailure: () => "park" }))
      expect(stopped.problem).toContain("cannot be decoded")
      expect(seen).toEqual([1])
    }).pipe(Effect.provide(Live))
  )
})
