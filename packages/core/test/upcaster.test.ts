// Upcasters: what each version that was stored becomes, what cannot be a history, and what commands and loads make of it.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import { CurrentPolicy } from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"
import * as Upcaster from "../src/Upcaster.ts"
import type { OrderEvent } from "./support/orders.ts"
import { Order, OrderHistory, stored } from "./support/orders.ts"

const read = (type: string, version: number, data: Schema.Json) => Upcaster.decode(OrderHistory, type, version, data)
const today = (type: string, version: number, data: Schema.Json) => Result.getOrThrow(read(type, version, data))
const problem = (type: string, version: number, data: Schema.Json) => {
  const found = read(type, version, data)
  return Result.isFailure(found) ? found.failure : undefined
}

describe("a version that was stored", () => {
  it("is taken step by step to today's shape", () => {
    const legacy = { item: "unknown", price: 7 }
    expect(today("Created", 1, { total: 7 })).toEqual([{ _tag: "Created", customer: "unknown", items: [legacy] }])
    expect(today("Created", 2, { total: 7, customer: "ada" })).toEqual([
      { _tag: "Created", customer: "ada", items: [legacy] }
    ])
    expect(today("Created", 3, { customer: "ada", items: [] })).toEqual([
      { _tag: "Created", customer: "ada", items: [] }
    ])
  })

  it("may have had another name, and others of its fields", () => {
    expect(today("MoneyReceived", 1, { euros: 3 })).toEqual([{ _tag: "Paid", amount: 300 }])
    expect(today("Paid", 2, { amount: 300 })).toEqual([{ _tag: "Paid", amount: 300 }])
  })

  it("may be several events of today, or none", () => {
    expect(today("Settled", 1, { amount: 5, by: "bob" })).toEqual([
      { _tag: "Paid", amount: 5 },
      { _tag: "Closed", by: "bob" }
    ])
    expect(today("Reminded", 1, {})).toEqual([])
    expect(today("Reminded", 2, { times: 2 })).toEqual([])
    // A step in the middle of a history may end the way, too.
    expect(today("Closed", 1, {})).toEqual([])
    expect(today("Closed", 2, { name: "bob", paid: 9 })).toEqual([
      { _tag: "Paid", amount: 9 },
      { _tag: "Closed", by: "bob" }
    ])
    expect(today("Closed", 3, { name: "bob" })).toEqual([{ _tag: "Closed", by: "bob" }])
  })

  it("has what its schema decodes it to, and loses what today's shape has not", () => {
    const event = Schema.TaggedUnion({
      At: { time: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) }
    })
    const upcaster = Upcaster.make(event)({
      At: (at) => at.from({ time: Schema.DateTimeUtcFromString, old: Schema.Int }).toCurrent((v1) => v1)
    })
    const [one] = Result.getOrThrow(Upcaster.decode(upcaster, "At", 1, { time: "2026-01-31T00:00:00.000Z", old: 1 }))
    expect(one).not.toHaveProperty("old")
    expect(Result.getOrThrow(upcaster.codec.encode(one as typeof event.Type))).toEqual({
      type: "At",
      schemaVersion: 2,
      data: { time: "2026-01-31T00:00:00.000Z" }
    })
  })

  it("is not understood where its data is not that of the version, and the words say which", () => {
    expect(problem("Created", 1, { total: "much" })?.problem).toMatch(/not that of version 1 of "Created".*total/s)
    expect(problem("Created", 2, { total: 7 })?.problem).toMatch(/not that of version 2 of "Created".*customer/s)
    expect(problem("Created", 1, null)?.problem).toContain("not that of version 1")
    for (const data of [null, "text", [], 1]) expect(problem("Closed", 1, data)?.problem).toContain("not an object")
    expect(problem("Created", 3, { customer: "ada" })?.problem).toContain("items")
  })

  it("is not understood where a step gives what today's events may not be, or throws", () => {
    const event = Schema.TaggedUnion({ Named: { name: Schema.String.check(Schema.isMinLength(2)) } })
    const upcaster = Upcaster.make(event)({
      Named: (named) =>
        named
          .from({ name: Schema.String })
          .to({ name: Schema.String, at: Schema.String }, ({ name }) => {
            if (name === "?") throw new Error("no idea")
            return { name, at: "" }
          })
          .toCurrent(({ name }) => ({ name }))
    })
    const problemOf = (name: string) => {
      const found = Upcaster.decode(upcaster, "Named", 1, { name })
      return Result.isFailure(found) ? found.failure.problem : undefined
    }
    expect(problemOf("ada")).toBeUndefined()
    expect(problemOf("a")).toContain("gave no event of today")
    expect(problemOf("?")).toContain("step up from version 1 threw Error: no idea")
  })

  it("is unknown in a hole of the history, and newer behind its end", () => {
    // "Paid" was called otherwise in version 1, and "MoneyReceived" had no second one.
    const hole = problem("Paid", 1, { amount: 300 })
    expect(hole?.problem).toContain('the history of its type has no such version (versions of "Paid" known here: 2)')
    expect(hole).not.toHaveProperty("newest")
    expect(problem("Created", 0, {})).not.toHaveProperty("newest")
    expect(problem("Created", 4, {})).toMatchObject({ newest: 3 })
    expect(problem("Shipped", 2, {})).toMatchObject({ newest: 1 })
    expect(problem("MoneyReceived", 2, {})).toMatchObject({ newest: 1 })
    expect(problem("Unheard", 1, {})?.problem).toContain("no event of that type is known here")
    expect(problem("constructor", 1, {})?.problem).toContain("no event of that type is known here")
  })

  it("is counted: events of today are stored behind it", () => {
    const version = (event: typeof OrderEvent.Type) => Result.getOrThrow(OrderHistory.codec.encode(event)).schemaVersion
    expect(version({ _tag: "Created", customer: "ada", items: [] })).toBe(3)
    expect(version({ _tag: "Paid", amount: 1 })).toBe(2)
    expect(version({ _tag: "Closed", by: "ada" })).toBe(4)
    expect(version({ _tag: "Shipped" })).toBe(1)
    expect(OrderHistory.current).toEqual(
      new Map([
        ["Created", 3],
        ["Paid", 2],
        ["Closed", 4]
      ])
    )
  })
})

