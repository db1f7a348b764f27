// Streams that strangers hold delay their own appends and nobody else's; who gives up leaves nothing behind.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { expect, it } from "vitest"
import { fresh, heldOpen, numbered, numbers, read, serve, until, waiting } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema, maxConnections: 20 })
const { events, run } = store

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Appends one after the other while it is not stopped; gives how many. */
const busily = Effect.fnUntraced(function* (one: typeof store, isOver: () => boolean) {
  const stream = fresh()
  let done = 0
  while (!isOver()) {
    yield* one.events.append(stream, [numbered(done)])
    done += 1
  }
  return done
})

for (const maxConnections of [10, 4, 2, 1]) {
  it(`with a pool of ${maxConnections}: 8 streams held, 40 appends blocked, free callers go on, all are stored after the release`, async () => {
    const own = await open({ schema: store.schema, maxConnections })
    await own.run(
      Effect.gen(function* () {
        const streams = range(8).map(() => fresh())
        const held = yield* Effect.forEach(streams, (stream) =>
          heldOpen(stranger, stranger.events.append(stream, [numbered(100)]))
        )
        // Somebody follows the log too, and others read.
        yield* Effect.forkScoped(Stream.runDrain(own.events.subscribe(EventFilter.category("Nothing"))))
        const blocked = yield* Effect.forEach(range(40), (n) =>
          Effect.forkScoped(own.events.append(streams[n % 8] ?? fresh(), [numbered(n)]))
        )
        yield* Effect.sleep(50)
        let isOver = false
        const free = yield* Effect.forkScoped(
          Effect.all(
            range(8).map(() => busily(own, () => isOver)),
            { concurrency: "unbounded" }
          )
        )
        for (let i = 0; i < 10; i++) {
          yield* Effect.timeout(read(own, streams[0] ?? fresh()), "5 seconds")
          yield* Effect.sleep(40)
        }
        isOver = true
        const done = yield* Effect.timeout(Fiber.join(free), "10 seconds")
        expect(Math.min(...done)).toBeGreaterThan(3)
        expect(blocked.every((fiber) => fiber.pollUnsafe() === undefined)).toBe(true)
        yield* Effect.forEach(held, ({ commit }) => commit)
        const results = yield* Effect.forEach(blocked, (fiber) => Effect.timeout(Fiber.join(fiber), "20 seconds"))
        expect(results.every(({ repeated }) => !repeated)).toBe(true)
        for (const [i, stream] of streams.entries()) {
          const [first, ...rest] = yield* numbers(own, stream)
          expect([first, rest.toSorted()]).toEqual([100, [i, i + 8, i + 16, i + 24, i + 32].toSorted()])
        }
      })
    )
    await Effect.runPromise(own.close)
  }, 40_000)
}

it(
  "ids that strangers are storing delay their own appends, and not those of others by much",
  () =>
    run(
      Effect.gen(function* () {
        const ids = range(10).map(numbered)
        const held = yield* heldOpen(stranger, stranger.events.append(fresh(), ids))
        const blocked = yield* Effect.forEach(ids, (id) => Effect.forkScoped(Effect.flip(events.append(fresh(), [id]))))
        yield* Effect.sleep(500)
        let isOver = false
        const free = yield* Effect.forkScoped(busily(store, () => isOver))
        yield* Effect.sleep(1500)
        isOver = true
        expect(yield* Fiber.join(free)).toBeGreaterThan(15)
        yield* held.commit
        const errors = yield* Effect.forEach(blocked, Fiber.join)
        expect(errors.map(({ _tag }) => _tag)).toEqual(errors.map(() => "EventIdReused"))
      })
    ),
  30_000
)

it("a stranger's id that is rolled back is free again: the append is stored", () =>
  run(
    Effect.gen(function* () {
      for (const call of [
        (id: ReturnType<typeof numbered>) => events.append(fresh(), [id]),
        (id: ReturnType<typeof numbered>) => events.append(fresh(), [id, numbered(2)]),
        (id: ReturnType<typeof numbered>) =>
          Effect.map(
            events.appendAll([
              { stream: fresh(), events: [numbered(1)] },
              { stream: fresh(), events: [id] }
            ]),
            (results) => results[1]
          )
      ]) {
        const id = numbered(1)
        const held = yield* heldOpen(stranger, stranger.events.append(fresh(), [id]))
        const waits = yield* Effect.forkScoped(call(id))
        yield* Effect.sleep(300)
        expect(waits.pollUnsafe()).toBe(undefined)
        yield* held.rollback
        expect(yield* Effect.timeout(Fiber.join(waits), "10 seconds")).toMatchObject({
          revision: expect.any(Number),
          repeated: false
        })
      }
    })
  ))

it("interrupted while they wait, appends free their connections, leave nothing, and the next in line is stored", () =>
  run(
    Effect.gen(function* () {
      const stream = fresh()
      const held = yield* heldOpen(stranger, stranger.events.append(stream, [numbered(0)]))
      const waiters = yield* Effect.forEach(range(6), (n) =>
        Effect.forkScoped(events.append(stream, [numbered(10 + n)]))
      )
      const all = yield* Effect.forkScoped(
        events.appendAll([
          { stream, events: [numbered(20)] },
          { stream: fresh(), events: [numbered(20)] }
        ])
      )
      yield* until(
        "somebody waits",
        Effect.map(waiting(stranger), (n) => n === 2)
      )
      const [last, ...others] = waiters.toReversed()
      yield* Fiber.interruptAll([...others, all])
      yield* until(
        "one waits",
        Effect.map(waiting(stranger), (n) => n <= 1)
      )
      yield* held.commit
      if (last !== undefined) yield* Effect.timeout(Fiber.join(last), "10 seconds")
      expect(yield* numbers(store, stream)).toEqual([0, 15])
    })
  ))

it("an append that is interrupted at any moment is there whole or not at all, and its neighbours are stored", () =>
  run(
    Effect.gen(function* () {
      const streams = range(60).map(() => fresh())
      const neighbours = range(60).map(() => fresh())
      const three = () => range(3).map(numbered)
      yield* Effect.all(
        streams.map((stream, i) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(events.append(stream, three()))
            const next = yield* Effect.forkChild(events.append(neighbours[i] ?? fresh(), three()))
            if (i % 3 > 0) yield* Effect.sleep(Math.random() * 6)
            yield* Fiber.interrupt(fiber)
            yield* Fiber.join(next)
          })
        ),
        { concurrency: "unbounded" }
      )
      yield* Effect.sleep(200)
      const found = yield* Effect.forEach(streams, (stream) =>
        Effect.map(numbers(store, stream), ({ length }) => length)
      )
      expect(found.every((length) => length === 0 || length === 3)).toBe(true)
      for (const stream of neighbours) expect(yield* numbers(store, stream)).toEqual([0, 1, 2])
    })
  ))
