// A partition that is held up holds up no other of its process, however long; and when it goes on it leaves nothing out.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import { slotOf } from "../src/internal/slots.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const add = (id: string, by: number) =>
  Effect.map(Aggregate.execute(Counter, id, { _tag: "Add", by }), ({ position }) => position)

const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

/** An id of each partition of four. */
const ids = [0, 1, 2, 3].map(
  (partition) =>
    Array.from({ length: 200 }, (_, n) => `k${n}`).find((id) => slotOf(`Counter-${id}`) % 4 === partition) ?? ""
)
const [slow = "", ...quick] = ids

/** A store that knows how many subscriptions are open. */
const counting = Effect.map(EventStore, (store) => {
  const open = { now: 0, most: 0 }
  const subscribe: typeof store.subscribe = (filter, options) =>
    Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => {
            open.now += 1
            open.most = Math.max(open.most, open.now)
          }),
          () => Effect.sync(() => (open.now -= 1))
        ),
        store.subscribe(filter, options)
      )
    )
  return { open, store: { ...store, subscribe } }
})

describe("a partition that is held up", () => {
  for (const [what, isRetry] of [
    ["by a handler that takes its time", false],
    ["by an event that is tried again and again", true]
  ] as const) {
    it.effect(`${what} holds up no other, and goes on where it was`, () =>
      Effect.gen(function* () {
        const { open, store } = yield* counting
        const gate = yield* Deferred.make<void>()
        const handled = new Map(ids.map((id): [string, Array<number>] => [id, []]))
        let isOpen = false
        const hold = Effect.suspend(() =>
          isRetry ? (isOpen ? Effect.void : Effect.fail("down")) : Deferred.await(gate)
        )
        const one = Processor.reactor("one", {
          from: [Counter],
          handle: {
            Added: ({ by }, { streamId }) =>
              Effect.andThen(
                streamId === slow && by === 1 ? hold : Effect.void,
                Effect.sync(() => void handled.get(streamId)?.push(by))
              )
          }
        })
        const run = Processor.run(one, { partitions: 4, retry: Schedule.spaced("100 millis") })
        yield* Effect.forkScoped(Effect.provideService(run, EventStore, store), { startImmediately: true })
        const numbers = Array.from({ length: 40 }, (_, n) => n + 1)
        for (const by of numbers) {
          for (const id of ids) yield* add(id, by)
          yield* settle
        }
        // So long the others wait for it, once.
        yield* TestClock.adjust("600 millis")
        yield* settle
        expect(handled.get(slow)).toEqual([])
        for (const id of quick) expect(handled.get(id)).toEqual(numbers)
        // It does not cost them that again.
        for (const by of [41, 42, 43]) {
          for (const id of ids) yield* add(id, by)
          yield* settle
          for (const id of quick) expect(handled.get(id)?.at(-1)).toBe(by)
        }
        isOpen = true
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("100 millis")
        const position = yield* add(slow, 44)
        yield* Processor.waitFor(one, position)
        expect(handled.get(slow)).toEqual([...numbers, 41, 42, 43, 44])
        expect(open.most).toBe(2)
        for (const by of [45, 46]) {
          for (const id of ids) yield* add(id, by)
          yield* settle
        }
        // Caught up it is fed with the others again.
        expect(open.now).toBe(1)
        expect(handled.get(slow)?.slice(-2)).toEqual([45, 46])
        for (const id of quick) expect(handled.get(id)?.length).toBe(45)
      }).pipe(Effect.scoped, Effect.provide(Memory.layer))
    )
  }

  it.effect("alone waits for nobody's sake: its feed waits for it", () =>
    Effect.gen(function* () {
      const { open, store } = yield* counting
      const gate = yield* Deferred.make<void>()
      let handled = 0
      const one = Processor.reactor("one", {
        from: [Counter],
        handle: {
          Added: () =>
            Effect.andThen(
              Deferred.await(gate),
              Effect.sync(() => void handled++)
            )
        }
      })
      yield* Effect.forkScoped(Effect.provideService(Processor.run(one), EventStore, store), { startImmediately: true })
      for (let by = 1; by <= 30; by++) yield* Effect.andThen(add("a", by), settle)
      yield* TestClock.adjust("5 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* Processor.waitFor(one, yield* add("a", 31))
      expect([handled, open.most]).toEqual([31, 1])
    }).pipe(Effect.scoped, Effect.provide(Memory.layer))
  )
})