describe("a history", () => {
  const event = Schema.TaggedUnion({ A: { n: Schema.Int }, B: {} })
  const make = Upcaster.make(event)
  const n = { n: Schema.Int }

  it("claims its versions alone", () => {
    expect(() =>
      make({ A: (a) => a.from(n, "X").toCurrent((v) => v), B: (b) => b.from(n, "X").toCurrent(() => ({})) })
    ).toThrow(/version 1 of "X" is claimed by the history of A too/)
    // What has no history is stored in version 1.
    expect(() => make({ A: (a) => a.from(n, "B").toCurrent((v) => v) })).toThrow(/version 1 of "B" is claimed/)
    // Today's version is claimed as well.
    expect(() =>
      make(
        { A: (a) => a.from(n).toCurrent((v) => v) },
        {
          C: (c) =>
            c
              .from(n)
              .to(n, (v) => v, "A")
              .toCurrent(() => [])
        }
      )
    ).toThrow(/The history of "C" cannot be: version 2 of "A" is claimed by the history of A too/)
    expect(() =>
      make({}, { C: (c) => c.from(n).toCurrent(() => []), D: (d) => d.from(n, "C").toCurrent(() => []) })
    ).toThrow(/version 1 of "C" is claimed by the history of C too/)
  })

  it("is of an event of the union, or of a retired one", () => {
    expect(() => make({ Aa: () => undefined } as never)).toThrow(/the union has no such event \(it has A, B\)/)
    expect(() => make({}, { B: (b) => b.from({}).toCurrent(() => []) })).toThrow(/called retired, but the union has it/)
  })

  it("leads somewhere, and holds what can be stored", () => {
    expect(() => make({ A: (a: Upcaster.Start<typeof event.Type, "A">) => a.from(n) } as never)).toThrow(/toCurrent/)
    expect(() => make({ A: () => ({}) } as never)).toThrow(/toCurrent/)
    expect(() => make({ A: (a) => a.from({ ...n, _tag: Schema.String }).toCurrent((v) => v) })).toThrow(/"_tag"/)
    expect(() => make({ A: (a) => a.from(n, "").toCurrent((v) => v) })).toThrow(/empty name/)
  })

  it("belongs to the events of the aggregate that has it", () => {
    const other = Schema.TaggedUnion({ A: { n: Schema.Int }, B: {} })
    const define = () =>
      Aggregate.make("Letter", {
        command: event,
        event,
        state: Schema.Null,
        initial: null,
        upcast: Upcaster.make(other)({})
      })({ decide: () => [], evolve: () => null })
    expect(define).toThrow(/made of another schema than its events/)
  })
})

