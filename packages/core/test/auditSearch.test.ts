// Audit.by: who did what, and when exactly; the laws are in the conformance suite.
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Audit from "../src/Audit.ts"
import type { Recorded } from "../src/EventData.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import type * as Metadata from "../src/Metadata.ts"
import * as Position from "../src/Position.ts"
import * as StreamName from "../src/StreamName.ts"

const append = Effect.fnUntraced(function* (type: string, metadata: Metadata.Metadata = {}) {
  const store = yield* EventStore
  yield* store.append(StreamName.make("Note", type), [{ type, data: {}, metadata }])
})

const types = (events: ReadonlyArray<Recorded>) => events.map(({ type }) => type)

const inMemory = Effect.provide(Memory.layer)

describe("by", () => {
  it.effect("all that is asked for must hold", () =>
    Effect.gen(function* () {
      yield* append("cause")
      yield* append("a", { actor: "ada", correlationId: "1", causationId: "cause" })
      yield* append("b", { actor: "ada", correlationId: "2" })
      yield* append("c", { actor: "grace", correlationId: "1" })
      const of = (search: Audit.Search) => Effect.map(Stream.runCollect(Audit.by(search)), types)
      expect(yield* of({})).toEqual(["cause", "a", "b", "c"])
      expect(yield* of({ actor: "ada" })).toEqual(["a", "b"])
      expect(yield* of({ correlationId: "1", direction: "backwards" })).toEqual(["c", "a"])
      expect(yield* of({ actor: "ada", correlationId: "1" })).toEqual(["a"])
      expect(yield* of({ causationId: "cause" })).toEqual(["a"])
      expect(yield* of({ commandId: "none" })).toEqual([])
      expect(yield* of({ actor: "ada", filter: EventFilter.category("Other") })).toEqual([])
    }).pipe(inMemory)
  )

  it.effect("a time is exact, though times do not follow positions everywhere", () =>
    Effect.gen(function* () {
      const whole = yield* EventStore
      // The streams of another store, whose clock was set back between two of them.
      for (const type of ["10", "30", "20", "40", "30"]) yield* append(type)
      const times = [10, 30, 20, 40, 30]
      const dated = (event: Recorded): Recorded => ({
        ...event,
        recordedAt: DateTime.makeUnsafe(times[event.position - 1] ?? 0)
      })
      const store: EventStore["Service"] = {
        ...whole,
        read: (filter, { from, limit = Infinity, ...options } = {}) => {
          if (from?.time === undefined)
            return Stream.map(whole.read(filter, { ...options, ...(from && { from }) }), dated)
          const millis = DateTime.toEpochMillis(from.time)
          const isReached = (event: Recorded) =>
            options.direction === "backwards"
              ? DateTime.toEpochMillis(event.recordedAt) <= millis
              : DateTime.toEpochMillis(event.recordedAt) >= millis
          return Stream.map(whole.read(filter, options), dated).pipe(
            Stream.dropWhile((event) => !isReached(event)),
            Stream.take(limit)
          )
        }
      }
      let asked = 0
      const counting: EventStore["Service"] = {
        ...store,
        read: (...given) => {
          asked += 1
          return store.read(...given)
        }
      }
      const time = (millis: number) => ({ time: DateTime.makeUnsafe(millis) })
      const of = (search: Audit.Search) =>
        Effect.map(Stream.runCollect(Audit.by(search)), types).pipe(Effect.provideService(EventStore, counting))
      for (const direction of ["forwards", "backwards"] as const) {
        const inTurn = (some: ReadonlyArray<string>) => (direction === "forwards" ? some : some.toReversed())
        expect(yield* of({ direction, from: time(20), to: time(30) })).toEqual(inTurn(["30", "20", "30"]))
        expect(yield* of({ direction, to: time(25) })).toEqual(inTurn(["10", "20"]))
        expect(yield* of({ direction, from: time(25) })).toEqual(inTurn(["30", "40", "30"]))
        expect(yield* of({ direction, to: time(5) })).toEqual([])
        expect(yield* of({ direction, from: time(41) })).toEqual([])
        expect(yield* of({ direction, from: { position: Position.make(2) }, to: time(30) })).toEqual(
          inTurn(["30", "20", "30"])
        )
      }
      asked = 0
      expect(yield* of({ to: time(5) })).toEqual([])
      // Where nothing was recorded by then nothing is read.
      expect(asked).toBe(1)
    }).pipe(inMemory)
  )
})
