// A checkpoint store and its server: whose clock counts, what a name may be, what is said when rights or tables are missing.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as CheckpointStores from "evolvent/CheckpointStore"
import { CheckpointStore, Stopped } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { expect, it } from "vitest"
import * as checkpoints from "../src/internal/checkpointStore.ts"
import * as Database from "../src/internal/Database.ts"
import { explain, isConnection, mayBeStored } from "../src/internal/sqlErrors.ts"
import { client, fresh } from "./support/FreshSchema.ts"

const { run, schema, sql } = await fresh()
const at = Position.make

it("counts leases by the server's clock, whatever the clock of this process says", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      const clock = yield* Clock.Clock
      const day = 86_400_000
      const tomorrow: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + day,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + day),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + BigInt(day) * 1_000_000n,
        currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + BigInt(day) * 1_000_000n),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        sleep: (duration) => clock.sleep(duration)
      }
      const ahead = Effect.provideService(Clock.Clock, tomorrow)
      yield* store.acquire("clock", "ada", "1 minute")
      expect(yield* Effect.flip(ahead(store.acquire("clock", "bob", "1 minute")))).toMatchObject({ _tag: "LeaseHeld" })
      yield* ahead(store.acquire("clock 2", "ada", "100 millis"))
      yield* Effect.sleep(150)
      expect(yield* store.acquire("clock 2", "bob", "Infinity")).toMatchObject({ holder: "bob", token: 2 })
      expect(yield* Effect.flip(store.acquire("clock 2", "ada", 1))).toMatchObject({ _tag: "LeaseHeld", holder: "bob" })
    })
  ))

it("gives a held lease to its own holder again, under a new token", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      const first = yield* store.acquire("again", "ada", "1 minute")
      const second = yield* store.acquire("again", "ada", "1 minute")
      expect(second.token).toBeGreaterThan(first.token)
      expect(yield* Effect.flip(store.renew(first))).toMatchObject({ _tag: "LeaseLost", token: first.token })
      yield* store.renew(second)
    })
  ))

it("refuses names that it could not keep, before anything is written", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      const lone = String.fromCharCode(0xd800)
      for (const name of ["a\u0000b", `a${lone}`, "x".repeat(2601), "😀".repeat(651)]) {
        const error = yield* Effect.flip(store.advance({ name, from: at(0), to: at(1) }))
        expect(error).toMatchObject({ _tag: "CheckpointStoreError", isRetryable: false })
        expect(error.message).toMatch(/^CheckpointStore.transact: .*the name of a checkpoint (holds|is too long)/)
        expect(yield* Effect.flip(store.load(name))).toMatchObject({ reason: { _tag: "InvalidRequest" } })
        expect(yield* Effect.flip(store.acquire(name, "me", 1))).toMatchObject({ reason: { _tag: "InvalidRequest" } })
      }
      expect(yield* Effect.flip(store.acquire("fine", "\u0000", 1))).toMatchObject({ isRetryable: false })
      // Incompressible, so that the server's limit is met and not its compression.
      const longest = Array.from({ length: 2600 }, (_, i) =>
        String.fromCharCode(33 + ((i * i * 31 + i * 7) % 90))
      ).join("")
      yield* store.advance({ name: longest, from: at(0), to: at(9) })
      expect((yield* store.load(longest)).position).toBe(9)
    })
  ))

it("keeps a stop with texts that only JSON can hold", () =>
  run(
    Effect.gen(function* () {
      const store = yield* CheckpointStore
      const stopped = new Stopped({
        problem: `NUL \u0000 and half ${String.fromCharCode(0xdc00)} of a pair`,
        eventId: undefined,
        stream: "Order-\u00001",
        position: 7
      })
      yield* store.stop("stopped", stopped)
      expect((yield* store.load("stopped")).stopped).toEqual(stopped)
    })
  ))

/** Every call of a store, and how it fails. */
const failures = (store: CheckpointStore["Service"]) => {
  const lease = { name: "n", holder: "h", token: 1, duration: Duration.seconds(1) }
  const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>> = [
    store.load("n"),
    store.advance({ name: "n", from: at(0), to: at(1) }),
    store.transact({ name: "n", from: at(0), to: at(1) }, Effect.succeed(1)),
    store.stop("n", new Stopped({ problem: "p", eventId: undefined, stream: undefined, position: undefined })),
    store.acquire("n", "h", "1 second"),
    store.release(lease)
  ]
  return Effect.forEach(calls, (call) => Effect.flip(call))
}

const storeOf = (client: typeof sql, schema: string) =>
  CheckpointStores.make(checkpoints.make(Database.make(client, schema)))

it("says that the schema is not migrated, and that waiting will not help", () =>
  run(
    Effect.gen(function* () {
      for (const error of yield* failures(storeOf(sql, "nowhere"))) {
        expect(error).toMatchObject({ isRetryable: false, reason: { _tag: "InvalidRequest" } })
        expect(error.message).toContain("Run the migrations")
        expect(error.message).not.toContain("may go through later")
      }
    })
  ))

it("says which rights are missing", async () => {
  const role = `role_${crypto.randomUUID().slice(0, 8)}`
  await Effect.runPromise(sql.unsafe(`CREATE ROLE ${role}`))
  const stranger = storeOf(await client({ startupParameters: { role } }), schema)
  for (const error of await Effect.runPromise(failures(stranger))) {
    expect(error).toMatchObject({ isRetryable: false, reason: { _tag: "InvalidRequest" } })
    expect(error.message).toContain("lacks a right")
  }
  await Effect.runPromise(sql.unsafe(`DROP ROLE ${role}`))
})

const fromServer = (code: string) =>
  new UnknownError({ cause: Object.assign(new Error("as it says"), { severity: "ERROR", code }), operation: "query" })

it("tells apart what passes by waiting from what does not", () => {
  const lost = new ConnectionError({ cause: Object.assign(new Error("write EPIPE"), { code: "EPIPE" }) })
  expect(explain(new SqlError({ reason: lost }))).toMatchObject({ isRetryable: true })
  expect(explain(new SqlError({ reason: lost })).problem).toContain("(write EPIPE)")
  const encode = new UnknownError({
    cause: new Error("no type"),
    message: "Failed to encode query",
    operation: "query"
  })
  expect(explain(new SqlError({ reason: encode })).isRetryable).toBe(false)
  const passing = "57P01 57P02 57P03 57014 53300 53100 08006 40001 40P01 55P03 25P03 25006 58030 XX000".split(" ")
  const lasting = "42P01 42703 42883 3F000 3D000 42501 28P01 25P02 22021 23505 54000".split(" ")
  for (const code of [...passing, ...lasting]) {
    const failed = new SqlError({ reason: fromServer(code) })
    const { isRetryable, problem } = explain(failed)
    expect([code, isRetryable]).toEqual([code, passing.includes(code)])
    expect([code, isConnection(failed)]).toEqual([code, /^(57P|08|53300)/.test(code)])
    expect([code, mayBeStored(failed)]).toEqual([code, /^(57P|08|XX)/.test(code)])
    expect(problem).toMatch(/\w.* \(\w{5}: as it says\)$/)
  }
})
