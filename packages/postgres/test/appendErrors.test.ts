// What is wrong with a server or a schema is a typed error that says what to do, soon, and whether waiting helps.
import * as net from "node:net"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as EventStore from "evolvent/EventStore"
import { expect, it } from "vitest"
import * as appendLimits from "../src/internal/appendLimits.ts"
import * as Database from "../src/internal/Database.ts"
import * as driver from "../src/internal/eventStore.ts"
import type { Tail } from "../src/internal/tail.ts"
import { fresh, numbered, serve } from "./support/AppendStore.ts"

// Over TCP, where a password is asked for.
const port = await new Promise<number>((resolve) => {
  const free = net.createServer().listen(0, "127.0.0.1", () => {
    const address = free.address()
    free.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
  })
})
const { open, server } = await serve({ port })
const store = await open({ maxConnections: 5 })
const { sql } = store

const blind: Tail = {
  seen: () => -1,
  look: Effect.succeed(0),
  lookForOwn: Effect.succeed(0),
  appended: () => undefined,
  follow: Effect.succeed(Effect.never)
}

/** A store that was begun without looking whether it can work. */
const storeOn = Effect.fnUntraced(function* (config: Partial<PgClient.PgPoolConfig>, schema = store.schema) {
  const context = yield* Layer.build(PgClient.layer({ ...server.connection, host: "127.0.0.1", port, ...config }))
  const db = Database.make(Context.get(context, PgClient.PgClient), schema)
  return EventStore.make(yield* driver.make(db, blind, appendLimits.defaultLimits))
})

/** How appends of each kind fail: alone, many at once, of several streams. */
const failures = Effect.fnUntraced(function* (events: EventStore.EventStore["Service"]) {
  const began = performance.now()
  const calls: ReadonlyArray<Effect.Effect<unknown, Error>> = [
    events.append(fresh(), [numbered(1)]),
    events.append(fresh(), [numbered(1), numbered(2)], { expected: "noStream" }),
    events.appendAll([
      { stream: fresh(), events: [numbered(1)] },
      { stream: fresh(), events: [numbered(2)] }
    ])
  ]
  const errors = yield* Effect.all(calls.map(Effect.flip), { concurrency: "unbounded" })
  return { errors, seconds: (performance.now() - began) / 1000 }
})

/** Each failed for this reason, with these words, and in time. */
const expectAll = (
  { errors, seconds }: Effect.Success<ReturnType<typeof failures>>,
  reason: "Unavailable" | "InvalidRequest",
  words: RegExp
) => {
  for (const error of errors) {
    expect(error).toMatchObject({
      _tag: "EventStoreError",
      operation: "EventStore.append",
      isRetryable: reason === "Unavailable",
      reason: { _tag: reason }
    })
    expect(error.message).toMatch(words)
  }
  // What waiting does not help is not waited for.
  expect(seconds).toBeLessThan(reason === "Unavailable" ? 20 : 2)
}

const test = <A, E>(name: string, effect: Effect.Effect<A, E, Scope.Scope>) =>
  it(name, () => Effect.runPromise(Effect.scoped(effect)), 60_000)

test(
  "a schema that is not there, or lacks a function: migrate",
  Effect.gen(function* () {
    expectAll(
      yield* failures(yield* storeOn({}, "nowhere")),
      "InvalidRequest",
      /never migrated.*Run the migrations.*(3F000|42883|42P01)/
    )
    const older = yield* Effect.promise(() => open())
    const lost = yield* older.sql`SELECT oid::regprocedure::text AS name FROM pg_proc
      WHERE pronamespace = ${older.schema}::regnamespace AND proname LIKE 'append%'`
    for (const { name } of lost) yield* older.sql.unsafe(`DROP FUNCTION ${String(name)}`)
    expectAll(yield* failures(older.events), "InvalidRequest", /Run the migrations.*42883/)
  })
)

test(
  "a wrong password, no such role, no such database: at once, and no use in waiting",
  Effect.gen(function* () {
    const wrong = yield* storeOn({ password: Redacted.make("wrong") })
    expectAll(
      yield* failures(wrong),
      "InvalidRequest",
      /does not let this role sign in: look at its name, its password/
    )
    const nobody = yield* storeOn({ username: "nobody_here" })
    expectAll(yield* failures(nobody), "InvalidRequest", /does not let this role sign in/)
    const nowhere = yield* storeOn({ database: "nowhere" })
    expectAll(yield* failures(nowhere), "InvalidRequest", /no such database/)
  })
)

test(
  "a role that may not append is told so",
  Effect.gen(function* () {
    yield* sql.unsafe("CREATE ROLE looker LOGIN PASSWORD 'looks'")
    const looker = yield* storeOn({ username: "looker", password: Redacted.make("looks") })
    expectAll(yield* failures(looker), "InvalidRequest", /lacks a right.*42501/)
  })
)

test(
  "nobody listens, or somebody who never answers: unavailable, within seconds",
  Effect.gen(function* () {
    const silent = yield* Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<net.Server>((resolve) => {
            const listening = net.createServer(() => undefined).listen(0, "127.0.0.1", () => resolve(listening))
          })
      ),
      (listening) => Effect.sync(() => void listening.close())
    )
    const address = silent.address()
    const mutePort = typeof address === "object" && address !== null ? address.port : 1
    const mute = yield* storeOn({ port: mutePort, connectTimeout: "2 seconds" })
    const slow = yield* failures(mute)
    expectAll(slow, "Unavailable", /PostgreSQL cannot be reached/)
    // Not seven times the timeout.
    expect(slow.seconds).toBeLessThan(13)
    const closed = yield* storeOn({ port: 1 })
    expectAll(yield* failures(closed), "Unavailable", /PostgreSQL cannot be reached/)
  })
)

test(
  "a server that is read-only, and one without a connection left: unavailable, with what to do",
  Effect.gen(function* () {
    const replica = yield* storeOn({ startupParameters: { default_transaction_read_only: "on" } })
    expectAll(yield* failures(replica), "Unavailable", /read-only: a replica.*25006/)
    yield* sql.unsafe("CREATE ROLE late LOGIN PASSWORD 'late'")
    yield* sql.unsafe("ALTER ROLE late CONNECTION LIMIT 0")
    const late = yield* storeOn({ username: "late", password: Redacted.make("late") })
    expectAll(yield* failures(late), "Unavailable", /no connection left: raise max_connections.*53300/)
  })
)

test(
  "a server that is stopped: unavailable within seconds, and back in use once it is back",
  Effect.gen(function* () {
    const events = yield* storeOn({})
    yield* events.append(fresh(), [numbered(0)])
    yield* server.stop()
    const down = yield* failures(events)
    expectAll(down, "Unavailable", /PostgreSQL cannot be reached/)
    yield* server.restart()
    expect(yield* events.append(fresh(), [numbered(1)])).toMatchObject({ revision: 0, repeated: false })
  })
)
