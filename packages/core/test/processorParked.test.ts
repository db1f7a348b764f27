// What processors have parked, and what becomes of it: nothing is settled that was not handled, and nobody else is disturbed.
import { it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore, make as makeCheckpoints } from "../src/CheckpointStore.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import { namesOf, slotOf } from "../src/internal/slots.ts"
import * as Memory from "../src/Memory.ts"
import type { Position } from "../src/Position.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const add = (id: string, by: number) =>
  Effect.map(Aggregate.execute(Counter, id, { _tag: "Add", by }), ({ position }) => position)

class Wordy extends Data.TaggedError("Wordy")<{ readonly message: string }> {}

/** Lets everything that is to happen now happen. */
const settle = Effect.repeat(Effect.yieldNow, { times: 500 })

const isParked = (target: Processor.Target, position: Position) =>
  Effect.map(Effect.flip(Processor.waitFor(target, position)), (error) => expect(error._tag).toBe("EventParked"))

const start = <Name extends string, E, R>(processor: Processor.Processor<Name, E, R>) =>
  Effect.forkScoped(Processor.run(processor, { onFailure: "park", retry: Schedule.recurs(0) }), {
    startImmediately: true
  })

describe("an event that could not be decoded, and that turns out to be of another key than its stream's", () => {
  const payment = (isMended: boolean) => {
    const Payment = Aggregate.make("Payment", {
      command: Schema.TaggedUnion({ Pay: { order: Schema.String, amount: Schema.Int } }),
      event: Schema.TaggedUnion({ Paid: { order: Schema.String, amount: Schema.Int } }),
      state: Schema.Null,
      initial: null
    })({ decide: { Pay: ({ amount, order }) => [{ _tag: "Paid", amount, order }] }, evolve: { Paid: () => null } })
    const { event } = Payment.codecs
    const decode: typeof event.decode = (type, version, data) =>
      JSON.stringify(data).includes("12")
        ? Result.fail({ problem: "it is of another shape" })
        : event.decode(type, version, data)
    return isMended ? Payment : { ...Payment, codecs: { ...Payment.codecs, event: { ...event, decode } } }
  }
  const pay = (id: string, amount: number) =>
    Effect.map(Aggregate.execute(payment(true), id, { _tag: "Pay", order: "o7", amount }), ({ position }) => position)

  const paid = (isMended: boolean) =>
    Projection.make("paid", {
      from: [payment(isMended)],
      row: Schema.Struct({ total: Schema.Int }),
      initial: { total: 0 },
      key: ({ data }) => data.order
    })({ evolve: { Paid: ({ total }, { amount }) => ({ total: total + amount }) } })

  it.effect("stays parked by a projection, whose rows went on without it, and says what to do", () =>
    Effect.gen(function* () {
      const [old, mended] = [paid(false), paid(true)] as const
      const running = yield* start(Processor.projection(old))
      yield* isParked(old, yield* pay("p1", 12))
      yield* Processor.waitFor(old, yield* pay("p2", 30))
      yield* Fiber.interrupt(running)
      yield* start(Processor.projection(mended))
      expect(yield* Processor.retry(mended)).toEqual(["p1"])
      yield* settle
      const [parked, ...more] = yield* Processor.parked(mended)
      expect(more).toEqual([])
      expect(parked).toMatchObject({ key: "p1", isRequested: false })
      expect(parked?.problem).toBe('it belongs to "o7": drop it, and make these rows anew by Processor.rebuildRows')
      expect(yield* ReadModel.get(mended, "o7")).toEqual({ total: 30 })
      if (parked !== undefined) yield* Processor.drop(mended, parked.eventId)
      yield* Processor.rebuildRows(mended, ["o7"])
      expect(yield* Processor.parked(mended)).toEqual([])
      expect(yield* ReadModel.get(mended, "o7")).toEqual({ total: 42 })
      yield* Processor.waitFor(mended, yield* pay("p1", 8))
      expect(yield* ReadModel.get(mended, "o7")).toEqual({ total: 50 })
    }).pipe(Effect.scoped, Effect.provide(Memory.layer))
  )

  it.effect("stays parked where its stream's id is only one of its keys, until a rebuild has made all rows right", () =>
    Effect.gen(function* () {
      const both = (isMended: boolean) =>
        Projection.make("both", {
          from: [payment(isMended)],
          row: Schema.Struct({ total: Schema.Int }),
          initial: { total: 0 },
          key: ({ data, streamId }) => [streamId, data.order]
        })({ evolve: { Paid: ({ total }, { amount }) => ({ total: total + amount }) } })
      const [old, mended] = [both(false), both(true)] as const
      const running = yield* start(Processor.projection(old))
      yield* isParked(old, yield* pay("p1", 12))
      yield* Fiber.interrupt(running)
      yield* start(Processor.projection(mended))
      yield* Processor.retry(mended)
      yield* settle
      const [parked] = yield* Processor.parked(mended)
      expect(parked?.problem).toBe('it belongs to "p1", "o7": Processor.rebuild makes them right, and settles it')
      yield* Stream.runDrain(Processor.rebuild(mended))
      expect(yield* Processor.parked(mended)).toEqual([])
      expect([yield* ReadModel.get(mended, "p1"), yield* ReadModel.get(mended, "o7")]).toEqual([
        { total: 12 },
        { total: 12 }
      ])
    }).pipe(Effect.scoped, Effect.provide(Memory.layer))
  )

  it.effect("is taken up by a process manager under its real key", () =>
    Effect.gen(function* () {
      const manager = (isMended: boolean) =>
        Processor.manager(
          ProcessManager.make("Settling", {
            observes: [payment(isMended)],
            correlate: ({ data }) => data.order,
            event: Schema.TaggedUnion({ Settled: { amount: Schema.Int } }),
            state: Schema.Null,
            initial: null
          })({
            decide: { Paid: ({ amount }) => [{ _tag: "Settled", amount }] },
            evolve: { Settled: () => null },
            dispatch: {}
          })
        )
      const [old, mended] = [manager(false), manager(true)] as const
      const running = yield* start(old)
      yield* isParked(old, yield* pay("p1", 12))
      expect(yield* Processor.parked(old)).toMatchObject([{ key: "p1" }])
      yield* Fiber.interrupt(running)
      yield* start(mended)
      yield* Processor.retry(mended)
      yield* settle
      expect(yield* Processor.parked(mended)).toEqual([])
      const store = yield* EventStore
      expect(yield* Stream.runCollect(store.read(EventFilter.category("Settling")))).toMatchObject([
        { stream: "Settling-o7", data: { amount: 12 } }
      ])
    }).pipe(Effect.scoped, Effect.provide(Memory.layer))
  )
})

