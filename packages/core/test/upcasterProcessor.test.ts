// What becomes of old versions in projections, reactors and process managers: splits, drops, what is newer, what is broken.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import type { EventData } from "../src/EventData.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import type { EncodedRow } from "../src/ReadModelStore.ts"
import * as StreamName from "../src/StreamName.ts"
import * as Upcaster from "../src/Upcaster.ts"
import { fingerprint } from "../src/internal/projectionRecord.ts"
import { Order, OrderEvent, stored } from "./support/orders.ts"

const append = (id: string, events: ReadonlyArray<EventData>) =>
  Effect.map(
    EventStore.use((store) => store.append(StreamName.make("Order", id), events)),
    ({ position }) => position
  )

const Payments = Projection.make("payments", {
  from: [Order],
  row: Schema.Struct({ paid: Schema.Int, times: Schema.Int }),
  initial: { paid: 0, times: 0 }
})({ evolve: { Paid: ({ paid, times }, { amount }) => ({ paid: paid + amount, times: times + 1 }) } })

const ByEvent = Projection.make("by event", {
  from: [Order],
  row: Schema.Struct({ last: Schema.String, type: Schema.String, version: Schema.Int, count: Schema.Int }),
  initial: { last: "", type: "", version: 0, count: 0 },
  key: ({ data, streamId }) =>
    data._tag === "Closed" ? [streamId, `by ${data.by}`] : data._tag === "Paid" ? [streamId, "payments"] : []
})({
  evolve: {
    Paid: ({ count }, _, { id, schemaVersion, type }) => ({ last: id, type, version: schemaVersion, count: count + 1 }),
    Closed: ({ count }, _, { id, schemaVersion, type }) => ({
      last: id,
      type,
      version: schemaVersion,
      count: count + 1
    })
  }
})

const Live = Memory.layer

const start = <Name extends string, E, R>(
  processor: Processor.Processor<Name, E, R>,
  options?: Processor.RunOptions<E>
) => Effect.forkScoped(Processor.run(processor, options), { startImmediately: true })

