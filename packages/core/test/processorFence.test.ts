// A manager's runner that lost its lease writes down no outcome any more: its successor may have come to another one.
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Position from "../src/Position.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"

const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Place: {} }),
  event: Schema.TaggedUnion({ Placed: {} }),
  state: Schema.Null,
  initial: null
})({ decide: { Place: () => [{ _tag: "Placed" }] }, evolve: { Placed: () => null } })

const Till = Aggregate.make("Till", {
  command: Schema.TaggedUnion({ Fill: {}, Take: {} }),
  event: Schema.TaggedUnion({ Filled: {}, Taken: {} }),
  state: Schema.Int,
  initial: 0
})({
  decide: {
    Fill: () => [{ _tag: "Filled" }],
    Take: (_, left) => (left > 0 ? [{ _tag: "Taken" }] : Result.fail("empty" as const))
  },
  evolve: { Filled: (left) => left + 1, Taken: (left) => left - 1 }
})

const Payment = ProcessManager.make("Payment", {
  observes: [Order, Till],
  correlate: ({ streamId }) => streamId,
  event: Schema.TaggedUnion({ Asked: {}, Refused: {}, Paid: {} }),
  state: Schema.Null,
  initial: null
})({
  decide: { Order: { Placed: () => [{ _tag: "Asked" }] }, Till: { Taken: () => [{ _tag: "Paid" }] } },
  evolve: { Asked: () => null, Refused: () => null, Paid: () => null },
  dispatch: {
    Asked: (_, __, { id }) => [Aggregate.command(Till, id, { _tag: "Take" }, { rejected: () => [{ _tag: "Refused" }] })]
  }
})

it.live("a refusal that comes late is not written down beside what a successor has done", () =>
  Effect.gen(function* () {
    const [store, checkpoints] = [yield* EventStore, yield* CheckpointStore]
    const gate = yield* Latch.make()
    const [held, over] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const run = Processor.run(Processor.manager(Payment), { lease: "100 millis" })
    // Stands still right before it writes its refusal, and for so long that its lease is gone.
    const slow = run.pipe(
      Effect.provideService(EventStore, {
        ...store,
        append: (stream, events, options) =>
          events.some(({ type }) => type === "Refused")
            ? Deferred.succeed(held, undefined).pipe(
                Effect.andThen(gate.await),
                Effect.andThen(store.append(stream, events, options)),
                Effect.tap(() => Deferred.succeed(over, undefined)),
                // Who was faster makes it decide again: only then it is seen whether it may still write.
                Effect.tapError((error) =>
                  error._tag === "WrongExpectedRevision" ? Effect.void : Deferred.succeed(over, undefined)
                )
              )
            : store.append(stream, events, options)
      }),
      Effect.provideService(CheckpointStore, { ...checkpoints, renew: () => Effect.never })
    )
    yield* Effect.forkScoped(slow)
    yield* Aggregate.execute(Order, "7", { _tag: "Place" })
    yield* Deferred.await(held)
    yield* Aggregate.execute(Till, "7", { _tag: "Fill" })
    yield* Effect.forkScoped(run)
    const own = Effect.map(Stream.runCollect(store.read(EventFilter.category("Payment"))), (events) =>
      events.map(({ type }) => type)
    )
    const paid = Effect.repeat(Effect.andThen(Effect.sleep(5), own), { until: (types) => types.includes("Paid") })
    expect(yield* paid).toEqual(["Asked", "Paid"])
    yield* gate.open
    yield* Deferred.await(over)
    expect(yield* own).toEqual(["Asked", "Paid"])
  }).pipe(Effect.scoped, Effect.provide(Memory.layer))
)

it.effect("what comes out of a transaction when that is over and its lease is lost is refused", () =>
  Effect.gen(function* () {
    const [store, checkpoints] = [yield* EventStore, yield* CheckpointStore]
    const stream = StreamName.make("Payment", "7")
    const append = store.append(stream, [{ type: "Refused", data: {} }])
    const lease = yield* checkpoints.acquire("slot", "slow", "1 second")
    const move = { name: "slot", from: Position.beginning, to: Position.beginning, lease }
    const late = (after: Duration.Input) => Effect.forkDetach(Effect.andThen(Effect.sleep(after), Effect.exit(append)))
    const early = yield* checkpoints.transact(move, late("100 millis"))
    const tooLate = yield* checkpoints.transact(move, late("3 seconds"))
    yield* TestClock.adjust("2 seconds")
    expect(Exit.isSuccess(yield* Fiber.join(early))).toBe(true)
    yield* checkpoints.acquire("slot", "successor", "1 minute")
    yield* TestClock.adjust("2 seconds")
    expect(Exit.isFailure(yield* Fiber.join(tooLate))).toBe(true)
    expect(yield* store.streamRevision(stream)).toBe(0)
  }).pipe(Effect.provide(Memory.layer))
)
