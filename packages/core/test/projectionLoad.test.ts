// Projection.load: a read model as it was, from the log; the laws are in the conformance suite.
import { it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Projection from "../src/Projection.ts"

const counter = <const Name extends string>(name: Name) =>
  Aggregate.make(name, {
    command: Schema.TaggedUnion({ Add: { to: Schema.String, by: Schema.Int } }),
    event: Schema.TaggedUnion({ Added: { to: Schema.String, by: Schema.Int } }),
    state: Schema.Null,
    initial: null
  })({ decide: { Add: ({ by, to }) => [{ _tag: "Added", to, by }] }, evolve: { Added: () => null } })

const [North, South] = [counter("North"), counter("South")]
const row = Schema.Struct({ trail: Schema.String })
const evolve = {
  Added: ({ trail }: typeof row.Type, { by }: { readonly by: number }) => ({ trail: `${trail}+${by}` })
}
const initial = { trail: "" }
const ByStream = Projection.make("by-stream", { from: [North, South], row, initial })({
  evolve: { North: evolve, South: evolve }
})
const ByTarget = Projection.make("by-target", { from: [North], row, initial, key: ({ data }) => [data.to, "all"] })({
  evolve
})

/** A clock that can be set, back as well. */
const settable = Effect.map(Clock.Clock, (clock) => {
  let now = 0
  const set = (millis: number) => Effect.sync(() => (now = millis))
  const own: Clock.Clock = { ...clock, currentTimeMillisUnsafe: () => now, currentTimeMillis: Effect.sync(() => now) }
  return { set, own }
})

const inMemory = Effect.provide(Memory.layer)

describe("Projection.load", () => {
  it.effect("gives the rows as they were at every position and time, all or some", () =>
    Effect.gen(function* () {
      const { own, set } = yield* settable
      yield* Effect.gen(function* () {
        const store = yield* EventStore
        for (let n = 0; n < 24; n++) {
          yield* set(1000 + Math.floor(n / 3))
          const add = { _tag: "Add", to: String(n % 4), by: n } as const
          yield* n % 2 === 0
            ? Aggregate.execute(North, String(n % 3), add)
            : Aggregate.execute(South, String(n % 3), add)
        }
        const all = yield* Stream.runCollect(store.read(EventFilter.all()))
        const some = (keys: ReadonlyArray<string>, rows: ReadonlyMap<string, unknown>) =>
          new Map([...rows].filter(([key]) => keys.includes(key)))
        for (const projection of [ByStream, ByTarget]) {
          for (let n = 0; n <= all.length; n++) {
            const prefix = yield* Projection.fold(projection, all.slice(0, n))
            const position = all[n - 1]?.position ?? Position.beginning
            expect(yield* Projection.load(projection, { at: { position } })).toEqual(prefix)
            const keys = ["1", "2", "never"]
            expect(yield* Projection.load(projection, { at: { position }, keys })).toEqual(some(keys, prefix))
          }
          for (let millis = 999; millis < 1010; millis++) {
            const time = DateTime.makeUnsafe(millis)
            const prefix = all.filter((event) => DateTime.toEpochMillis(event.recordedAt) <= millis)
            const rows = yield* Projection.fold(projection, prefix)
            expect(yield* Projection.load(projection, { at: { time } })).toEqual(rows)
            expect(yield* Projection.load(projection, { at: { time }, keys: ["0"] })).toEqual(some(["0"], rows))
          }
          expect(yield* Projection.load(projection)).toEqual(yield* Projection.fold(projection, all))
        }
      }).pipe(Effect.provideService(Clock.Clock, own))
    }).pipe(inMemory)
  )

  it.effect("of some rows that have their streams' ids only these streams are read", () =>
    Effect.gen(function* () {
      const whole = yield* EventStore
      for (const id of ["1", "2", "3"]) yield* Aggregate.execute(North, id, { _tag: "Add", to: "x", by: 1 })
      const asked: Array<string> = []
      const read: EventStore["Service"]["read"] = (filter, options) => {
        asked.push(EventFilter.describe(filter))
        return whole.read(filter, options)
      }
      const rows = yield* Projection.load(ByStream, { keys: ["2", "", "2"] }).pipe(
        Effect.provideService(EventStore, { ...whole, read })
      )
      expect([...rows.keys()]).toEqual(["2"])
      expect(asked).toEqual(["stream North-2", "stream South-2"])
    }).pipe(inMemory)
  )

  it.effect("several streams of one row are read as far as the same place, whatever comes meanwhile", () =>
    Effect.gen(function* () {
      const whole = yield* EventStore
      const add = Effect.all([
        Aggregate.execute(North, "1", { _tag: "Add", to: "x", by: 1 }),
        Aggregate.execute(South, "1", { _tag: "Add", to: "x", by: 2 })
      ])
      yield* add
      const read: EventStore["Service"]["read"] = (filter, options) =>
        Stream.unwrap(Effect.as(Effect.provideService(add, EventStore, whole), whole.read(filter, options))).pipe(
          Stream.orDie
        )
      const rows = yield* Projection.load(ByStream, { keys: ["1"] }).pipe(
        Effect.provideService(EventStore, { ...whole, read })
      )
      expect(rows).toEqual(new Map([["1", { trail: "+1+2" }]]))
    }).pipe(inMemory)
  )
})
