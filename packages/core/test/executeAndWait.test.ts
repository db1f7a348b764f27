// Read your own writes in one call: execute returns when the processors asked for have handled the command's events.
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Memory from "evolvent/Memory"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int }, Nothing: {} }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({
  decide: { Add: ({ by }) => [{ _tag: "Added", by }], Nothing: () => [] },
  evolve: { Added: (total, { by }) => total + by }
})
const Totals = Projection.make("totals", {
  from: [Counter],
  row: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 }
})({ evolve: { Added: ({ total }, { by }) => ({ total: total + by }) } })
const Pair = Aggregate.make("Pair", {
  command: Schema.TaggedUnion({ Both: {} }),
  event: Schema.TaggedUnion({ One: {}, Two: {} }),
  state: Schema.Null,
  initial: null
})({ decide: { Both: () => [{ _tag: "One" }, { _tag: "Two" }] }, evolve: { One: () => null, Two: () => null } })
const seen: Array<number> = []
const Seen = Processor.reactor("seen", {
  from: [Counter],
  handle: { Added: ({ by }) => (by === 13 ? Effect.fail("no" as const) : Effect.sync(() => seen.push(by))) }
})
const Live = Layer.mergeAll(
  Processor.layer(Processor.projection(Totals)),
  Processor.layer(Seen, { retry: Schedule.recurs(0), onFailure: "park" })
).pipe(Layer.provideMerge(Memory.layer))

it.effect("a projection and a reactor have handled what was written", () =>
  Effect.gen(function* () {
    for (const by of [1, 2, 3]) {
      yield* Aggregate.execute(Counter, "a", { _tag: "Add", by }, { waitFor: [Totals, Seen] })
      expect(seen.at(-1)).toBe(by)
    }
    expect(yield* ReadModel.get(Totals, "a")).toEqual({ total: 6 })
    yield* Aggregate.execute(Counter, "a", { _tag: "Nothing" }, { waitFor: [Totals] })
  }).pipe(Effect.provide(Live))
)

it.effect("where the event is parked the error says so, and the command was executed", () =>
  Effect.gen(function* () {
    const command = Aggregate.execute(
      Counter,
      "b",
      { _tag: "Add", by: 13 },
      { commandId: "c", waitFor: [Totals, Seen] }
    )
    expect((yield* Effect.flip(command))._tag).toBe("EventParked")
    expect((yield* Aggregate.load(Counter, "b")).state).toBe(13)
    const again = yield* Aggregate.execute(Counter, "b", { _tag: "Add", by: 13 }, { commandId: "c", waitFor: [Totals] })
    expect(again.repeated).toBe(true)
  }).pipe(Effect.provide(Live))
)

it.effect("an event of the command that is parked is told, also where it is not the last", () => {
  const Picky = Projection.make("picky", {
    from: [Pair],
    row: Schema.Struct({ n: Schema.Int }),
    initial: { n: 0 },
    key: ({ type }) => type
  })({
    evolve: {
      One: () => {
        throw new Error("no")
      },
      Two: ({ n }) => ({ n: n + 1 })
    }
  })
  return Effect.gen(function* () {
    const command = Aggregate.execute(Pair, "a", { _tag: "Both" }, { waitFor: [Picky] })
    expect((yield* Effect.flip(command))._tag).toBe("EventParked")
  }).pipe(
    Effect.provide(
      Processor.layer(Processor.projection(Picky), { onFailure: "park" }).pipe(Layer.provideMerge(Memory.layer))
    )
  )
})
