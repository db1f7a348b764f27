// Live queries of rows that are made anew: answers that cross, a switch that nobody could say any more.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { ReadModelStore } from "../src/ReadModelStore.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const add = (id: string) =>
  Effect.map(Aggregate.execute(Counter, id, { _tag: "Add", by: 1 }), ({ position }) => position)

/** Totals whose definition can be mended: then each event counts ten times. */
const totals = () => {
  const state = { times: 1 }
  const projection = Projection.make("totals", {
    from: [Counter],
    row: Schema.Struct({ total: Schema.Int }),
    initial: { total: 0 }
  })({
    evolve: {
      Added: ({ total }, { by }) => (state.times === 0 ? Projection.remove : { total: total + by * state.times })
    }
  })
  return { projection, state }
}

/** Collects what is told of rows, as text. */
const collect = Effect.fnUntraced(function* <E, R>(changes: Stream.Stream<ReadModel.Change<{ total: number }>, E, R>) {
  const told: Array<string> = []
  yield* Effect.forkScoped(
    Stream.runForEach(changes, ({ key, row }) => Effect.sync(() => told.push(`${key} ${row?.total ?? "gone"}`))),
    { startImmediately: true }
  )
  return told
})

const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* Effect.sleep(1)
  })

it.live("a row that is read for an event while it is made anew is last told as it is", () =>
  Effect.gen(function* () {
    const { projection, state } = totals()
    const rows = yield* ReadModelStore
    let gets = 0
    // Of two answers that are on their way the first one takes longer.
    const get: typeof rows.get = (table, keys) =>
      Effect.suspend(() => {
        gets += 1
        return gets === 2 ? Effect.tap(rows.get(table, keys), () => Effect.sleep(100)) : rows.get(table, keys)
      })
    yield* Effect.forkScoped(Processor.run(Processor.projection(projection), { lease: "400 millis" }))
    yield* Processor.waitFor(projection, yield* add("a"))
    const told = yield* collect(
      ReadModel.changes(projection, "a").pipe(Stream.provideService(ReadModelStore, { ...rows, get }))
    )
    yield* until(() => told.length === 1)
    yield* add("a")
    yield* until(() => gets === 2)
    state.times = 10
    yield* Processor.rebuildRows(projection, ["a"])
    yield* Effect.sleep(250)
    expect(yield* ReadModel.get(projection, "a")).toEqual({ total: 20 })
    expect(told.at(-1)).toBe("a 20")
  }).pipe(Effect.provide(Memory.layer))
)

it.live("a switch is told though who rebuilt died before it could say so", () =>
  Effect.gen(function* () {
    const { projection, state } = totals()
    const store = yield* EventStore
    yield* Effect.forkScoped(Processor.run(Processor.projection(projection), { lease: "400 millis" }))
    yield* add("a")
    yield* Processor.waitFor(projection, yield* add("b"))
    const [all, one] = [
      yield* collect(ReadModel.changes(projection)),
      yield* collect(ReadModel.changes(projection, "a"))
    ]
    yield* until(() => one.length === 1)
    state.times = 10
    const append: typeof store.append = (stream, events, options) =>
      events.some(({ type }) => type === "RebuildSwitched") ? Effect.interrupt : store.append(stream, events, options)
    yield* Effect.exit(
      Stream.runDrain(Processor.rebuild(projection, { every: "10 millis" })).pipe(
        Effect.provideService(EventStore, { ...store, append })
      )
    )
    expect(yield* ReadModel.get(projection, "a")).toEqual({ total: 10 })
    yield* Effect.sleep(1000)
    expect(one).toEqual(["a 1", "a 10"])
    expect([...all].sort()).toEqual(["a 10", "b 10"])
  }).pipe(Effect.provide(Memory.layer))
)

it.live("two rebuilds in a row that each make rows otherwise are told to who watches through both", () =>
  Effect.gen(function* () {
    const { projection, state } = totals()
    yield* Effect.forkScoped(Processor.run(Processor.projection(projection), { lease: "400 millis" }))
    const keys = Array.from({ length: 1200 }, (_, n) => `k${n}`)
    for (const key of keys) yield* add(key)
    yield* Processor.waitFor(projection, yield* add("last"))
    const last = new Map<string, string>()
    yield* Effect.forkScoped(
      Stream.runForEach(ReadModel.changes(projection), ({ key, row }) =>
        Effect.as(
          Effect.sync(() => last.set(key, `${row?.total ?? "gone"}`)),
          undefined
        )
      )
    )
    yield* Effect.sleep(20)
    for (const times of [10, 0]) {
      state.times = times
      yield* Stream.runDrain(Processor.rebuild(projection, { every: "10 millis" }))
    }
    yield* Effect.sleep(1500)
    expect(new Set(last.values())).toEqual(new Set(["gone"]))
    expect(last.size).toBe(1201)
  }).pipe(Effect.provide(Memory.layer))
)
