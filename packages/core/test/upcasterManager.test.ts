// Old versions in process managers: those that they observe, and those of their own.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"
import * as Upcaster from "../src/Upcaster.ts"
import { append, Order, start, stored } from "./support/orders.ts"

const Live = Memory.layer

describe("a process manager", () => {
  const LedgerEvent = Schema.TaggedUnion({ Booked: { sum: Schema.Int }, Balanced: {} })
  const Ledger = ProcessManager.make("Ledger", {
    observes: [Order],
    correlate: ({ streamId }) => streamId,
    event: LedgerEvent,
    state: Schema.Struct({ sum: Schema.Int, balanced: Schema.Int }),
    initial: { sum: 0, balanced: 0 },
    deadline: Schema.TaggedUnion({ Late: { sum: Schema.Int } }),
    upcast: Upcaster.make(LedgerEvent)(
      {},
      {
        BookedTwice: (event) =>
          event.from({ one: Schema.Int, two: Schema.Int }).toCurrent(({ one, two }) => [
            { _tag: "Booked", sum: one },
            { _tag: "Booked", sum: two }
          ])
      }
    )
  })({
    decide: {
      Paid: ({ amount }) => [{ _tag: "Booked", sum: amount }],
      Closed: () => [{ _tag: "Balanced" }]
    },
    evolve: {
      Booked: (state, { sum }) => ({ ...state, sum: state.sum + sum }),
      Balanced: (state) => ({ ...state, balanced: state.balanced + 1 })
    },
    dispatch: {
      Booked: (_, { sum }) => [
        Aggregate.command(Account, `now ${sum}`, { _tag: "Add", sum }),
        ProcessManager.deadline({ _tag: "Late", sum }, { after: "1 hour" }),
        Aggregate.command(Account, `later ${sum}`, { _tag: "Add", sum }, { after: "2 hours" })
      ]
    },
    deadline: { Late: ({ sum }) => (sum === 1 ? [{ _tag: "Balanced" }] : []) }
  })

  it.effect("takes each part of a split event in, once", () =>
    Effect.gen(function* () {
      const position = yield* append("1", stored)
      const manager = yield* start(Processor.manager(Ledger))
      yield* Processor.waitFor(Processor.manager(Ledger), position)
      expect((yield* Aggregate.load(Ledger.aggregate, "1")).state).toEqual({ sum: 1100, balanced: 1 })
      yield* Fiber.interrupt(manager)
      yield* Stream.runDrain(Processor.replay(Processor.manager(Ledger)))
      expect((yield* Aggregate.load(Ledger.aggregate, "1")).state).toEqual({ sum: 1100, balanced: 1 })
    }).pipe(Effect.scoped, Effect.provide(Live))
  )

  it.effect("sends what each part of an own event sends, in the state right after that part, now and later", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(StreamName.make("Ledger", "7"), [
        { type: "BookedTwice", data: { one: 1, two: 2 } },
        { type: "BookedTwice", data: { one: 10, two: 20 } }
      ])
      const { position } = yield* store.append(StreamName.make("Ledger", "7"), [{ type: "Balanced", data: {} }])
      yield* start(Processor.manager(Ledger), { lease: "80 days" })
      yield* Processor.waitFor(Processor.manager(Ledger), position)
      const sums = (which: string) =>
        Effect.all(
          [1, 3, 13, 33].map((sum) => Effect.map(Aggregate.load(Account, `${which} ${sum}`), ({ state }) => state))
        )
      expect(yield* sums("now")).toEqual([1, 3, 13, 33])
      expect(yield* sums("later")).toEqual([0, 0, 0, 0])
      yield* TestClock.adjust("3 hours")
      while ((yield* sums("later"))[3] === 0) yield* Effect.yieldNow
      expect(yield* sums("later")).toEqual([1, 3, 13, 33])
      expect((yield* Aggregate.load(Ledger.aggregate, "7")).state).toEqual({ sum: 33, balanced: 2 })
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(Live)))
  )
})

const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Add: { sum: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { sum: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ sum }) => [{ _tag: "Added", sum }] }, evolve: { Added: (total, { sum }) => total + sum } })
