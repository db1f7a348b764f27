// The bus's own part: surroundings of publisher and subscriber, batches, partitions. The laws are in the conformance suite.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as Bus from "../src/Bus.ts"
import * as EventId from "../src/EventId.ts"
import { CheckpointStore, make as makeCheckpoints } from "../src/CheckpointStore.ts"
import { EventStore, make as makeStore } from "../src/EventStore.ts"
import { because, Unavailable } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"

const message = (n: number, data: string = `${n}`): Bus.Message => ({
  id: EventId.derive("message", String(n), 0),
  key: `k${n % 3}`,
  category: "Order",
  type: "Placed",
  schemaVersion: 1,
  stream: StreamName.make("Order", `k${n % 3}`),
  revision: Revision.make(n),
  data,
  metadata: {}
})

/** Receives so many messages, then stops. */
const receive = (bus: Bus.Bus["Service"], count: number) =>
  Effect.gen(function* () {
    const received: Array<Bus.Message> = []
    const all = yield* Latch.make()
    const handle = (one: Bus.Message) =>
      Effect.suspend(() => (received.push(one) === count ? Effect.asVoid(all.open) : Effect.void))
    const fiber = yield* Effect.forkChild(bus.subscribe("group", { topics: [{ category: "Order" }] }, handle))
    yield* all.await
    yield* Fiber.interrupt(fiber)
    return received
  })

