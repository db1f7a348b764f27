// Servers restart, sessions are killed, databases stall, layers close: every append ends, once, whole, and says how.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Revision from "evolvent/Revision"
import { expect, it } from "vitest"
import { count, fresh, heldOpen, numbered, numbers, serve, until, waiting } from "./support/AppendStore.ts"
import type { Store } from "./support/AppendStore.ts"

const { open, server } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema, applicationName: "stranger" })
const { events, run } = store

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/**
 * Callers that append one event after the other, each to its own stream; what each was told, and what it tried. The first
 * `exact` of them expect the revision where they have come to.
 */
const storm = (one: Store, callers: number, appends: number, exact = 0) =>
  Effect.all(
    range(callers).map((caller) =>
      Effect.gen(function* () {
        const stream = fresh("Storm")
        const told: Array<string> = []
        for (const n of range(appends)) {
          const at = n === 0 ? "noStream" : Revision.make(n - 1)
          const expected = caller < exact ? at : "any"
          const result = yield* Effect.result(one.events.append(stream, [numbered(n)], { expected }))
          if (result._tag === "Success") told.push(result.success.repeated ? "repeated" : "stored")
          else {
            expect(result.failure).toMatchObject({ _tag: "EventStoreError", isRetryable: true })
            told.push("failed")
          }
        }
        return { stream, told }
      })
    ),
    { concurrency: "unbounded" }
  )

/** What was acknowledged is there once, in order; what failed is there once or not at all. */
const agree = Effect.fnUntraced(function* (
  ends: ReadonlyArray<{ stream: Parameters<typeof numbers>[1]; told: ReadonlyArray<string> }>
) {
  for (const { stream, told } of ends) {
    const found = yield* numbers(store, stream)
    expect(told).not.toContain("repeated")
    expect(new Set(found).size).toBe(found.length)
    expect(found.filter((n) => told[Number(n)] === "stored")).toEqual(
      range(told.length).filter((n) => told[n] === "stored")
    )
  }
  return ends.flatMap(({ told }) => told).filter((what) => what === "failed").length
})

it(
  "sessions killed in the midst of groups: every append is stored once, and its caller told so",
  () =>
    run(
      Effect.gen(function* () {
        const storming = { isOver: false, killed: 0 }
        const killer = yield* Effect.forkScoped(
          Effect.gen(function* () {
            while (!storming.isOver) {
              storming.killed += yield* count(
                stranger,
                `SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity WHERE application_name <> 'stranger' AND (query LIKE '%append_%' OR query LIKE '%INSERT INTO%') AND state = 'active' AND pid <> pg_backend_pid()`
              )
              yield* Effect.sleep(20 + Math.random() * 150)
            }
          })
        )
        const ends = [...(yield* storm(store, 24, 250, 16))]
        // As long as it takes: a machine that is fast is not hit at once.
        while (storming.killed < 3) ends.push(...(yield* storm(store, 24, 250, 16)))
        storming.isOver = true
        yield* Fiber.join(killer)
        expect(yield* agree(ends)).toBe(0)
      })
    ),
  40_000
)

