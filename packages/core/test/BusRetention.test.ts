// How long a bus keeps its messages: as long as it is told to, and longer for groups that are there and have not handled them.
import { it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { expect } from "vitest"
import * as Bus from "../src/Bus.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as EventId from "../src/EventId.ts"
import { EventStore } from "../src/EventStore.ts"
import { make as makeGroups } from "../src/internal/busRetention.ts"
import * as Memory from "../src/Memory.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"

const message = (n: number, key = "k"): Bus.Message => ({
  id: EventId.derive("message", String(n), 0),
  key,
  category: "Order",
  type: "Placed",
  schemaVersion: 1,
  stream: StreamName.make("Order", key),
  revision: Revision.make(n),
  data: n,
  metadata: {}
})

const topics = [{ category: "Order" }]

/** Time passes, in steps that leave everybody the time to do what is due. */
const seconds = Effect.fnUntraced(function* (count: number) {
  for (let step = 0; step < count * 2; step++) {
    yield* TestClock.adjust("500 millis")
    for (let i = 0; i < 20; i++) yield* Effect.yieldNow
  }
})

const settle = Effect.forEach(Array.from({ length: 500 }), () => Effect.yieldNow, { discard: true })

/** The numbers of the messages that the bus still has. */
const kept = EventStore.use((store) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.category("$bus"))), (events) =>
    events.map(({ data }) => (data as { readonly data: unknown }).data)
  )
)

/** A group that handles what it gets, or holds it. */
const subscribe = Effect.fnUntraced(function* (
  group: string,
  handle: (one: Bus.Message) => Effect.Effect<unknown, unknown> = () => Effect.void
) {
  const bus = yield* Bus.Bus
  const got: Array<unknown> = []
  const fiber = yield* Effect.forkScoped(
    bus.subscribe(group, { topics, retry: Schedule.recurs(0) }, (one) =>
      Effect.andThen(
        handle(one),
        Effect.sync(() => got.push(one.data))
      )
    )
  )
  yield* settle
  return { got, leave: Fiber.interrupt(fiber) }
})

const warnings: Array<string> = []
const logger = Logger.layer([Logger.make(({ message: text }) => void warnings.push(String(text)))])
const live = Layer.provideMerge(Bus.layer({ retention: "30 seconds" }), Memory.layer)

it.effect("messages go when they are old and were handled; the last of a stream stays", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    const all = yield* subscribe("all")
    yield* bus.publish([message(0), message(1), message(2)])
    yield* seconds(20)
    yield* bus.publish([message(3), message(4)])
    yield* seconds(9)
    expect(yield* kept).toEqual([0, 1, 2, 3, 4])
    yield* seconds(3)
    expect(yield* kept).toEqual([3, 4])
    yield* seconds(30)
    expect(yield* kept).toEqual([4])
    yield* bus.publish([message(5)])
    yield* settle
    expect(all.got).toEqual([0, 1, 2, 3, 4, 5])
    // Who begins to listen gets what there is, and is told of nothing.
    const late = yield* subscribe("late")
    expect(late.got).toEqual([4, 5])
    expect(warnings).toEqual([])
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(live, logger)))
)

it.effect("what a group that is there has not handled stays; one that is gone for long loses it and is told", () =>
  Effect.gen(function* () {
    warnings.length = 0
    const bus = yield* Bus.Bus
    yield* bus.publish([message(0), message(1), message(2)])
    const fast = yield* subscribe("fast")
    const slow = yield* subscribe("slow", (one) => (one.data === 1 ? Effect.never : Effect.void))
    yield* seconds(100)
    expect(fast.got).toEqual([0, 1, 2])
    expect(yield* kept).toEqual([1, 2])
    yield* slow.leave
    yield* seconds(25)
    expect(yield* kept).toEqual([1, 2])
    yield* seconds(15)
    expect(yield* kept).toEqual([2])
    expect(warnings).toEqual([])
    const back = yield* subscribe("slow")
    expect(back.got).toEqual([2])
    expect(warnings).toEqual([expect.stringContaining(`Bus group "slow" was away for longer`)])
    yield* back.leave
    const again = yield* subscribe("slow")
    yield* again.leave
    expect(warnings.length).toBe(1)
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(live, logger)))
)

it.effect("what is parked stays, until it is handled or dropped, or its group is gone for long", () =>
  Effect.gen(function* () {
    warnings.length = 0
    const bus = yield* Bus.Bus
    let isMended = false
    const handle = (one: Bus.Message) => (one.data === 1 && !isMended ? Effect.fail("broken") : Effect.void)
    const group = yield* subscribe("group", handle)
    yield* bus.publish([message(0), message(1), message(2), message(3)])
    yield* seconds(50)
    expect(yield* kept).toEqual([1, 2, 3])
    isMended = true
    yield* bus.retry("group")
    yield* settle
    expect(group.got).toEqual([0, 1, 2, 3])
    yield* seconds(2)
    expect(yield* kept).toEqual([3])
    isMended = false
    yield* bus.publish([{ ...message(4), data: 1 }, message(5), message(6)])
    yield* settle
    expect((yield* bus.parked("group")).length).toBe(3)
    yield* group.leave
    yield* seconds(40)
    expect(yield* kept).toEqual([6])
    const back = yield* subscribe("group", handle)
    expect((yield* bus.parked("group")).map((one) => one.message.data)).toEqual([6])
    expect(warnings).toEqual([expect.stringContaining("2 of its parked ones")])
    yield* bus.retry("group")
    yield* settle
    expect(back.got).toEqual([6])
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(live, logger)))
)

it.effect("a handled message stays handled in an inbox when the bus has long removed it and it is published anew", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    let handled: ReadonlyArray<unknown> = []
    const inbox = yield* Bus.inbox("group", (one) => Effect.sync(() => (handled = [...handled, one.data])), {
      writes: "rows"
    })
    yield* subscribe("group", inbox)
    yield* bus.publish([message(0), message(1), message(2)])
    yield* seconds(70)
    expect(yield* kept).toEqual([2])
    yield* bus.publish([message(0), message(1), message(2), message(3)])
    yield* settle
    expect(yield* kept).toEqual([2, 0, 1, 3])
    expect(handled).toEqual([0, 1, 2, 3])
  }).pipe(Effect.scoped, Effect.provide(live))
)

it.effect("a group that comes back while messages are about to be removed keeps them", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    const store = yield* EventStore
    const checkpoints = yield* CheckpointStore
    yield* bus.publish([message(0), message(1), message(2)])
    const first = yield* subscribe("back", (one) => (one.data === 1 ? Effect.never : Effect.void))
    yield* first.leave
    yield* TestClock.adjust("40 days")
    const retention = Duration.days(30)
    let comesBack = true
    const groups = makeGroups(
      {
        ...store,
        append: (...call) => {
          if (call[1][0]?.type !== "Removing" || !comesBack) return store.append(...call)
          comesBack = false
          return Effect.andThen(Effect.orDie(groups.register("back")), store.append(...call))
        }
      },
      checkpoints,
      retention
    )
    expect((yield* Effect.flip(groups.sweep))._tag).toBe("WrongExpectedRevision")
    yield* groups.sweep
    expect(yield* kept).toEqual([1, 2])
    yield* TestClock.adjust("40 days")
    yield* groups.sweep
    expect(yield* kept).toEqual([2])
  }).pipe(Effect.scoped, Effect.provide(Memory.layer))
)

it("keeps messages for a time", () => {
  for (const retention of [0, -1]) expect(() => Bus.layer({ retention })).toThrow(RangeError)
})
