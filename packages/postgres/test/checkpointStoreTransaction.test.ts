// What moves with a checkpoint on PostgreSQL: everything in its transaction, or nothing; whoever kills, races or stops.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import { afterEach, expect, it } from "vitest"
import * as checkpoints from "../src/internal/checkpointStore.ts"
import { Db, fresh } from "./support/FreshSchema.ts"

const { context, run, sql } = await fresh()
const at = Position.make
const table = { name: "moved", version: 1, indexes: [] }
const row = (key: string) => ({ key, position: at(1), row: "{}", index: {} })

let number = 0
let name = "runner 0"
afterEach(() => {
  name = `runner ${++number}`
})

const put = (key: string) => ReadModelStore.use((store) => store.apply(table, [row(`${name} ${key}`)]))
const keys = (...some: ReadonlyArray<string>) =>
  ReadModelStore.use((store) =>
    Effect.map(
      store.get(
        table,
        some.map((key) => `${name} ${key}`)
      ),
      (rows) => rows.map(({ key }) => key.slice(name.length + 1)).toSorted()
    )
  )
const stands = CheckpointStore.use((store) => Effect.map(store.load(name), ({ position }) => position))
const transact = <A, E, R>(writes: Effect.Effect<A, E, R>, to = 1) =>
  CheckpointStore.use((store) => store.transact({ name, from: at(0), to: at(to) }, writes))

/** Ends the session of the transaction that this runs in. */
const killed = Effect.gen(function* () {
  const [[pid] = []] = yield* sql`SELECT pg_backend_pid()`.values
  const outside = Effect.promise(() => Effect.runPromise(sql`SELECT pg_terminate_backend(${Number(pid)})`))
  yield* outside
})

const every20 = Schedule.spaced("20 millis")

/** A process that is stopped (SIGSTOP) just before its COMMIT: the session stays open, and nobody speaks in it. */
const stopBeforeCommit: typeof sql.withTransaction = (effect) =>
  sql.withTransaction(Effect.andThen(effect, Effect.never))

/** The client with other transactions. */
const clientWith = (withTransaction: typeof sql.withTransaction): typeof sql =>
  new Proxy(sql, { get: (target, name) => (name === "withTransaction" ? withTransaction : Reflect.get(target, name)) })

it("moves and writes in the caller's transaction, and is undone with it", () =>
  run(
    Effect.gen(function* () {
      const outer = sql.withTransaction(
        Effect.gen(function* () {
          yield* transact(put("a"))
          expect(yield* stands).toBe(1)
          return yield* Effect.fail("undone")
        })
      )
      expect(yield* Effect.flip(outer)).toBe("undone")
      expect([yield* stands, yield* keys("a")]).toEqual([0, []])
    })
  ))

it("undoes a refused move alone, and leaves the caller's transaction usable", () =>
  run(
    Effect.gen(function* () {
      const inner = CheckpointStore.use((store) => store.transact({ name, from: at(5), to: at(6) }, put("refused")))
      const outer = Effect.gen(function* () {
        yield* put("before")
        expect((yield* Effect.flip(inner))._tag).toBe("CheckpointMoved")
        yield* transact(put("after"))
      })
      yield* sql.withTransaction(outer)
      expect([yield* stands, yield* keys("before", "refused", "after")]).toEqual([1, ["after", "before"]])
    })
  ))

it("lets one of two runners win that have the same position, and writes nothing of the other", () =>
  run(
    Effect.gen(function* () {
      yield* put("first")
      const runners = ["a", "b", "c", "d"].map((key, i) =>
        Effect.result(
          transact(
            Effect.andThen(put(key), () => Effect.sleep(20)),
            i + 1
          )
        )
      )
      const results = yield* Effect.all(runners, { concurrency: "unbounded" })
      const winners = results.flatMap(({ _tag }, i) => (_tag === "Success" ? [["a", "b", "c", "d"][i]] : []))
      const losers = results.flatMap((result) => (result._tag === "Failure" ? [result.failure._tag] : []))
      expect([winners.length, losers]).toEqual([1, ["CheckpointMoved", "CheckpointMoved", "CheckpointMoved"]])
      expect(yield* keys("a", "b", "c", "d")).toEqual(winners)
    })
  ))

it("refuses a lease that is taken over while the writes run, without waiting for these", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      const lease = yield* store.acquire(name, "ada", "50 millis")
      const takeOver = Effect.promise(() =>
        Effect.runPromise(
          Effect.andThen(
            Effect.sleep(80),
            Effect.timeout(Effect.provideContext(store.acquire(name, "bob", "1 minute"), context), "2 seconds")
          )
        )
      )
      const writes = Effect.andThen(put("late"), takeOver)
      const error = yield* Effect.flip(store.transact({ name, from: at(0), to: at(1), lease }, writes))
      expect(error).toMatchObject({ _tag: "LeaseLost", holder: "ada", token: lease.token })
      expect([yield* stands, yield* keys("late")]).toEqual([0, []])
    })
  ))

