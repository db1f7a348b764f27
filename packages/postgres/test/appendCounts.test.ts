// What appends cost: alone one statement each, together far fewer commits than appends.
import * as Effect from "effect/Effect"
import * as EventStore from "evolvent/EventStore"
import type { Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import { expect, it } from "vitest"
import * as appendLimits from "../src/internal/appendLimits.ts"
import * as Database from "../src/internal/Database.ts"
import * as driver from "../src/internal/eventStore.ts"
import type { Tail } from "../src/internal/tail.ts"
import { fresh, numbered, read, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()

// Nobody is woken and nobody follows, so that every statement is one of an append.
const quiet: Tail = {
  seen: () => -1,
  look: Effect.succeed(0),
  lookForOwn: Effect.succeed(0),
  appended: () => undefined,
  follow: Effect.succeed(Effect.never)
}

const nameOf = (text: string): string => {
  if (text.includes("INSERT INTO")) return text.includes("unnest(") ? "INSERT of many" : "INSERT of one"
  return /append_\w+/.exec(text)?.[0] ?? text
}

/** The store over a client that notes each statement of an append, and how many were under way at the same time. */
const counted = Effect.gen(function* () {
  const reserve = Effect.map(store.sql.reserve, (connection) => {
    const executeValues: typeof connection.executeValues = (text, params) =>
      noted(text, connection.executeValues(text, params))
    return new Proxy(connection, {
      get: (target, name): unknown => (name === "executeValues" ? executeValues : Reflect.get(target, name, target))
    })
  })
  const sql = new Proxy(store.sql, {
    get: (target, name): unknown => (name === "reserve" ? reserve : Reflect.get(target, name, target))
  })
  const db = Database.make(sql, store.schema)
  const statements: Array<string> = []
  const seen = { statements, most: 0 }
  let now = 0
  const noted = <A, E>(text: string, effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      statements.push(nameOf(text))
      seen.most = Math.max(seen.most, ++now)
      return Effect.ensuring(
        effect,
        Effect.sync(() => void now--)
      )
    })
  const run: typeof db.run = (text, params) => noted(text, db.run(text, params))
  const events = EventStore.make(yield* driver.make({ ...db, run }, quiet, appendLimits.defaultLimits))
  // What it asked when it was opened.
  statements.length = 0
  return { events, seen }
})

/** An event without an id of its own: it gets a new one. */
const anonymous = { type: "Counted", data: {} }

const commits = Effect.gen(function* () {
  // Sessions report to the statistics at the end of a transaction, and this one reads nothing that it remembers.
  yield* store.sql`SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()`
  const [row] = yield* store.sql`SELECT xact_commit::int AS n FROM pg_stat_database WHERE datname = current_database()`
  return Number(row?.["n"])
})

it("one caller, one after the other: one statement for each append that goes as expected, whatever that is", () =>
  store.run(
    Effect.gen(function* () {
      const { events, seen } = yield* counted
      const stream = fresh()
      let known: Expected = "noStream"
      for (let n = 0; n < 20; n++)
        known = (yield* events.append(stream, [numbered(n)], { expected: known })).revision ?? known
      expect(seen).toEqual({ statements: Array.from({ length: 20 }, () => "append_event"), most: 1 })
      seen.statements.length = 0
      for (let n = 0; n < 20; n++) yield* events.append(stream, [numbered(n)])
      expect(seen).toEqual({ statements: Array.from({ length: 20 }, () => "append_one"), most: 1 })
      seen.statements.length = 0
      const { revision } = yield* events.append(stream, [numbered(1), numbered(2)], { expected: "streamExists" })
      if (revision !== undefined) yield* events.append(stream, [numbered(3)], { expected: revision })
      yield* Effect.flip(events.append(stream, [numbered(4)], { expected: "noStream" }))
      yield* events.append(stream, [], { expected: "streamExists" })
      expect(seen.statements).toEqual(["append_one", "append_event", "append_event", "append_one", "append_one"])
      seen.statements.length = 0
      const other = fresh()
      known = "noStream"
      for (let n = 0; n < 3; n++)
        known = (yield* events.append(other, [anonymous], { expected: known })).revision ?? known
      yield* Effect.flip(events.append(other, [anonymous], { expected: "noStream" }))
      expect(seen.statements).toEqual([
        "INSERT of one",
        "INSERT of one",
        "INSERT of one",
        "INSERT of one",
        "append_one"
      ])
    })
  ))

it("appends of one moment at known revisions of different streams: one statement for all", () =>
  store.run(
    Effect.gen(function* () {
      const { events, seen } = yield* counted
      const streams = Array.from({ length: 20 }, () => fresh())
      for (const expected of ["noStream", Revision.make(0), Revision.make(1)] as const) {
        yield* Effect.all(
          streams.map((stream) => events.append(stream, [numbered(0)], { expected })),
          { concurrency: "unbounded" }
        )
      }
      expect(seen).toEqual({ statements: ["append_events", "append_events", "append_events"], most: 1 })
      seen.statements.length = 0
      const told = yield* Effect.all(
        streams.map((stream) => events.append(stream, [anonymous], { expected: Revision.make(2) })),
        { concurrency: "unbounded" }
      )
      expect(seen).toEqual({ statements: ["INSERT of many"], most: 1 })
      // To each what is true of its own event, also where one of them was left out.
      const [late, ...others] = streams
      const exits = yield* Effect.all(
        streams.map((stream) =>
          Effect.result(events.append(stream, [anonymous], { expected: Revision.make(stream === late ? 1 : 3) }))
        ),
        { concurrency: "unbounded" }
      )
      expect(exits.map(({ _tag }) => _tag)).toEqual(["Failure", ...others.map(() => "Success")])
      const stored = yield* Effect.forEach(streams, (stream) => read(store, stream))
      expect(stored.map((all) => all.slice(3).map(({ position, revision }) => ({ position, revision })))).toEqual(
        streams.map((_, i) =>
          [told[i], ...(exits[i]?._tag === "Success" ? [exits[i].success] : [])].map((one) => ({
            position: one?.position,
            revision: one?.revision
          }))
        )
      )
    })
  ))

it("64 callers: far fewer statements and commits than appends, and never more than two at a time", () =>
  store.run(
    Effect.gen(function* () {
      const { events, seen } = yield* counted
      yield* Effect.sleep(1100)
      const before = yield* commits
      const callers = Array.from({ length: 64 }, () =>
        Effect.gen(function* () {
          const stream = fresh()
          for (let n = 0; n < 15; n++) yield* events.append(stream, [numbered(n)])
        })
      )
      yield* Effect.all(callers, { concurrency: "unbounded" })
      expect(seen.statements.length).toBeLessThan(960 / 8)
      expect(seen.most).toBeLessThanOrEqual(2)
      // The sessions report what they committed within a second after it.
      yield* Effect.sleep(1100)
      yield* events.append(fresh(), [numbered(0)])
      const spent = (yield* commits) - before
      expect(spent).toBeGreaterThan(5)
      expect(spent).toBeLessThan(960 / 8)
    })
  ))