it.effect("a handler runs in the subscriber's surroundings, not in those of the bus", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    yield* bus.publish([message(1)])
    const mine = yield* EventStore.pipe(Effect.provide(Memory.layer, { local: true }))
    const done = yield* Latch.make()
    const handle = () =>
      EventStore.use((store) => store.append(StreamName.make("Mine", "1"), [{ type: "X", data: {} }])).pipe(
        Effect.andThen(done.open)
      )
    const fiber = yield* bus
      .subscribe("group", { topics: [{ category: "Order" }] }, handle)
      .pipe(Effect.provideService(EventStore, mine), Effect.forkChild)
    yield* done.await
    yield* Fiber.interrupt(fiber)
    expect(yield* mine.streamRevision(StreamName.make("Mine", "1"))).toBe(0)
    const shared = yield* EventStore
    expect(yield* shared.streamRevision(StreamName.make("Mine", "1"))).toBeUndefined()
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("a batch with one reused id publishes the others, and says which", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    yield* bus.publish([message(2)])
    const error = yield* Effect.flip(bus.publish([message(1), message(2, "other"), message(3), message(3)]))
    expect(error.reason).toMatchObject({ _tag: "MessageIdReused", id: message(2).id })
    yield* bus.publish([message(1), message(2), message(3)])
    const received = yield* receive(bus, 3)
    expect(received.map(({ data }) => data).toSorted()).toEqual(["1", "2", "3"])
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("more than an append holds is published in parts, in order", () =>
  Effect.gen(function* () {
    const { checkpointStore, eventStore } = Memory.drivers()
    const small = { ...eventStore, capabilities: { ...eventStore.capabilities, maxAppendBytes: 2000 } }
    const stores = Layer.mergeAll(
      Layer.succeed(EventStore, makeStore(small)),
      Layer.succeed(CheckpointStore, makeCheckpoints(checkpointStore))
    )
    yield* Effect.gen(function* () {
      const bus = yield* Bus.Bus
      const sent = Array.from({ length: 30 }, (_, n) => ({ ...message(n), key: "one" }))
      yield* bus.publish(sent)
      expect((yield* receive(bus, 30)).map(({ data }) => data)).toEqual(sent.map(({ data }) => data))
      const large = { ...message(40, "x".repeat(3000)), key: "one" }
      const error = yield* Effect.flip(bus.publish([message(30), large, { ...message(31), key: "one" }]))
      expect(error.reason._tag).toBe("AppendTooLarge")
      yield* bus.publish([{ ...message(32), key: "one" }])
      const more = (yield* receive(bus, 2)).map(({ data }) => data)
      expect(more).not.toContain("31")
    }).pipe(Effect.provide(Layer.provideMerge(Bus.layer(), stores)))
  })
)

it.effect("a message keeps its own metadata, whoever publishes it", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    const own = { actor: "ada" }
    yield* bus
      .publish([{ ...message(1), metadata: own }])
      .pipe(Metadata.provide({ actor: "relay", correlationId: "r" }), Effect.withSpan("relay"))
    expect((yield* receive(bus, 1)).map(({ metadata }) => metadata)).toEqual([own])
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("what cannot be stored is refused before anything is published", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    let deep: Schema.Json = 1
    for (let i = 0; i < 50_000; i++) deep = [deep]
    for (const data of [deep, 1n as never]) {
      const error = yield* Effect.flip(bus.publish([message(1), { ...message(2), data }]))
      expect(error.reason._tag).toBe("UnstorableContent")
    }
    expect(yield* EventStore.use((store) => store.head)).toBe(0)
  }).pipe(Effect.provide(Memory.layer))
)

it.live("a key is parked only when that was committed", () =>
  Effect.gen(function* () {
    let calls = 0
    const stores = Layer.effect(
      EventStore,
      Effect.map(EventStore, (store) => ({
        ...store,
        append: (...args: Parameters<typeof store.append>) =>
          Effect.suspend(() =>
            args[0].startsWith("$parked") && calls === 1
              ? Effect.fail(because("append", new Unavailable({ problem: "gone for as long as it is tried" })))
              : store.append(...args)
          )
      }))
    ).pipe(Layer.provideMerge(Memory.layer))
    const services = yield* Layer.build(Layer.provideMerge(Bus.layer(), stores))
    yield* Effect.gen(function* () {
      const bus = yield* Bus.Bus
      yield* bus.publish([message(0), message(3), message(6)])
      const done = yield* Latch.make()
      // The first attempt fails and cannot even be parked; from then on the handler is mended.
      const handle = () =>
        Effect.suspend(() => {
          calls += 1
          if (calls === 1) return Effect.fail("broken")
          return calls === 4 ? Effect.asVoid(done.open) : Effect.void
        })
      const subscription = { topics: [{ category: "Order" }], retry: Schedule.recurs(0) }
      const fiber = yield* Effect.forkChild(bus.subscribe("group", subscription, handle))
      yield* done.await
      yield* Fiber.interrupt(fiber)
      expect(yield* bus.parked("group")).toEqual([])
    }).pipe(Effect.provide(services))
  }).pipe(Effect.scoped)
)

it("has a whole number of partitions", () => {
  for (const partitions of [0, -1, 1.5, Number.NaN]) expect(() => Bus.layer({ partitions })).toThrow(RangeError)
})

it.effect("a group has one set of topics in a process: a second subscriber with others is refused and told so", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    const seen: Array<string> = []
    const subscribe = (type: string) =>
      bus.subscribe("group", { topics: [{ category: "Order", types: [type] }] }, ({ data }) =>
        Effect.sync(() => void seen.push(String(data)))
      )
    const first = yield* Effect.forkScoped(subscribe("Placed"), { startImmediately: true })
    const second = yield* Effect.forkScoped(subscribe("Paid"), { startImmediately: true })
    yield* Effect.repeat(Effect.yieldNow, { times: 100 })
    if (second.pollUnsafe() === undefined) return expect.fail("it is not refused")
    const refused = yield* Effect.flip(Fiber.join(second))
    expect(refused._tag).toBe("BusError")
    expect(refused.message).toContain("runs in this process already, on other events")
    // Who wants the same shares the work.
    yield* Effect.forkScoped(subscribe("Placed"), { startImmediately: true })
    yield* bus.publish(Array.from({ length: 20 }, (_, n) => message(n)))
    while (seen.length < 20) yield* Effect.yieldNow
    expect(first.pollUnsafe()).toBeUndefined()
  }).pipe(Effect.scoped, Effect.provide(Memory.layer))
)