it.effect("what is dropped while an earlier event of its key is tried again is not handled", () =>
  Effect.gen(function* () {
    let broken = true
    const seen: Array<number> = []
    const begun = yield* Deferred.make<void>()
    const gate = yield* Deferred.make<void>()
    const reactor = Processor.reactor("gated", {
      from: [Counter],
      handle: {
        Added: ({ by }) =>
          Effect.gen(function* () {
            if (broken) return yield* Effect.fail("broken")
            yield* Deferred.succeed(begun, undefined)
            if (by === 1) yield* Deferred.await(gate)
            seen.push(by)
          })
      }
    })
    yield* start(reactor)
    for (const by of [1, 2, 3]) yield* isParked(reactor, yield* add("a", by))
    const [, second] = yield* Processor.parked(reactor)
    broken = false
    yield* Processor.retry(reactor)
    yield* Deferred.await(begun)
    yield* Processor.drop(reactor, second?.eventId ?? expect.fail("nothing was parked"))
    yield* settle
    yield* Deferred.succeed(gate, undefined)
    yield* settle
    expect(seen).toEqual([1, 3])
    expect(yield* Processor.parked(reactor)).toEqual([])
  }).pipe(Effect.scoped, Effect.provide(Memory.layer))
)

describe("an event whose handler fails with a text", () => {
  for (const [what, text] of [
    ["that is not well-formed", "bad \ud800"],
    ["that has a NUL in it", "bad \u0000"],
    ["of megabytes", "x".repeat(20_000_000)],
    ["that is cut within a pair", "\u{1f600}".repeat(10_000)],
    ["that is cut within the other half of a pair", `.${"\u{1f600}".repeat(10_000)}`]
  ] as const) {
    it.effect(`${what} is parked, and again where it fails again`, () =>
      Effect.gen(function* () {
        const reactor = Processor.reactor("wordy", {
          from: [Counter],
          handle: { Added: () => Effect.fail(new Wordy({ message: text })) }
        })
        yield* start(reactor)
        yield* isParked(reactor, yield* add("a", 1))
        yield* Processor.retry(reactor)
        yield* settle
        const [parked] = yield* Processor.parked(reactor)
        expect(parked).toMatchObject({ attempts: 2, isRequested: false })
        expect(parked?.problem).toContain("its handler failed with Wordy: ")
        expect(parked?.problem.isWellFormed()).toBe(true)
        expect(parked?.problem.length).toBeLessThanOrEqual(2000)
        expect((yield* Processor.status(reactor)).stopped).toBeUndefined()
      }).pipe(Effect.scoped, Effect.provide(Memory.layer))
    )
  }
})

