// An event that was parked and is through comes again where its checkpoint had not moved: it is not handled once more.
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
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

const add = (by: number) =>
  Effect.map(Aggregate.execute(Counter, "one", { _tag: "Add", by }), ({ position }) => position)

const settle = Effect.repeat(Effect.yieldNow, { times: 500 })

for (const outcome of ["handled when asked for", "dropped"] as const) {
  it.effect(`a parked event that was ${outcome} before the checkpoint moved past it`, () =>
    Effect.gen(function* () {
      const checkpoints = yield* CheckpointStore
      const handled: Array<number> = []
      let isBroken = true
      const reactor = Processor.reactor("listener", {
        from: [Counter],
        handle: ({ data: { by } }) => (isBroken ? Effect.fail("no") : Effect.sync(() => handled.push(by)))
      })
      const run = Processor.run(reactor, { onFailure: "park", retry: Schedule.recurs(0) })
      const position = yield* add(1)
      // It parks the event, and dies before its checkpoint moves.
      const dying = yield* run.pipe(
        Effect.provideService(CheckpointStore, {
          ...checkpoints,
          transact: (moves, writes) =>
            [moves].flat().some(({ to }) => to >= position)
              ? Effect.andThen(writes, Effect.never)
              : checkpoints.transact(moves, writes)
        }),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* settle
      const [parked] = yield* Processor.parked(reactor)
      expect(parked?.event?.position).toBe(position)
      yield* Fiber.interrupt(dying)

      isBroken = false
      const id = parked?.event?.id
      if (outcome === "dropped" && id !== undefined) yield* Processor.drop(reactor, id)
      else yield* Processor.retry(reactor)
      yield* Effect.forkScoped(run, { startImmediately: true })
      yield* settle
      const last = yield* add(2)
      yield* settle
      yield* Processor.waitFor(reactor, last)
      expect(handled).toEqual(outcome === "dropped" ? [2] : [1, 2])
    }).pipe(Effect.provide(Memory.layer))
  )
}