it("the one backend of a group, killed before it commits: all its members are stored once", async () => {
  const own = await open({ schema: store.schema, maxConnections: 2 })
  await own.run(
    Effect.gen(function* () {
      // A lock on the table lets groups run up to their insert, and no further.
      const held = yield* heldOpen(stranger, stranger.sql.unsafe(`LOCK TABLE "${store.schema}".events IN SHARE MODE`))
      const streams = range(30).map(() => fresh())
      const callers = yield* Effect.forEach(streams, (stream) =>
        Effect.forkScoped(own.events.append(stream, [numbered(1)]))
      )
      yield* until(
        "a group waits",
        Effect.map(waiting(stranger), (n) => n > 0)
      )
      yield* stranger.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`
      yield* held.rollback
      const results = yield* Effect.forEach(callers, Fiber.join)
      expect(results.map(({ repeated, revision }) => [revision, repeated])).toEqual(results.map(() => [0, false]))
      for (const stream of streams) expect(yield* numbers(store, stream)).toEqual([1])
    })
  )
  await Effect.runPromise(own.close)
}, 20_000)

for (const mode of ["fast", "immediate"] as const) {
  it(
    `the server restarts (${mode}) in the midst: what was acknowledged is there once, and nearly all is`,
    () =>
      run(
        Effect.gen(function* () {
          const storming = yield* Effect.forkScoped(storm(store, 16, 60))
          yield* Effect.sleep(150)
          yield* server.restart(mode)
          const failed = yield* agree(yield* Effect.timeout(Fiber.join(storming), "30 seconds"))
          // A machine that is busy may bring it back too late for some.
          expect(failed).toBeLessThan(16 * 10)
        })
      ),
    40_000
  )
}

it("a stalled database: the bound refuses one more with its name, nothing is lost, and later all goes on", async () => {
  const own = await open({ schema: store.schema, maxWaiting: 5 })
  await own.run(
    Effect.gen(function* () {
      const held = yield* heldOpen(stranger, stranger.sql.unsafe(`LOCK TABLE "${store.schema}".events IN SHARE MODE`))
      const streams = range(5).map(() => fresh())
      const taken = yield* Effect.forEach(streams, (stream) =>
        Effect.forkScoped(own.events.append(stream, [numbered(1)]))
      )
      yield* Effect.sleep(1000)
      for (let i = 0; i < 3; i++) {
        const error = yield* Effect.flip(own.events.append(fresh(), [numbered(2)]))
        expect(error).toMatchObject({ _tag: "EventStoreError", isRetryable: true, reason: { _tag: "Unavailable" } })
        expect(error.message).toContain("5 appends are waiting already")
      }
      // Who gives up makes room.
      const [first, ...rest] = taken
      if (first !== undefined) yield* Fiber.interrupt(first)
      const next = yield* Effect.forkScoped(own.events.append(fresh(), [numbered(3)]))
      yield* Effect.sleep(100)
      yield* held.rollback
      const results = yield* Effect.forEach([...rest, next], (fiber) => Effect.timeout(Fiber.join(fiber), "15 seconds"))
      expect(results.every(({ repeated }) => !repeated)).toBe(true)
      yield* own.events.append(fresh(), [numbered(4)])
      for (const stream of streams.slice(1)) expect(yield* numbers(store, stream)).toEqual([1])
    })
  )
  await Effect.runPromise(own.close)
}, 30_000)

it("the layer closes while appends run and wait: each ends, with its outcome or a typed error, and the stream is free", async () => {
  const own = await open({ schema: store.schema })
  const [held, ...streams] = range(41).map(() => fresh())
  await run(
    Effect.gen(function* () {
      const transaction = yield* heldOpen(stranger, stranger.events.append(held ?? fresh(), [numbered(0)]))
      const ends = streams.map((stream, n) =>
        Effect.result(
          n % 4 === 0 ? own.events.append(held ?? fresh(), [numbered(n)]) : own.events.append(stream, [numbered(n)])
        )
      )
      const callers = yield* Effect.forkScoped(Effect.all(ends, { concurrency: "unbounded" }))
      const both = [fresh(), held ?? fresh()].map((stream) => ({ stream, events: [numbered(9)] }))
      const together = yield* Effect.forkScoped(Effect.flip(own.events.appendAll(both)))
      yield* until(
        "some wait for the stranger",
        Effect.map(waiting(stranger), (n) => n > 0)
      )
      const closing = yield* Effect.forkScoped(own.close)
      const results = yield* Effect.timeout(Fiber.join(callers), "10 seconds")
      for (const result of results) {
        if (result._tag === "Failure")
          expect(result.failure).toMatchObject({ _tag: "EventStoreError", isRetryable: true })
      }
      expect(results.filter(({ _tag }) => _tag === "Failure").length).toBeGreaterThanOrEqual(10)
      expect((yield* Effect.timeout(Fiber.join(together), "10 seconds")).message).toContain("was closed")
      const after = yield* Effect.flip(own.events.append(fresh(), [numbered(1)]))
      expect(after.message).toContain("the event store is closed")
      yield* Effect.timeout(Fiber.join(closing), "10 seconds")
      yield* until(
        "nobody waits any more",
        Effect.map(waiting(stranger), (n) => n === 0)
      )
      yield* transaction.commit
      expect(yield* numbers(store, held ?? fresh())).toEqual([0])
      yield* events.append(held ?? fresh(), [numbered(1)])
    })
  )
}, 20_000)
