// Moves of checkpoints that come late, and stores that do not say how they ended: nothing that was handled is handled again.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore, make as makeCheckpoints } from "../src/CheckpointStore.ts"
import type { Driver as CheckpointDriver } from "../src/CheckpointStore.ts"
import type { Driver as EventDriver } from "../src/EventStore.ts"
import { CheckpointStoreError } from "../src/CheckpointStoreError.ts"
import { EventStore, make as makeEvents } from "../src/EventStore.ts"
import { Unavailable } from "../src/EventStoreError.ts"
import { namesOf } from "../src/internal/slots.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import * as ReadModelStore from "../src/ReadModelStore.ts"
import * as StreamName from "../src/StreamName.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const add = (id: string) =>
  Effect.map(Aggregate.execute(Counter, id, { _tag: "Add", by: 1 }), ({ position }) => position)

/** Appends what no processor here wants. */
const other = Effect.flatMap(EventStore, (store) =>
  Effect.map(store.append(StreamName.make("Other", "1"), [{ type: "Happened", data: {} }]), ({ position }) => position)
)

/** Lets everything that is to happen now happen. */
const settle = Effect.repeat(Effect.yieldNow, { times: 300 })

/** Lets everything happen that is to happen within so many milliseconds, in steps. */
const pass = (millis: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust(10), settle), { times: Math.ceil(millis / 10) - 1 })

const lost = new CheckpointStoreError({
  operation: "test",
  reason: new Unavailable({ problem: "the test cut the connection" })
})

/** A memory that several processes share, whose checkpoint store may answer late, or not at all. */
const unsure = () => {
  const { checkpointStore, eventStore: events, readModelStore } = Memory.drivers()
  const state = { isDown: false, isMute: false, isBusy: false, lateness: 0, looks: 0 }
  // As a server does, it may take its time.
  const eventStore: EventDriver = {
    ...events,
    append: (appends) =>
      Effect.suspend(() => (state.isBusy ? Effect.delay(events.append(appends), 5) : events.append(appends)))
  }
  const checkpoints: CheckpointDriver = {
    ...checkpointStore,
    commit: (moves, writes) =>
      Effect.suspend(() => {
        const { isMute, lateness } = state
        const done = checkpointStore.commit(moves, writes)
        if (state.isDown) return Effect.fail(lost)
        if (isMute) return Effect.andThen(done, Effect.fail(lost))
        if (lateness === 0) return done
        // As a request that is on its way: who gives up waiting for it does not stop it.
        return Effect.flatMap(Effect.forkDetach(Effect.delay(done, lateness), { startImmediately: true }), Fiber.join)
      })
  }
  const holders: CheckpointDriver["holders"] = (names) =>
    Effect.tap(checkpointStore.holders(names), () => Effect.sync(() => (state.looks += 1)))
  const process = (isWatched = true) =>
    Layer.mergeAll(
      Layer.succeed(EventStore, makeEvents(eventStore)),
      Layer.succeed(CheckpointStore, makeCheckpoints(isWatched ? { ...checkpoints, holders } : checkpoints)),
      Layer.succeed(ReadModelStore.ReadModelStore, readModelStore)
    )
  const stands = (checkpoint: string) =>
    Effect.map(checkpointStore.load(namesOf(checkpoint)), (all) => all.map(({ position }) => position))
  return { state, process, stands }
}

const start = <Name extends string, E, R>(
  processor: Processor.Processor<Name, E, R>,
  options?: NoInfer<Processor.RunOptions<E>>
) => Effect.andThen(Effect.forkScoped(Processor.run(processor, options), { startImmediately: true }), settle)