const { make: stream } = StreamName

describe("an aggregate", () => {
  it.effect("folds every version, and stores today's", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(stream("Order", "1"), stored)
      const { revision, state } = yield* Aggregate.load(Order, "1")
      expect(state).toEqual({ customer: "ada", total: 17, paid: 1100, closed: 1, steps: 6 })
      expect(revision).toBe(stored.length - 1)
      const done = yield* Aggregate.execute(Order, "1", { _tag: "Pay", amount: 5 })
      expect(done.revision).toBe(stored.length)
      expect((yield* Aggregate.load(Order, "1")).state.paid).toBe(1105)
      const lastOne = store.read(EventFilter.stream(stream("Order", "1")), { direction: "backwards", limit: 1 })
      const [last] = yield* Stream.runCollect(lastOne)
      expect([last?.type, last?.schemaVersion]).toEqual(["Paid", 2])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("has the state at a revision with all that was stored there", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(stream("Order", "1"), stored)
      const at = (revision: number) =>
        Effect.map(Aggregate.load(Order, "1", { at: { revision } }), ({ state }) => state.steps)
      // The fourth was split, the last one dropped.
      expect(yield* Effect.all([at(0), at(1), at(2), at(3), at(4)])).toEqual([1, 2, 3, 5, 6])
      expect(yield* at(5)).toBe(6)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("has the same state by a snapshot", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(stream("Order", "1"), stored)
      for (let i = 0; i < 5; i++) yield* Aggregate.execute(Order, "1", { _tag: "Pay", amount: 1 })
      yield* Effect.yieldNow
      const { state } = yield* Aggregate.load(Order, "1")
      expect(state.paid).toBe(1105)
      expect(state).toEqual((yield* Effect.provideService(Aggregate.load(Order, "1"), CurrentPolicy, undefined)).state)
    }).pipe(Effect.provideService(CurrentPolicy, { every: 2 }), Effect.provide(Memory.layer))
  )

  it.effect("answers a command that an older version executed with what that means today", () =>
    Effect.gen(function* () {
      const old = yield* Aggregate.execute(OldOrder, "1", { _tag: "Pay", amount: 4 }, { commandId: "c" })
      expect(old.revision).toBe(1)
      const again = yield* Aggregate.execute(Order, "1", { _tag: "Pay", amount: 4 }, { commandId: "c" })
      expect(again).toMatchObject({ repeated: true, revision: 1 })
      expect(again.events.map(({ _tag }) => _tag)).toEqual(["Paid", "Paid", "Closed"])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("says what it does not understand, and where that is", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(stream("Order", "1"), stored)
      const newer = { type: "Created", schemaVersion: 4, data: {} }
      const { position } = yield* store.append(stream("Order", "1"), [newer])
      const where = { stream: "Order-1", revision: stored.length, position, type: "Created", schemaVersion: 4 }
      const error = yield* Effect.flip(Aggregate.load(Order, "1"))
      expect(error.reason).toMatchObject({ _tag: "NewerVersion", ...where, newest: 3 })
      expect(error.isRetryable).toBe(false)
      expect(error.message).toMatch(/has schema version 4, and this process knows that type up to version 3/)
      expect(yield* Effect.flip(Aggregate.execute(Order, "1", { _tag: "Pay", amount: 5 }))).toMatchObject({
        reason: { _tag: "NewerVersion" }
      })
      // Those who do not know the history do not take an old version for today's.
      yield* store.append(stream("Order", "2"), [{ type: "Paid", schemaVersion: 1, data: { amount: 1 } }])
      const hole = yield* Effect.flip(Aggregate.load(Order, "2"))
      expect(hole.reason).toMatchObject({ _tag: "UndecodableEvent", type: "Paid", schemaVersion: 1, revision: 0 })
    }).pipe(Effect.provide(Memory.layer))
  )
})

const OldOrder = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Pay: { amount: Schema.Int } }),
  event: Schema.TaggedUnion({
    MoneyReceived: { euros: Schema.Int },
    Settled: { amount: Schema.Int, by: Schema.String }
  }),
  state: Schema.Null,
  initial: null
})({
  decide: {
    Pay: ({ amount }) => [
      { _tag: "MoneyReceived", euros: amount },
      { _tag: "Settled", amount: 1, by: "bob" }
    ]
  },
  evolve: () => null
})
