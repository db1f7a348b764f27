// Metrics of processors: each moves when what it counts happens, and only then.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect } from "vitest"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import { EventStore } from "../src/EventStore.ts"
import { because, Unavailable } from "../src/EventStoreError.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as Metrics from "../src/Metrics.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import { Account, alone, deposit, now, Sums } from "./support/counted.ts"

const Flaky = (failures: Map<number, number>) =>
  Processor.reactor("flaky", {
    from: [Account],
    handle: {
      Deposited: ({ amount }) =>
        Effect.suspend(() => {
          const left = failures.get(amount) ?? 0
          failures.set(amount, left - 1)
          return left > 0 ? Effect.fail("not yet") : Effect.void
        })
    }
  })

describe("processors", () => {
  it.effect("count what they handled, by what their checkpoints are called", () =>
    alone(
      Effect.gen(function* () {
        for (let n = 0; n < 3; n++) yield* deposit(n)
        const { position } = yield* deposit(3)
        yield* Processor.waitFor(Sums, position)
        expect(yield* now).toMatchObject({ "processor_events_total projection/sums@1": 4 })
        const last = yield* deposit(4)
        yield* Processor.waitFor(Sums, last.position)
        expect(yield* now).toMatchObject({ "processor_events_total projection/sums@1": 5 })
      }),
      Processor.layer(Processor.projection(Sums))
    )
  )

  it.effect("count an event once, whatever the number of its keys", () => {
    const Pairs = Projection.make("pairs", {
      from: [Account],
      row: Schema.Struct({ sum: Schema.Int }),
      initial: { sum: 0 },
      key: ({ streamId }) => [streamId, "all"]
    })({ evolve: { Deposited: ({ sum }, { amount }) => ({ sum: sum + amount }) } })
    return alone(
      Effect.gen(function* () {
        yield* deposit(1)
        const { position } = yield* deposit(2)
        yield* Effect.forkChild(Processor.run(Processor.projection(Pairs)), { startImmediately: true })
        yield* Processor.waitFor(Pairs, position)
        expect(yield* now).toMatchObject({ "processor_events_total projection/pairs@1": 2 })
      })
    )
  })

  it.effect("count no lease that was theirs, and had to be taken anew", () =>
    alone(
      Effect.gen(function* () {
        const store = yield* EventStore
        const cut = yield* Deferred.make<never, EventStoreError>()
        let tenures = 0
        const cutOff = EventStore.of({
          ...store,
          subscribe: (filter, options) =>
            ++tenures > 1
              ? store.subscribe(filter, options)
              : Stream.merge(store.subscribe(filter, options), Stream.drain(Stream.fromEffect(Deferred.await(cut))))
        })
        const run = Processor.run(Processor.projection(Sums), { lease: "10 seconds" })
        yield* Effect.forkChild(Effect.provideService(run, EventStore, cutOff), { startImmediately: true })
        const first = yield* deposit(1)
        yield* Processor.waitFor(Sums, first.position)
        // It looks who has what, and then loses its store for a moment.
        yield* TestClock.adjust("6 seconds")
        yield* Deferred.fail(cut, because("law", new Unavailable({ problem: "the connection was cut" })))
        yield* TestClock.adjust("6 seconds")
        const { checkpoint } = Processor.projection(Sums)
        const holders = yield* CheckpointStore.use((all) => all.holders(Processor.slotNames(checkpoint)))
        expect(holders.every((holder) => holder !== undefined)).toBe(true)
        expect(tenures).toBe(2)
        expect((yield* now)["processor_takeovers_total projection/sums@1"]).toBeUndefined()
      })
    )
  )

  it.effect("count what was tried again and what was set aside, and what was handled then", () => {
    const flaky = Flaky(
      new Map([
        [1, 2],
        [2, 4]
      ])
    )
    const name = "reactor/flaky"
    return alone(
      Effect.gen(function* () {
        yield* deposit(0)
        yield* deposit(1)
        const { position } = yield* deposit(5)
        yield* Processor.waitFor(flaky, position)
        expect(yield* now).toMatchObject({
          [`processor_events_total ${name}`]: 3,
          [`processor_retries_total ${name}`]: 2
        })
        yield* deposit(2)
        const behind = yield* deposit(6)
        yield* Effect.ignore(Processor.waitFor(flaky, behind.position))
        const parked = yield* now
        expect(parked).toMatchObject({
          [`processor_events_total ${name}`]: 3,
          [`processor_retries_total ${name}`]: 5,
          [`processor_parked_total ${name}`]: 2
        })
        yield* Processor.retry(flaky)
        while ((yield* Processor.parked(flaky)).length > 0) yield* Effect.yieldNow
        while ((yield* now)[`processor_events_total ${name}`] !== 5) yield* Effect.yieldNow
        expect(yield* now).toMatchObject({ [`processor_parked_total ${name}`]: 2 })
      }),
      Processor.layer(flaky, { onFailure: "park", retry: Schedule.recurs(3) })
    )
  })

  it.effect("count leases that another was seen with, and not those that nobody had", () =>
    alone(
      Effect.gen(function* () {
        const run = Processor.run(Processor.projection(Sums), { lease: "10 seconds" })
        const first = yield* Effect.forkChild(run, { startImmediately: true })
        const { position } = yield* deposit(1)
        yield* Processor.waitFor(Sums, position)
        expect((yield* now)["processor_takeovers_total projection/sums@1"]).toBeUndefined()
        const second = yield* Effect.forkChild(run, { startImmediately: true })
        yield* TestClock.adjust("20 millis")
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("10 seconds")
        const { checkpoint } = Processor.projection(Sums)
        const holders = yield* CheckpointStore.use((store) => store.holders(Processor.slotNames(checkpoint)))
        expect(new Set(holders).size).toBe(1)
        expect((yield* now)["processor_takeovers_total projection/sums@1"]).toBe(16)
        yield* Fiber.interrupt(second)
      })
    )
  )
})

