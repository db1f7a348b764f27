// What a processor costs that has nothing to do: appends that it does not want move its checkpoints now and then, and lazily.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore, make as makeCheckpoints } from "../src/CheckpointStore.ts"
import type { Driver as CheckpointDriver, Move } from "../src/CheckpointStore.ts"
import { CheckpointStoreError } from "../src/CheckpointStoreError.ts"
import { EventStore, make as makeEvents } from "../src/EventStore.ts"
import type { Driver as EventDriver } from "../src/EventStore.ts"
import { Unavailable } from "../src/EventStoreError.ts"
import { namesOf } from "../src/internal/slots.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import * as ReadModelStore from "../src/ReadModelStore.ts"
import * as StreamName from "../src/StreamName.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const Totals = Projection.make("totals", {
  from: [Counter],
  row: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 }
})({ evolve: { Added: ({ total }, { by }) => ({ total: total + by }) } })

const add = (id: string) =>
  Effect.map(Aggregate.execute(Counter, id, { _tag: "Add", by: 1 }), ({ position }) => position)

/** Appends what no processor here wants. */
const other = Effect.flatMap(EventStore, (store) =>
  Effect.map(store.append(StreamName.make("Other", "1"), [{ type: "Happened", data: {} }]), ({ position }) => position)
)

const reactor = (name: string, handle: Effect.Effect<void, string> = Effect.void) =>
  Processor.reactor(name, { from: [Counter], handle: { Added: () => handle } })

/** Lets everything that is to happen now happen. */
const settle = Effect.repeat(Effect.yieldNow, { times: 300 })

/** Lets everything happen that is to happen within so many milliseconds, in steps. */
const pass = (millis: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust(10), settle), { times: Math.ceil(millis / 10) - 1 })

/** A memory that counts what is asked of it, and that several processes share, each by stores of its own. */
const counting = () => {
  const { checkpointStore, eventStore, readModelStore } = Memory.drivers()
  const asked = { commits: 0, moves: 0, parked: 0, last: [] as ReadonlyArray<Move> }
  const state = { isDown: false }
  const events: EventDriver = {
    ...eventStore,
    read: (request) =>
      Effect.suspend(() => {
        if (request.filter._tag === "Stream" && request.filter.stream.startsWith("$parked-")) asked.parked += 1
        return eventStore.read(request)
      })
  }
  const checkpoints: CheckpointDriver = {
    ...checkpointStore,
    commit: (moves, writes) =>
      Effect.suspend(() => {
        asked.commits += 1
        asked.moves += moves.length
        asked.last = moves
        const lost = new CheckpointStoreError({
          operation: "test",
          reason: new Unavailable({ problem: "the test cut the connection" })
        })
        return state.isDown ? Effect.fail(lost) : checkpointStore.commit(moves, writes)
      })
  }
  const process = () =>
    Layer.mergeAll(
      Layer.succeed(EventStore, makeEvents(events)),
      Layer.succeed(CheckpointStore, makeCheckpoints(checkpoints)),
      Layer.succeed(ReadModelStore.ReadModelStore, readModelStore)
    )
  /** Where the checkpoints stand, whatever a process may know beyond that. */
  const stands = (checkpoint: string) =>
    Effect.map(checkpointStore.load(namesOf(checkpoint)), (all) => all.map(({ position }) => position))
  return { asked, state, process, stands }
}

const start = <Name extends string, E, R>(
  processor: Processor.Processor<Name, E, R>,
  options?: NoInfer<Processor.RunOptions<E>>
) => Effect.andThen(Effect.forkScoped(Processor.run(processor, options), { startImmediately: true }), settle)

