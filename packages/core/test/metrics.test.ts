// Metrics of appends, commands and snapshots: each moves when what it counts happens, and only then.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Clock from "effect/Clock"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Revision from "../src/Revision.ts"
import * as SnapshotStore from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"
import { family, other } from "../src/internal/metrics.ts"
import { Account, alone, deposit, now } from "./support/counted.ts"

describe("appends", () => {
  it.effect("count events and characters by category, and how long they took", () =>
    alone(
      Effect.gen(function* () {
        const store = yield* EventStore
        const ada = StreamName.make("Account", "ada")
        const id = "018f0000-0000-7000-8000-000000000001" as never
        expect(yield* now).toEqual({})
        yield* store.append(ada, [
          { type: "A", data: { n: 1 } },
          { type: "A", data: { n: 2 } }
        ])
        yield* store.append(StreamName.make("Order", "1"), [{ id, type: "B", data: {} }])
        const written = yield* now
        expect(written).toEqual({
          append_seconds: "2 of 0",
          "appended_events_total Account": 2,
          "appended_bytes_total Account": 18,
          "appended_events_total Order": 1,
          "appended_bytes_total Order": 4
        })
        // Neither a repeat nor nothing makes a store grow, nor does what was refused.
        yield* store.append(StreamName.make("Order", "1"), [{ id, type: "B", data: {} }])
        yield* store.append(ada, [])
        yield* Effect.ignore(store.append(ada, [{ type: "A", data: Number.NaN as never }]))
        expect(yield* now).toEqual({ ...written, append_seconds: "4 of 0" })
        yield* Effect.flip(store.append(ada, [{ type: "A", data: {} }], { expected: Revision.make(7) }))
        expect(yield* now).toEqual({ ...written, append_seconds: "5 of 0", "append_conflicts_total Account": 1 })
      })
    )
  )

  it.effect("take as long as the clock says", () =>
    alone(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        let nanos = 0n
        const slow = { ...clock, monotonicTimeNanosUnsafe: () => (nanos += 250_000_000n) }
        yield* Effect.provideService(deposit(1), Clock.Clock, slow)
        expect(yield* now).toMatchObject({ append_seconds: "1 of 0.25" })
      })
    )
  )
})

describe("commands", () => {
  it.effect("count what was decided again", () =>
    alone(
      Effect.gen(function* () {
        const store = yield* EventStore
        let conflicts = 3
        // Somebody is faster three times.
        const contended = EventStore.of({
          ...store,
          append: (stream, events, options) =>
            conflicts-- > 0
              ? Effect.andThen(
                  store.append(stream, [{ type: "Deposited", data: { amount: 1 } }]),
                  store.append(stream, events, options)
                )
              : store.append(stream, events, options)
        })
        yield* TestClock.withLive(Effect.provideService(deposit(5), EventStore, contended))
        expect(yield* now).toMatchObject({ "command_retries_total Account": 3, "append_conflicts_total Account": 3 })
        yield* deposit(5)
        expect(yield* now).toMatchObject({ "command_retries_total Account": 3 })
      })
    )
  )
})

describe("snapshots", () => {
  it.effect("are hits where there is a usable one, misses where not, and neither where they are off", () =>
    alone(
      Effect.gen(function* () {
        yield* deposit(1)
        yield* Aggregate.load(Account, "ada")
        const before = yield* now
        expect(Object.keys(before).filter((name) => name.startsWith("snapshot"))).toEqual([])
        yield* Effect.gen(function* () {
          yield* deposit(2)
          // Taken beside the command.
          yield* Effect.yieldNow
          yield* deposit(3)
          yield* Aggregate.load(Account, "ada")
          yield* Aggregate.load(Account, "ada")
          yield* Aggregate.load(Account, "ada", { at: { revision: 0 } })
        }).pipe(Effect.provide(SnapshotStore.layerPolicy({ every: 2 })))
        expect(yield* now).toMatchObject({ "snapshot_misses_total Account": 2, "snapshot_hits_total Account": 3 })
      })
    )
  )
})

describe("series", () => {
  it("are ten thousand at most, and one for the rest", () => {
    const many = family((attributes) => Metric.counter("many", { attributes }), "label")
    const all = new Set(Array.from({ length: 12_000 }, (_, n) => many.of(String(n))))
    expect(all.size).toBe(10_001)
    expect(many.of("11999").attributes).toEqual({ label: other })
    expect(many.of("7")).toBe(many.of("7"))
  })
})