describe("the gauges of processors", () => {
  it.effect("say how far behind they are, what is parked, and whether they stopped", () => {
    const flaky = Flaky(new Map([[2, 99]]))
    const name = "reactor/flaky"
    const look = Metrics.layerProcessors([flaky], { every: "10 seconds" })
    return alone(
      Effect.gen(function* () {
        yield* TestClock.adjust("1 hour")
        yield* deposit(1)
        yield* deposit(2)
        yield* TestClock.adjust("30 seconds")
        yield* Effect.provide(Effect.yieldNow, look)
        const behind = yield* now
        expect(behind).toMatchObject({ [`processor_lag_seconds ${name}`]: 30 })
        expect(behind[`processor_lag_events ${name}`]).toBeGreaterThanOrEqual(2)
        expect(behind["store_head_position"]).toBe(yield* EventStore.use((store) => store.head))
        const running = Processor.run(flaky, { retry: Schedule.recurs(0), onFailure: "park" })
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Layer.build(look)
            const fiber = yield* Effect.forkScoped(running, { startImmediately: true })
            yield* TestClock.adjust("10 seconds")
            const parked = yield* now
            expect(parked[`processor_lag_seconds ${name}`]).toBeUndefined()
            expect(parked[`processor_lag_events ${name}`]).toBeUndefined()
            expect(parked[`processor_parked_events ${name}`]).toBe(1)
            yield* Fiber.interrupt(fiber)
            yield* deposit(2, "bob")
            yield* Effect.ignore(Processor.run(flaky, { retry: Schedule.recurs(0) }))
            yield* TestClock.adjust("10 seconds")
            expect(yield* now).toMatchObject({
              [`processor_stopped ${name}`]: 1,
              [`processor_lag_seconds ${name}`]: 10,
              [`processor_parked_events ${name}`]: 1
            })
          })
        )
      })
    )
  })
})