describe("of several processes", () => {
  /** The memory of several processes: of each its own view on the same checkpoints. */
  const processes = (count: number) => {
    const { checkpointStore } = Memory.drivers()
    return Array.from({ length: count }, () => Effect.provideService(CheckpointStore, makeCheckpoints(checkpointStore)))
  }

  it.effect("one that tries without an end leaves another its share", () =>
    Effect.gen(function* () {
      const [first, second, third] = processes(3)
      if (first === undefined || second === undefined || third === undefined) return expect.fail("three were made")
      const seen = new Set<string>()
      const name = "endless"
      const failing = Processor.reactor(name, { from: [Counter], handle: { Added: () => Effect.fail("down") } })
      const working = Processor.reactor(name, {
        from: [Counter],
        handle: { Added: (_, { streamId }) => Effect.sync(() => void seen.add(streamId)) }
      })
      const options = { partitions: 4, lease: "1 second" } as const
      yield* add("a", 1)
      const trying = yield* Effect.forkScoped(
        first(Processor.run(failing, { ...options, retry: Schedule.spaced("50 millis") }))
      )
      yield* TestClock.adjust("1 second")
      yield* Effect.forkScoped(second(Processor.run(working, options)))
      const ids = Array.from({ length: 16 }, (_, i) => `k${i}`)
      for (const id of ids) yield* add(id, 1)
      for (let i = 0; i < 20; i++) yield* Effect.andThen(TestClock.adjust("100 millis"), settle)
      const { holders } = yield* third(Processor.status(working))
      expect(holders).toMatchObject([{ slots: 8 }, { slots: 8 }])
      const held = yield* third(CheckpointStore.use((store) => store.holders(namesOf(working.checkpoint))))
      const holderOf = (id: string) => held[slotOf(`Counter-${id}`)]
      const other = holderOf([...seen][0] ?? expect.fail("it handled nothing"))
      expect([...seen].toSorted()).toEqual([...ids, "a"].filter((id) => holderOf(id) === other).toSorted())
      // What it was trying is for the other one then.
      yield* Fiber.interrupt(trying)
      for (let i = 0; i < 10; i++) yield* Effect.andThen(TestClock.adjust("100 millis"), settle)
      expect(seen.size).toBe(ids.length + 1)
    }).pipe(Effect.scoped, Effect.provide(Memory.layer))
  )

  it.effect("one that has another definition of a projection disturbs nobody", () =>
    Effect.gen(function* () {
      const [first, second, third] = processes(3)
      if (first === undefined || second === undefined || third === undefined) return expect.fail("three were made")
      const Totals = Projection.make("totals", {
        from: [Counter],
        row: Schema.Struct({ total: Schema.Int }),
        initial: { total: 0 }
      })({ evolve: { Added: ({ total }, { by }) => ({ total: total + by }) } })
      const Newer = Projection.make("totals", {
        from: [Counter],
        row: Schema.Struct({ total: Schema.Int, count: Schema.Int }),
        initial: { total: 0, count: 0 }
      })({ evolve: { Added: ({ count, total }, { by }) => ({ total: total + by, count: count + 1 }) } })
      yield* Effect.forkScoped(first(Processor.run(Processor.projection(Totals), { partitions: 16 })))
      const wait = Effect.fnUntraced(function* (by: number) {
        const position = yield* add("a", by)
        const waiting = yield* Effect.forkChild(third(Processor.waitFor(Totals, position)))
        yield* Effect.andThen(TestClock.adjust("300 millis"), settle)
        yield* Fiber.join(waiting)
      })
      yield* wait(1)
      const [before] = (yield* third(Processor.status(Totals))).holders
      const running = yield* Effect.forkChild(
        Effect.flip(second(Processor.run(Processor.projection(Newer), { partitions: 16 })))
      )
      for (let i = 0; i < 60; i++) yield* wait(1)
      expect((yield* Fiber.join(running)).problem).toContain("were made by another definition")
      expect(yield* third(Processor.status(Totals))).toMatchObject({ stopped: undefined, holders: [before] })
      expect(yield* ReadModel.get(Totals, "a")).toEqual({ total: 61 })
    }).pipe(Effect.scoped, Effect.provide(Memory.layer))
  )
})
