// Processors that are held up for longer than their lease: what they could not come to is handled, by whoever comes to it.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

// Of four partitions the first two are in one, the others each in another.
const ids = ["a", "b", "c", "h"]

const add = Effect.fnUntraced(function* (from: number, to: number) {
  for (let by = from; by < to; by++) {
    for (const id of ids) yield* Aggregate.execute(Counter, id, { _tag: "Add", by })
  }
  return yield* Aggregate.execute(Counter, "last", { _tag: "Add", by: to })
})

/** Does nothing, and lets nobody else do anything. */
const block = (millis: number) => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

const looksAtTimers: Processor.Timers<never> = {
  first: () => Effect.as(Effect.sleep("60 millis"), []),
  fire: () => Effect.void,
  remove: () => Effect.void
}

for (const [partitions, timers] of [
  [1, undefined],
  [4, undefined],
  [1, looksAtTimers]
] as const) {
  const name = `${partitions} partitions${timers === undefined ? "" : " that look at timers between their pages"}`
  it.live(`a handler that blocks everything for longer than the lease loses no event: ${name}`, () =>
    Effect.gen(function* () {
      const seen = new Map<string, Set<number>>()
      const midst = yield* Latch.make()
      let blocks = true
      const reactor = Processor.reactor("blocking", {
        from: [Counter],
        handle: {
          Added: ({ by }, { streamId }) => {
            const handled = Effect.sync(() => {
              if (by === 3 && streamId === "a" && blocks) {
                blocks = false
                block(150)
              }
              seen.set(streamId, (seen.get(streamId) ?? new Set()).add(by))
            })
            // Of several partitions one is in the midst of an event when all are held up, and goes on with it.
            if (by === 0 && streamId === "c") return Effect.andThen(midst.open, Effect.delay(handled, "250 millis"))
            return by === 3 ? Effect.andThen(midst.await, handled) : handled
          }
        }
      })
      const { position: first } = yield* add(0, 10)
      const processor = timers === undefined ? reactor : { ...reactor, timers }
      const checkpoints = yield* CheckpointStore
      yield* Processor.run(processor, { partitions, lease: "80 millis" }).pipe(
        // As a server does, it takes its time: who was held up goes on before its leases are renewed.
        Effect.provideService(CheckpointStore, {
          ...checkpoints,
          renew: (leases) => Effect.delay(checkpoints.renew(leases), "10 millis")
        }),
        Effect.forkChild
      )
      yield* Processor.waitFor(reactor, first, { timeout: "3 seconds" })
      const { position: last } = yield* add(10, 12)
      yield* Processor.waitFor(reactor, last, { timeout: "3 seconds" })
      expect(blocks).toBe(false)
      for (const id of ids) expect([...(seen.get(id) ?? [])]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    }).pipe(Effect.provide(Memory.layer))
  )
}