it("says Unavailable when the session ends before the move, and keeps nothing", () =>
  run(
    Effect.gen(function* () {
      const error = yield* Effect.flip(transact(Effect.andThen(put("half"), killed)))
      expect(error).toMatchObject({ _tag: "CheckpointStoreError", isRetryable: true, reason: { _tag: "Unavailable" } })
      expect([yield* stands, yield* keys("half")]).toEqual([0, []])
    })
  ))

it("gives the error of the writes when the session ends within them, and not that of the rollback", () =>
  run(
    Effect.gen(function* () {
      const error = yield* Effect.flip(transact(Effect.andThen(Effect.andThen(put("half"), killed), put("more"))))
      expect(error).toMatchObject({ _tag: "ReadModelStoreError", isRetryable: true })
      const own = yield* Effect.flip(transact(Effect.andThen(killed, Effect.fail("mine" as const))))
      expect(own).toBe("mine")
      expect([yield* stands, yield* keys("half", "more")]).toEqual([0, []])
    })
  ))

it("gives an SqlError of the writes as it is, and a swallowed one as a call that cannot be carried out", () =>
  run(
    Effect.gen(function* () {
      const broken = sql`SELECT 1 / 0`
      expect(yield* Effect.flip(transact(broken))).toMatchObject({ _tag: "SqlError" })
      const error = yield* Effect.flip(transact(Effect.ignore(broken)))
      expect(error).toMatchObject({
        _tag: "CheckpointStoreError",
        isRetryable: false,
        reason: { _tag: "InvalidRequest" }
      })
      expect(error.message).toContain("swallowed")
      expect(yield* stands).toBe(0)
    })
  ))

it("ends the transaction of a runner that stands still between its move and its commit", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      const db = yield* Db
      yield* store.advance({ name, from: at(0), to: at(1) })
      const stopped = checkpoints.make({ ...db, sql: clientWith(stopBeforeCommit) })
      const lease = yield* store.acquire(name, "ada", "1 second")
      const moving = yield* Effect.forkScoped(
        Effect.exit(stopped.commit([{ name, from: at(1), to: at(2), lease }], put("uncommitted")))
      )
      yield* Effect.sleep(200)
      const since = performance.now()
      const taken = yield* Effect.retry(store.acquire(name, "bob", "1 minute"), { times: 50, schedule: every20 })
      expect(taken.holder).toBe("bob")
      expect(performance.now() - since).toBeLessThan(3000)
      expect([yield* stands, yield* keys("uncommitted")]).toEqual([1, []])
      yield* Fiber.interrupt(moving)
    })
  ))

it("ends the transaction of a runner that stands still between its rows and its move", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      yield* store.advance({ name, from: at(0), to: at(1) })
      const lease = yield* store.acquire(name, "ada", "1 second")
      const written = yield* Deferred.make<void>()
      const standing = Effect.andThen(put("first"), Effect.andThen(Deferred.succeed(written, undefined), Effect.never))
      const moving = yield* Effect.forkScoped(
        Effect.exit(store.transact({ name, from: at(1), to: at(2), lease }, standing))
      )
      yield* Deferred.await(written)
      const taken = yield* Effect.retry(store.acquire(name, "bob", "1 minute"), { times: 100, schedule: every20 })
      const since = performance.now()
      // The same row, which the other one has not let go of.
      yield* store.transact({ name, from: at(1), to: at(2), lease: taken }, put("first"))
      expect(performance.now() - since).toBeLessThan(5000)
      expect([yield* stands, (yield* keys("first")).length]).toEqual([2, 1])
      yield* Fiber.interrupt(moving)
    })
  ))

it("moves a checkpoint with nothing to write in one statement, without a transaction", () =>
  run(
    Effect.gen(function* () {
      const db = yield* Db
      const counted = { statements: 0, transactions: 0 }
      const store = checkpoints.make({
        ...db,
        run: (text, params) => Effect.suspend(() => (counted.statements++, db.run(text, params))),
        sql: clientWith((effect) => Effect.suspend(() => (counted.transactions++, sql.withTransaction(effect))))
      })
      yield* store.commit([{ name, from: at(0), to: at(3) }], Effect.void)
      // A checkpoint that nobody has seen is made when it cannot be moved.
      expect(counted).toEqual({ statements: 3, transactions: 0 })
      yield* store.commit([{ name, from: at(3), to: at(4) }], Effect.void)
      expect(counted).toEqual({ statements: 4, transactions: 0 })
      yield* store.commit([{ name, from: at(4), to: at(5) }], put("one"))
      // How long it may stand still is said first.
      expect(counted).toEqual({ statements: 6, transactions: 1 })
      expect(yield* stands).toBe(5)
    })
  ))