describe("a move of checkpoints that comes late", () => {
  it.effect("and of which nobody knows whether it went through does not have the event in hand handled again", () => {
    const { process, stands, state } = unsure()
    return Effect.gen(function* () {
      const [begun, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let tries = 0
      const one = Processor.reactor("one", {
        from: [Counter],
        handle: {
          Added: () =>
            Effect.suspend(() => {
              tries += 1
              return Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(gate))
            })
        }
      })
      yield* start(one)
      yield* other
      yield* settle
      const before = yield* other
      yield* settle
      const position = yield* add("a")
      yield* Deferred.await(begun)
      state.isMute = true
      yield* pass(230)
      expect(new Set(yield* stands(one.checkpoint))).toEqual(new Set([before]))
      state.isMute = false
      yield* Deferred.succeed(gate, undefined)
      yield* pass(2000)
      expect(new Set(yield* stands(one.checkpoint))).toEqual(new Set([position]))
      expect(tries).toBe(1)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("and goes through after its slots were divided anew has no event handled again", () => {
    const { process, stands, state } = unsure()
    const elsewhere = process(false)
    return Effect.gen(function* () {
      const handled: Array<string> = []
      const one = Processor.reactor("one", {
        from: [Counter],
        handle: {
          Added: (_, { id }) =>
            Effect.delay(
              Effect.sync(() => void handled.push(id)),
              "100 millis"
            )
        }
      })
      const options = { partitions: 2, lease: "2 seconds" } as const
      yield* start(one, options)
      yield* pass(500)
      // What it writes down at the end is on its way for longer than it waits for it.
      state.lateness = 400
      yield* Effect.forkScoped(Effect.provide(Processor.run(one, options), elsewhere))
      // Until it looks who there is, and sees that it has to give slots away.
      const { looks } = state
      while (state.looks === looks) yield* Effect.andThen(other, pass(10))
      for (let n = 0; n < 6; n++) yield* add(`k${n}`)
      yield* pass(1000)
      state.lateness = 0
      yield* pass(3000)
      const last = yield* add("last")
      yield* pass(3000)
      expect(new Set(yield* stands(one.checkpoint))).toEqual(new Set([last]))
      expect(handled.length).toBe(7)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("and failed once is tried again though its worker takes nothing", () => {
    const { process, stands, state } = unsure()
    return Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const one = Processor.reactor("one", { from: [Counter], handle: { Added: () => Deferred.await(gate) } })
      yield* start(one)
      yield* other
      yield* settle
      const before = yield* other
      yield* settle
      // More than waits for it, so that there is no room for anything else.
      for (let n = 0; n < 12; n++) yield* Effect.andThen(add("a"), settle)
      state.isDown = true
      yield* pass(230)
      state.isDown = false
      yield* pass(1000)
      expect(new Set(yield* stands(one.checkpoint))).toEqual(new Set([before]))
      yield* Deferred.succeed(gate, undefined)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("comes in time where the clock was set back", () => {
    const { process, stands } = unsure()
    return Effect.gen(function* () {
      yield* TestClock.adjust("2 hours")
      const one = Processor.reactor("one", { from: [Counter], handle: { Added: () => Effect.void } })
      yield* start(one)
      yield* other
      yield* settle
      yield* TestClock.setTime(60 * 60 * 1000)
      const head = yield* other
      yield* pass(500)
      expect(new Set(yield* stands(one.checkpoint))).toEqual(new Set([head]))
    }).pipe(Effect.scoped, Effect.provide(process()))
  })
})

describe("what is parked", () => {
  it.effect("of many keys is tried again once for each time that somebody asks", () => {
    const { process, state } = unsure()
    return Effect.gen(function* () {
      let tries = 0
      const one = Processor.reactor("one", {
        from: [Counter],
        handle: {
          Added: () =>
            Effect.andThen(
              Effect.sync(() => void tries++),
              Effect.delay(Effect.fail("broken"), 7)
            )
        }
      })
      yield* start(one, { onFailure: "park", retry: Schedule.recurs(0) })
      for (let n = 0; n < 40; n++) yield* add(`k${n}`)
      yield* pass(500)
      expect((yield* Processor.parked(one)).length).toBe(40)
      expect(tries).toBe(40)
      state.isBusy = true
      yield* Effect.forkScoped(Processor.retry(one))
      yield* pass(2000)
      expect(tries).toBe(80)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })
})
