// What EventStore.make does over a driver that fails: nothing is lost on the way, and nothing stays behind.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as EventStore from "evolvent/EventStore"
import { because, Unavailable } from "evolvent/EventStoreError"
import * as Memory from "evolvent/Memory"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"

const stream = StreamName.make("Fault", "1")

const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* Effect.sleep(1)
  })

const event = (n: number) => ({ type: "Counted", data: { n } })

it("a subscription goes on where it was when the connection comes back", async () => {
  const { eventStore: driver } = Memory.drivers()
  const lost = because("test", new Unavailable({ problem: "the connection broke" }))
  let reads = 0
  let listens = 0
  const store = EventStore.make({
    ...driver,
    read: (request) => Effect.suspend(() => (++reads % 3 === 0 ? Effect.fail(lost) : driver.read(request))),
    listen: Effect.suspend(() => (++listens % 2 === 0 ? Effect.fail(lost) : driver.listen))
  })
  const seen: Array<unknown> = []
  const program = Effect.gen(function* () {
    const follow = Stream.runForEach(store.subscribe(EventFilter.stream(stream)), ({ events }) =>
      Effect.sync(() => seen.push(...events.map(({ data }) => data)))
    )
    const fiber = yield* Effect.forkChild(follow)
    for (let n = 0; n < 8; n++) {
      yield* store.append(stream, [event(n)])
      yield* until(() => seen.length === n + 1)
    }
    yield* Fiber.interrupt(fiber)
  })
  await Effect.runPromise(program)
  expect(seen).toEqual(Array.from({ length: 8 }, (_, n) => ({ n })))
  expect(listens).toBeGreaterThan(2)
})

it("a failure that does not pass ends a subscription", async () => {
  const { eventStore: driver } = Memory.drivers()
  const store = EventStore.make(driver)
  await Effect.runPromise(store.append(stream, [event(0)]))
  const read = store.subscribe(EventFilter.all(), { after: 99 as never })
  const failed = await Effect.runPromise(Effect.flip(Stream.runDrain(read)))
  expect(failed.reason._tag).toBe("CheckpointAheadOfStore")
})

it("an older copy of the store that has grown past the reader is no continuation", async () => {
  const [before, after] = [Memory.drivers().eventStore, Memory.drivers().eventStore]
  let current = before
  let cut = false
  const store = EventStore.make({
    ...before,
    read: (request) =>
      Effect.suspend(() => {
        if (!cut) return current.read(request)
        cut = false
        current = after
        return Effect.fail(because("test", new Unavailable({ problem: "the connection broke" })))
      }),
    newest: Effect.suspend(() => current.newest)
  })
  const older = EventStore.make(after)
  let seen = 0
  const program = Effect.gen(function* () {
    yield* store.append(stream, [event(0), event(1)])
    for (let n = 0; n < 4; n++) yield* older.append(stream, [event(n)])
    const follow = Stream.runForEach(store.subscribe(EventFilter.stream(stream)), ({ events }) =>
      Effect.sync(() => {
        seen += events.length
        cut = true
      })
    )
    const fiber = yield* Effect.forkChild(follow)
    yield* until(() => seen === 2)
    yield* store.append(stream, [event(2)])
    return yield* Effect.flip(Fiber.join(fiber))
  })
  const { message, reason } = await Effect.runPromise(program)
  expect(reason._tag).toBe("CheckpointAheadOfStore")
  expect(message).toContain("does not hold what the reader saw last")
})

it("an interrupted subscription stops listening and reading", async () => {
  const { eventStore: driver } = Memory.drivers()
  const counts = { listening: 0, reads: 0 }
  const store = EventStore.make({
    ...driver,
    read: (request) => Effect.tap(driver.read(request), () => Effect.sync(() => (counts.reads += 1))),
    listen: Effect.acquireRelease(
      Effect.tap(driver.listen, () => Effect.sync(() => (counts.listening += 1))),
      () => Effect.sync(() => (counts.listening -= 1))
    )
  })
  const program = Effect.gen(function* () {
    const fibers = yield* Effect.forEach([1, 2, 3], () =>
      Effect.forkChild(Stream.runDrain(store.subscribe(EventFilter.all())))
    )
    yield* until(() => counts.listening === 3 && counts.reads >= 3)
    yield* store.append(stream, [event(0)])
    yield* until(() => counts.reads >= 6)
    yield* Fiber.interruptAll(fibers)
    const { reads } = counts
    yield* store.append(stream, [event(1)])
    yield* Effect.sleep(20)
    return { ...counts, more: counts.reads - reads }
  })
  expect(await Effect.runPromise(program)).toMatchObject({ listening: 0, more: 0 })
})
