// Processors: what stops them names the event; started again they are waited for, not held against their past.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const add = (...amounts: ReadonlyArray<number>) =>
  Effect.map(
    Effect.forEach(amounts, (by) => Aggregate.execute(Counter, "a", { _tag: "Add", by })),
    (executed) => executed.map(({ position }) => position)
  )

class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", { by: Schema.Int }) {}

describe("a processor that stops", () => {
  it.effect("on a row that its schema refuses names the event, and keeps what came before it", () =>
    Effect.gen(function* () {
      const Small = Projection.make("small", {
        from: [Counter],
        row: Schema.Struct({ total: Schema.Int.check(Schema.isLessThan(10)) }),
        initial: { total: 0 }
      })({ evolve: { Added: ({ total }, { by }) => ({ total: total + by }) } })
      const positions = yield* add(4, 5, 6, 7)
      const stopped = yield* Effect.flip(Processor.run(Processor.projection(Small)))
      expect(stopped).toMatchObject({ processor: "small", stream: "Counter-a", position: positions[2] })
      expect(stopped.problem).toContain('returned a row for "a" that its schema refuses')
      expect(yield* ReadModel.get(Small, "a")).toEqual({ total: 9 })
      expect(yield* Processor.status(Small)).toMatchObject({
        position: positions[1],
        // Two of its own, and what the store wrote down about the projection.
        lag: { events: 3 }
      })
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("on a rejection without a message tells its tag and fields", () =>
    Effect.gen(function* () {
      const fails = Processor.reactor("fails", {
        from: [Counter],
        handle: { Added: ({ by }) => Effect.fail(new Unlucky({ by })) }
      })
      yield* add(13)
      const stopped = yield* Effect.flip(Processor.run(fails, { retry: Schedule.recurs(1) }))
      expect(stopped.problem).toBe('its handler failed with Unlucky {"by":13}')
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("by an interruption or a defect inside its handler is seen to have stopped", () =>
    Effect.gen(function* () {
      const [position] = yield* add(1)
      for (const [name, handle, problem] of [
        ["interrupts", Effect.interrupt, "was interrupted from within"],
        ["dies", Effect.die(new Error("bug")), "died of Error: bug"]
      ] as const) {
        const reactor = Processor.reactor(name, { from: [Counter], handle: { Added: () => handle } })
        const stopped = yield* Effect.flip(Processor.run(reactor))
        expect(stopped).toMatchObject({ position, problem: `its handler ${problem}` })
        expect((yield* Processor.status(reactor)).stopped?.position).toBe(position)
      }
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("and is started again is waited for at once", () =>
    Effect.gen(function* () {
      let broken = true
      const Picky = Processor.reactor("picky", {
        from: [Counter],
        handle: { Added: ({ by }) => (broken ? Effect.fail(new Unlucky({ by })) : Effect.void) }
      })
      const [position] = yield* add(13)
      if (position === undefined) return expect.fail("nothing was added")
      yield* Effect.flip(Processor.run(Picky, { retry: Schedule.recurs(0) }))
      const stopped = yield* Effect.flip(Processor.waitFor(Picky, position))
      expect(stopped._tag).toBe("ProcessorStopped")
      broken = false
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(Processor.layer(Picky), scope)
      yield* Processor.waitFor(Picky, position)
      expect((yield* Processor.status(Picky)).stopped).toBeUndefined()
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(Memory.layer))
  )
})

it.effect("a checkpoint ahead of a restored store is no success for who waits", () =>
  Effect.gen(function* () {
    const reactor = Processor.reactor("ahead", { from: [Counter], handle: { Added: () => Effect.void } })
    const checkpoints = yield* CheckpointStore
    yield* checkpoints.advance({ name: `${reactor.checkpoint}/0`, from: Position.beginning, to: Position.make(50) })
    const [position] = yield* add(5)
    const stopped = yield* Effect.flip(Processor.run(reactor))
    expect(stopped.problem).toContain("The store has lost events")
    const waited = Processor.waitFor(reactor, position ?? expect.fail("nothing was added"))
    expect((yield* Effect.flip(waited))._tag).toBe("ProcessorStopped")
  }).pipe(Effect.provide(Memory.layer))
)

describe("a checkpoint store that fails", () => {
  const reactor = Processor.reactor("r", { from: [Counter], handle: { Added: () => Effect.void } })
  const withAcquire = (acquireAll: CheckpointStore["Service"]["acquireAll"]) =>
    Layer.effect(
      CheckpointStore,
      Effect.map(CheckpointStore, (store) => ({ ...store, acquireAll }))
    ).pipe(Layer.provideMerge(Memory.layer))

  it.effect("by dying is seen", () =>
    Effect.gen(function* () {
      const stopped = yield* Effect.flip(Processor.run(reactor))
      expect(stopped.problem).toBe("it died of Error: bug")
      expect((yield* Processor.status(reactor)).stopped?.problem).toBe(stopped.problem)
    }).pipe(Effect.provide(withAcquire(() => Effect.die(new Error("bug")))))
  )

  it.live("by not answering does not hold up the end", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Processor.run(reactor))
      yield* Effect.yieldNow
      const ended = yield* Effect.timeoutOption(Fiber.interrupt(fiber), "10 seconds")
      expect(ended._tag).toBe("Some")
    }).pipe(Effect.provide(withAcquire(() => Effect.never)))
  )
})

describe("names", () => {
  it.effect("of a reactor and of a projection are apart", () =>
    Effect.gen(function* () {
      const Total = Projection.make("x", {
        from: [Counter],
        row: Schema.Struct({ total: Schema.Int }),
        initial: { total: 0 }
      })({ evolve: { Added: ({ total }, { by }) => ({ total: total + by }) } })
      const reactor = Processor.reactor("x@1", { from: [Counter], handle: { Added: () => Effect.void } })
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(
        Layer.mergeAll(Processor.layer(reactor), Processor.layer(Processor.projection(Total))),
        scope
      )
      const [position] = yield* add(5)
      yield* Processor.waitFor(Total, position ?? expect.fail("nothing was added"))
      expect(yield* ReadModel.get(Total, "a")).toEqual({ total: 5 })
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("are not shared by two reactors that follow different events", () =>
    Effect.gen(function* () {
      const Other = Aggregate.make("Other", {
        command: Schema.TaggedUnion({ A: {} }),
        event: Schema.TaggedUnion({ B: {} }),
        state: Schema.Null,
        initial: null
      })({ decide: () => [], evolve: () => null })
      const one = Processor.reactor("mail", { from: [Counter], handle: { Added: () => Effect.void } })
      const two = Processor.reactor("mail", { from: [Other], handle: { B: () => Effect.void } })
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(Processor.layer(one), scope)
      const refused = yield* Effect.flip(Processor.run(two))
      expect(refused.problem).toContain("a processor of this name runs in this process already")
      const [position] = yield* add(5)
      yield* Processor.waitFor(one, position ?? expect.fail("nothing was added"))
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(Memory.layer))
  )
})

it("a lease that is too short is refused", () => {
  const reactor = Processor.reactor("r", { from: [Counter], handle: { Added: () => Effect.void } })
  for (const lease of [0, 5, Number.NaN]) expect(() => Processor.run(reactor, { lease })).toThrow(RangeError)
})
