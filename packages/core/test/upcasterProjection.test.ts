// Old versions in projections: splits and drops in rows that are folded, and in rows that are kept.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import type { EventData } from "../src/EventData.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as Memory from "../src/Memory.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import type { EncodedRow } from "../src/ReadModelStore.ts"
import { fingerprint } from "../src/internal/projectionRecord.ts"
import { append, Order, OrderEvent, Payments, start, stored } from "./support/orders.ts"

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

describe("a projection", () => {
  it.effect("reads what may have become its events, and has no row of anything else", () =>
    Effect.gen(function* () {
      expect(Payments.handles).toEqual([{ category: "Order", types: ["Paid"] }])
      expect(EventFilter.describe(Payments.filter)).toBe(
        "category Order (Paid, $deleted, Created, MoneyReceived, Closed, Settled, Reminded)"
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