describe("a processor that has nothing to do", () => {
  it.effect("moves its checkpoints and looks at what is parked a few times a second, however much is appended", () => {
    const { asked, process } = counting()
    return Effect.gen(function* () {
      const idle = reactor("idle")
      yield* start(idle)
      yield* pass(1000)
      const [commits, parked] = [asked.commits, asked.parked]
      let head = yield* other
      for (let n = 1; n < 100; n++) {
        head = yield* other
        yield* pass(10)
      }
      expect(asked.commits - commits).toBeLessThanOrEqual(6)
      expect(asked.parked - parked).toBeLessThanOrEqual(1)
      yield* pass(200)
      expect((yield* Processor.status(idle)).position).toBe(head)
      expect(asked.commits - commits).toBeLessThanOrEqual(7)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("is waited for without a moment's delay in its own process, and status knows where it is", () => {
    const { process } = counting()
    return Effect.gen(function* () {
      const idle = reactor("idle")
      yield* start(idle)
      for (let n = 0; n < 20; n++) {
        const position = yield* other
        // No time goes by in this test: what waits for a clock waits for ever.
        yield* settle
        if (n % 3 === 0) yield* Processor.waitFor(idle, position)
        else expect((yield* Processor.status(idle)).position).toBe(position)
      }
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("is waited for from another process, which gets it a moment later", () => {
    const { process } = counting()
    const elsewhere = process()
    return Effect.gen(function* () {
      const idle = reactor("idle")
      yield* start(idle)
      for (let n = 0; n < 10; n++) {
        const position = yield* other
        yield* settle
        const waiting = yield* Effect.forkChild(Effect.provide(Processor.waitFor(idle, position), elsewhere))
        yield* pass(260)
        yield* Fiber.join(waiting)
      }
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("has written down how far it was when it ends", () => {
    const { process, stands } = counting()
    return Effect.gen(function* () {
      const idle = reactor("idle")
      const running = yield* Effect.forkChild(Processor.run(idle))
      yield* settle
      yield* other
      yield* settle
      const head = yield* other
      yield* settle
      expect(new Set(yield* stands(idle.checkpoint))).not.toEqual(new Set([head]))
      yield* Fiber.interrupt(running)
      expect(new Set(yield* stands(idle.checkpoint))).toEqual(new Set([head]))
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("has written down how far it was before it gives slots away", () => {
    const { process, stands } = counting()
    const elsewhere = process()
    return Effect.gen(function* () {
      const idle = reactor("idle")
      yield* start(idle, { partitions: 2, lease: "1 second" })
      yield* other
      yield* settle
      const head = yield* other
      yield* settle
      // The other one reads nothing: what is handed over to it was written down by the first.
      const deaf = Effect.provideService(EventStore, {
        ...(yield* EventStore),
        subscribe: () => Stream.never
      })
      yield* Effect.forkScoped(
        Effect.provide(deaf(Processor.run(idle, { partitions: 2, lease: "1 second" })), elsewhere)
      )
      yield* pass(600)
      expect((yield* Processor.status(idle)).holders).toMatchObject([{ slots: 8 }, { slots: 8 }])
      expect(new Set(yield* stands(idle.checkpoint))).toEqual(new Set([head]))
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("tries again where the store does not answer", () => {
    const { process, stands, state } = counting()
    return Effect.gen(function* () {
      const idle = reactor("idle")
      yield* start(idle)
      yield* other
      yield* settle
      const head = yield* other
      yield* settle
      state.isDown = true
      yield* pass(1000)
      state.isDown = false
      yield* pass(5000)
      expect(new Set(yield* stands(idle.checkpoint))).toEqual(new Set([head]))
    }).pipe(Effect.scoped, Effect.provide(process()))
  })
})

describe("a processor with something to do for a few of its keys", () => {
  it.effect("moves the checkpoints of these, and the others with them now and then", () => {
    const { asked, process, stands } = counting()
    return Effect.gen(function* () {
      yield* start(Processor.projection(Totals))
      yield* pass(1000)
      const [commits, moves] = [asked.commits, asked.moves]
      let head = yield* add("a")
      for (let n = 1; n < 100; n++) {
        yield* pass(10)
        head = yield* add("a")
      }
      yield* settle
      expect(asked.commits - commits).toBeLessThanOrEqual(106)
      expect(asked.moves - moves).toBeLessThanOrEqual(100 + 6 * 16)
      expect(yield* ReadModel.get(Totals, "a")).toEqual({ total: 100 })
      yield* pass(200)
      expect(new Set(yield* stands("projection/totals@1"))).toEqual(new Set([head]))
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("is waited for at once, whichever slots it moved", () => {
    const { process } = counting()
    return Effect.gen(function* () {
      yield* start(Processor.projection(Totals))
      for (let n = 1; n <= 20; n++) {
        const position = yield* add("a")
        if (n % 2 === 0) yield* settle
        yield* Processor.waitFor(Totals, position)
        expect((yield* Processor.status(Totals)).position).toBe(position)
      }
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("handles nothing twice when it is killed between, and started again", () => {
    const { process, stands, state } = counting()
    return Effect.gen(function* () {
      const handled: Array<string> = []
      const one = Processor.reactor("one", {
        from: [Counter],
        handle: { Added: (_, { id }) => Effect.sync(() => void handled.push(id)) }
      })
      for (let n = 0; n < 5; n++) {
        const running = yield* Effect.forkChild(Processor.run(one))
        yield* settle
        for (const id of ["a", "b", "c"]) yield* Effect.andThen(add(id), settle)
        // As one that is killed: nothing can be written down at the end.
        state.isDown = true
        yield* Fiber.interrupt(running)
        expect(new Set(yield* stands(one.checkpoint)).size).toBeGreaterThan(1)
        state.isDown = false
        yield* TestClock.adjust("1 second")
      }
      const running = yield* Effect.forkChild(Processor.run(one))
      yield* Processor.waitFor(one, yield* add("d"))
      yield* Fiber.interrupt(running)
      expect(handled.length).toBe(16)
      expect(new Set(handled).size).toBe(16)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("says how far it had come while a handler takes its time", () => {
    const { process, stands } = counting()
    return Effect.gen(function* () {
      const [begun, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = reactor("slow", Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(gate)))
      yield* start(slow)
      yield* other
      yield* settle
      const before = yield* other
      yield* settle
      const position = yield* add("a")
      yield* Deferred.await(begun)
      yield* Processor.waitFor(slow, before)
      yield* pass(200)
      expect(new Set(yield* stands(slow.checkpoint))).toEqual(new Set([before]))
      yield* Deferred.succeed(gate, undefined)
      yield* Processor.waitFor(slow, position)
    }).pipe(Effect.scoped, Effect.provide(process()))
  })
})

describe("what is parked", () => {
  const failing = (state: { isBroken: boolean; tries: number }) =>
    reactor(
      "failing",
      Effect.suspend(() => {
        state.tries += 1
        return state.isBroken ? Effect.fail("broken") : Effect.void
      })
    )
  const parks = { onFailure: "park", retry: Schedule.recurs(0) } as const

  it.effect("is tried again at once where this process asks for it", () => {
    const { process } = counting()
    return Effect.gen(function* () {
      const state = { isBroken: true, tries: 0 }
      const one = failing(state)
      yield* start(one, parks)
      yield* add("a")
      yield* settle
      state.isBroken = false
      yield* Processor.retry(one)
      yield* settle
      expect(state.tries).toBe(2)
      expect(yield* Processor.parked(one)).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(process()))
  })

  it.effect("is tried again within a quarter of the lease where another process asks for it", () => {
    const { process } = counting()
    return Effect.gen(function* () {
      const state = { isBroken: true, tries: 0 }
      const one = failing(state)
      yield* start(one, { ...parks, lease: "4 seconds" })
      yield* add("a")
      yield* settle
      state.isBroken = false
      // As another process does it: nobody here is told.
      const store = yield* EventStore
      const [parked] = yield* Processor.parked(one)
      const stream = StreamName.make("$parked", one.checkpoint)
      yield* store.append(stream, [{ type: "RetryRequested", data: { key: parked?.key ?? "" } }])
      yield* pass(1010)
      expect(state.tries).toBe(2)
      expect(yield* Processor.parked(one)).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(process()))
  })
})
