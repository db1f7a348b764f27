// Transactions that end badly: interrupted, failed at COMMIT, aborted, deadlocked. Nothing of them stays, and all say why.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { StreamName } from "evolvent/StreamName"
import { beforeAll, expect, it } from "vitest"
import { fresh, heldOpen, numbered, numbers, serve, until, waiting } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema })
const { events, run, sql } = store

beforeAll(() =>
  run(
    Effect.andThen(
      sql`CREATE TABLE orders (stream text)`,
      sql`CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)`
    )
  )
)

/** The caller's own rows. */
const order = (stream: StreamName) => sql`INSERT INTO orders VALUES (${stream})`
const orders = (stream: StreamName) =>
  Effect.map(sql`SELECT * FROM orders WHERE stream = ${stream}`, (rows) => rows.length)

it("interrupted inside nothing is kept, the stream is free, and the connection serves others", () =>
  run(
    Effect.gen(function* () {
      const [a, b] = [fresh(), fresh()]
      const held = yield* heldOpen(stranger, stranger.events.append(b, [numbered(0)]))
      const work = sql.withTransaction(
        Effect.gen(function* () {
          yield* order(a)
          yield* events.append(a, [numbered(0)])
          yield* events.append(b, [numbered(1)])
        })
      )
      const fiber = yield* Effect.forkScoped(work)
      yield* until(
        "it waits for the stranger",
        Effect.map(waiting(stranger), (n) => n === 1)
      )
      yield* Fiber.interrupt(fiber)
      yield* until(
        "nobody waits",
        Effect.map(waiting(stranger), (n) => n === 0)
      )
      yield* Effect.timeout(events.append(a, [numbered(2)], { expected: "noStream" }), "5 seconds")
      yield* held.rollback
      expect([yield* numbers(store, a), yield* numbers(store, b), yield* orders(a)]).toEqual([[2], [], 0])
    })
  ))

it("what fails at COMMIT keeps nothing, and wakes nobody for it", () =>
  run(
    Effect.gen(function* () {
      const a = fresh()
      const commit = sql.withTransaction(
        Effect.gen(function* () {
          yield* events.append(a, [numbered(0)])
          yield* sql`INSERT INTO late VALUES (1), (1)`
        })
      )
      expect(yield* Effect.flip(commit)).toMatchObject({ _tag: "SqlError" })
      expect(yield* numbers(store, a)).toEqual([])
      const began = performance.now()
      yield* events.head
      expect(performance.now() - began).toBeLessThan(800)
      yield* events.append(a, [numbered(1)], { expected: "noStream" })
    })
  ))

it("after a statement that failed an append says what to do, and the transaction ends undone", () =>
  run(
    Effect.gen(function* () {
      const a = fresh()
      const swallowed = sql.withTransaction(
        Effect.gen(function* () {
          yield* events.append(a, [numbered(0)])
          yield* Effect.ignore(sql`SELECT 1 / 0`)
          const error = yield* Effect.flip(events.append(a, [numbered(1)]))
          expect(error).toMatchObject({ _tag: "EventStoreError", isRetryable: false })
          expect(error.message).toContain("savepoint")
        })
      )
      expect(yield* Effect.flip(swallowed)).toMatchObject({ _tag: "SqlError" })
      expect(yield* numbers(store, a)).toEqual([])
    })
  ))

it("two transactions that take their streams crosswise: one is ended with a failure to try again, the other is stored", () =>
  run(
    Effect.gen(function* () {
      const [a, b] = [fresh(), fresh()]
      const cross = (first: StreamName, second: StreamName) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* events.append(first, [numbered(0)])
            yield* Effect.sleep(100)
            yield* events.append(second, [numbered(1)])
          })
        )
      const ends = yield* Effect.all([Effect.result(cross(a, b)), Effect.result(cross(b, a))], {
        concurrency: "unbounded"
      })
      const failed = ends.flatMap((end) => (end._tag === "Failure" ? [end.failure] : []))
      expect(failed).toEqual([expect.objectContaining({ _tag: "EventStoreError", isRetryable: true })])
      expect([...(yield* numbers(store, a)), ...(yield* numbers(store, b))].toSorted()).toEqual([0, 1])
    })
  ))