describe("a projection", () => {
  it.effect("reads what may have become its events, and has no row of anything else", () =>
    Effect.gen(function* () {
      expect(Payments.handles).toEqual([{ category: "Order", types: ["Paid"] }])
      expect(EventFilter.describe(Payments.filter)).toBe(
        "category Order (Paid, Created, MoneyReceived, Closed, Settled, Reminded)"
      )
      yield* append("1", stored)
      yield* append("2", stored.slice(0, 1))
      const store = yield* EventStore
      const rows = yield* Projection.fold(Payments, store.read(Payments.filter))
      expect(rows).toEqual(new Map([["1", { paid: 1100, times: 3 }]]))
      const changes = yield* Stream.runCollect(Projection.scan(Payments, store.read(EventFilter.all())))
      expect(changes.map(({ row }) => row?.paid)).toEqual([300, 800, 1100])
    }).pipe(Effect.provide(Live))
  )

  it.effect("keeps in a store what folding gives, with both parts of a split event in one row and in several", () =>
    Effect.gen(function* () {
      const twice: EventData = { type: "Closed", schemaVersion: 2, data: { name: "eve", paid: 9 } }
      yield* append("1", [...stored, twice])
      const position = yield* append("2", [twice, ...stored])
      const store = yield* EventStore
      const isKept = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
        projection: Projection.Projection<Name, Row, Index>
      ) {
        yield* start(Processor.projection(projection))
        yield* Processor.waitFor(projection, position)
        const { rows } = yield* ReadModel.list(projection)
        const folded = yield* Projection.fold(projection, store.read(projection.filter))
        expect(new Map(rows.map(({ key, row }) => [key, row]))).toEqual(folded)
      })
      yield* isKept(Payments)
      yield* isKept(ByEvent)
      expect(yield* ReadModel.get(Payments, "2")).toEqual({ paid: 1109, times: 4 })
      const closed = yield* ReadModel.get(ByEvent, "by eve")
      expect(closed).toMatchObject({ type: "Closed", version: 4, count: 2 })
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("counts the parts of a split event once, however often its page comes", () =>
    Effect.gen(function* () {
      yield* append("1", stored)
      const store = yield* EventStore
      const events = yield* Stream.runCollect(store.read(Payments.filter))
      const rows = new Map<string, EncodedRow>()
      const changes = Projection.changes(Payments)
      for (const page of [events.slice(0, 4), events, events.slice(3)]) {
        const changed = yield* changes({ get: () => Effect.succeed([...rows.values()]) }, page)
        for (const row of changed) rows.set(row.key, row)
      }
      expect(rows.get("1")?.row).toBe(JSON.stringify({ paid: 1100, times: 3 }))
    }).pipe(Effect.provide(Live))
  )

  it("is the same one when its events get a history", () => {
    const Young = Aggregate.make("Order", {
      command: OrderEvent,
      event: OrderEvent,
      state: Schema.Null,
      initial: null
    })({ decide: () => [], evolve: () => null })
    const Same = Projection.make("payments", {
      from: [Young],
      row: Schema.Struct({ paid: Schema.Int, times: Schema.Int }),
      initial: { paid: 0, times: 0 }
    })({ evolve: { Paid: ({ paid, times }, { amount }) => ({ paid: paid + amount, times: times + 1 }) } })
    expect(fingerprint(Same)).toBe(fingerprint(Payments))
  })
})

describe("a part of a split event that nobody handles", () => {
  const odd = (data: { readonly _tag: string }): never => {
    throw new Error(`asked about ${data._tag}`)
  }

  it.effect("is nothing to a projection's key, nor to what a process manager's events belong to", () =>
    Effect.gen(function* () {
      const position = yield* append("1", stored)
      const Sums = Projection.make("sums", {
        from: [Order],
        row: Schema.Struct({ paid: Schema.Int }),
        initial: { paid: 0 },
        key: ({ data }) => (data._tag === "Paid" ? "all" : odd(data))
      })({ evolve: { Paid: ({ paid }, { amount }) => ({ paid: paid + amount }) } })
      const Booking = ProcessManager.make("Booking", {
        observes: [Order],
        correlate: ({ data }) => (data._tag === "Paid" ? "all" : odd(data)),
        event: Schema.TaggedUnion({ Booked: {} }),
        state: Schema.Int,
        initial: 0
      })({
        decide: { Paid: () => [{ _tag: "Booked" }] },
        evolve: { Booked: (count) => count + 1 },
        dispatch: {}
      })
      yield* start(Processor.projection(Sums))
      yield* start(Processor.manager(Booking))
      yield* Processor.waitFor(Sums, position)
      yield* Processor.waitFor(Processor.manager(Booking), position)
      expect(yield* ReadModel.get(Sums, "all")).toEqual({ paid: 1100 })
      expect((yield* Aggregate.load(Booking.aggregate, "all")).state).toBe(3)
    }).pipe(Effect.scoped, Effect.provide(Live))
  )
})

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

describe("a process manager", () => {
  const LedgerEvent = Schema.TaggedUnion({ Booked: { sum: Schema.Int }, Balanced: {} })
  const Ledger = ProcessManager.make("Ledger", {
    observes: [Order],
    correlate: ({ streamId }) => streamId,
    event: LedgerEvent,
    state: Schema.Struct({ sum: Schema.Int, balanced: Schema.Int }),
    initial: { sum: 0, balanced: 0 },
    deadline: Schema.TaggedUnion({ Late: { sum: Schema.Int } }),
    upcast: Upcaster.make(LedgerEvent)(
      {},
      {
        BookedTwice: (event) =>
          event.from({ one: Schema.Int, two: Schema.Int }).toCurrent(({ one, two }) => [
            { _tag: "Booked", sum: one },
            { _tag: "Booked", sum: two }
          ])
      }
    )
  })({
    decide: {
      Paid: ({ amount }) => [{ _tag: "Booked", sum: amount }],
      Closed: () => [{ _tag: "Balanced" }]
    },
    evolve: {
      Booked: (state, { sum }) => ({ ...state, sum: state.sum + sum }),
      Balanced: (state) => ({ ...state, balanced: state.balanced + 1 })
    },
    dispatch: {
      Booked: (_, { sum }) => [
        Aggregate.command(Account, `now ${sum}`, { _tag: "Add", sum }),
        ProcessManager.deadline({ _tag: "Late", sum }, { after: "1 hour" }),
        Aggregate.command(Account, `later ${sum}`, { _tag: "Add", sum }, { after: "2 hours" })
      ]
    },
    deadline: { Late: ({ sum }) => (sum === 1 ? [{ _tag: "Balanced" }] : []) }
  })

  it.effect("takes each part of a split event in, once", () =>
    Effect.gen(function* () {
      const position = yield* append("1", stored)
      const manager = yield* start(Processor.manager(Ledger))
      yield* Processor.waitFor(Processor.manager(Ledger), position)
      expect((yield* Aggregate.load(Ledger.aggregate, "1")).state).toEqual({ sum: 1100, balanced: 1 })
      yield* Fiber.interrupt(manager)
      yield* Stream.runDrain(Processor.replay(Processor.manager(Ledger)))
      expect((yield* Aggregate.load(Ledger.aggregate, "1")).state).toEqual({ sum: 1100, balanced: 1 })
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("sends what each part of an own event sends, in the state right after that part, now and later", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(StreamName.make("Ledger", "7"), [
        { type: "BookedTwice", data: { one: 1, two: 2 } },
        { type: "BookedTwice", data: { one: 10, two: 20 } }
      ])
      const { position } = yield* store.append(StreamName.make("Ledger", "7"), [{ type: "Balanced", data: {} }])
      yield* start(Processor.manager(Ledger), { lease: "80 days" })
      yield* Processor.waitFor(Processor.manager(Ledger), position)
      const sums = (which: string) =>
        Effect.all(
          [1, 3, 13, 33].map((sum) => Effect.map(Aggregate.load(Account, `${which} ${sum}`), ({ state }) => state))
        )
      expect(yield* sums("now")).toEqual([1, 3, 13, 33])
      expect(yield* sums("later")).toEqual([0, 0, 0, 0])
      yield* TestClock.adjust("3 hours")
      while ((yield* sums("later"))[3] === 0) yield* Effect.yieldNow
      expect(yield* sums("later")).toEqual([1, 3, 13, 33])
      expect((yield* Aggregate.load(Ledger.aggregate, "7")).state).toEqual({ sum: 33, balanced: 2 })
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(Live)))
  )
})

const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Add: { sum: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { sum: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ sum }) => [{ _tag: "Added", sum }] }, evolve: { Added: (total, { sum }) => total + sum } })
