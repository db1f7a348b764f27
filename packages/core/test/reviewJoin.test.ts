// A partition that was held up and is fed with the others again does not wait for one that is held up now.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { slotOf } from "../src/internal/slots.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

const [one = "", other = ""] = [0, 1].map(
  (partition) =>
    Array.from({ length: 200 }, (_, n) => `k${n}`).find((id) => slotOf(`Counter-${id}`) % 2 === partition) ?? ""
)

it.effect("of two partitions that are held up one after the other each goes on by itself", () =>
  Effect.gen(function* () {
    const gates = new Map([
      [one, yield* Deferred.make<void>()],
      [other, yield* Deferred.make<void>()]
    ])
    const handled: Array<string> = []
    const both = Processor.reactor("both", {
      from: [Counter],
      handle: {
        Added: ({ by }, { streamId }) =>
          Effect.andThen(
            by === 0 ? Deferred.await(gates.get(streamId) ?? Deferred.makeUnsafe<void>()) : Effect.void,
            Effect.sync(() => void handled.push(`${streamId} ${by}`))
          )
      }
    })
    const add = (id: string, by: number) => Effect.andThen(Aggregate.execute(Counter, id, { _tag: "Add", by }), settle)
    yield* Effect.forkScoped(Processor.run(both, { partitions: 2 }), { startImmediately: true })
    yield* settle
    // The first is held up, and then the other one as well.
    yield* add(one, 0)
    for (let by = 1; by < 10; by++) yield* add(other, by)
    yield* TestClock.adjust("600 millis")
    yield* settle
    yield* add(other, 0)
    for (let by = 10; by < 20; by++) yield* add(one, by)
    yield* TestClock.adjust("600 millis")
    // The first goes on, catches up, and is given what comes.
    yield* Deferred.succeed(gates.get(one) ?? Deferred.makeUnsafe<void>(), undefined)
    yield* settle
    for (let by = 20; by < 30; by++) yield* add(one, by)
    yield* TestClock.adjust("600 millis")
    yield* settle
    expect(handled.filter((text) => text.startsWith(`${one} `)).length).toBe(21)
    // It does not cost that again.
    for (let by = 30; by < 40; by++) yield* add(one, by)
    expect(handled.filter((text) => text.startsWith(`${one} `)).length).toBe(31)
    yield* Deferred.succeed(gates.get(other) ?? Deferred.makeUnsafe<void>(), undefined)
    yield* settle
    for (let by = 40; by < 45; by++) {
      yield* add(one, by)
      yield* add(other, by)
    }
    expect(handled.length).toBe(new Set(handled).size)
    expect(handled.length).toBe(36 + 15)
  }).pipe(Effect.scoped, Effect.provide(Memory.layer))
)
