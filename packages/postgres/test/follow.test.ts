// Following the log: through killed sessions and restarts without a gap or a repeat, with any pool, at a modest price.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"
import { hearing } from "./support/hearing.ts"

const { open, server } = await serve()
const patience = "30 seconds"
const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

type Events = EventStore["Service"]

const category = EventFilter.category("Account")
let number = 0

/** Appends an event, and gives the number that it carries; again and again where the server is away. */
const append = (events: Events) =>
  Effect.suspend(() => {
    const data = { number: ++number }
    const attempt = events.append(StreamName.make("Account", String(number)), [{ type: "Opened", data }])
    return attempt.pipe(Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 100 }), Effect.as(data.number))
  })

/** Follows the log in the background, and keeps the numbers that came. */
const follow = Effect.fnUntraced(function* (events: Events) {
  const seen: Array<number> = []
  const fiber = yield* events.subscribe(category).pipe(
    Stream.runForEach((page) =>
      Effect.sync(() => {
        for (const { data } of page.events) seen.push((data as { readonly number: number }).number)
      })
    ),
    Effect.forkScoped
  )
  return { seen, fiber }
})

/** Waits until a condition holds, for long; a test that then fails says what it saw. */
const until = <E>(condition: Effect.Effect<boolean, E>) =>
  condition.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (holds) => holds }),
    Effect.timeoutOption(patience)
  )
const reached = (seen: ReadonlyArray<number>, length: number) => until(Effect.sync(() => seen.length >= length))

/** The sessions that listen on the channel of a schema. */
const listening = (sql: PgClient.PgClient, schema: string) =>
  Effect.map(
    sql.unsafe("SELECT pid FROM pg_stat_activity WHERE query ILIKE $1", [`listen%evolvent\\_${schema}%`]).values,
    (rows) => rows.map(([pid]) => Number(pid))
  )

it("a follower goes on after its session is killed and the server restarted, with no gap and no repeat", async () => {
  const reader = await open()
  const store = await open({ schema: reader.schema })
  await run(
    Effect.gen(function* () {
      const { seen } = yield* follow(reader.events)
      const sent: Array<number> = []
      const some = Effect.gen(function* () {
        for (let i = 0; i < 3; i++) sent.push(yield* append(store.events))
        yield* reached(seen, sent.length)
        expect(seen).toEqual(sent)
      })
      yield* some
      yield* until(Effect.map(listening(store.sql, store.schema), ({ length }) => length === 1))
      const [pid = 0] = yield* listening(store.sql, store.schema)
      yield* store.sql`SELECT pg_terminate_backend(${pid})`
      const another = Effect.map(listening(store.sql, store.schema), (pids) => pids.length === 1 && pids[0] !== pid)
      yield* until(another)
      expect(yield* another).toBe(true)
      yield* some
      // All sessions of this database but our own.
      yield* store.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`
      yield* some
      for (const mode of ["fast", "immediate"] as const) {
        yield* server.restart(mode)
        yield* some
      }
      // It listens again, on one connection.
      yield* until(Effect.map(listening(store.sql, store.schema), ({ length }) => length === 1))
      expect(yield* listening(store.sql, store.schema)).toHaveLength(1)
      yield* some
    })
  )
}, 120_000)

it("what is appended while the server is away and comes back is found, and what waits meanwhile is stored", async () => {
  const store = await open()
  await run(
    Effect.gen(function* () {
      const { seen } = yield* follow(store.events)
      yield* append(store.events)
      yield* reached(seen, 1)
      yield* server.stop("immediate")
      const waiting = yield* Effect.forkScoped(append(store.events))
      yield* Effect.sleep("300 millis")
      yield* server.restart()
      yield* Fiber.join(waiting)
      yield* reached(seen, 2)
      expect(seen).toEqual([number - 1, number])
    })
  )
}, 120_000)

it("without LISTEN the events of others are found by polling", async () => {
  const writer = await open()
  const reader = await open({ schema: writer.schema, listen: false })
  await run(
    Effect.gen(function* () {
      const { seen } = yield* follow(reader.events)
      for (let i = 1; i <= 3; i++) {
        yield* append(writer.events)
        yield* reached(seen, i)
        expect(seen).toHaveLength(i)
      }
      expect(yield* listening(writer.sql, writer.schema)).toEqual([])
    })
  )
}, 60_000)

it("notifications come over a connection of their own choice, and are enough", async () => {
  const writer = await open()
  await run(
    Effect.gen(function* () {
      const { seen, works } = yield* hearing(writer.schema, server.connection, {
        ...server.connection,
        applicationName: "direct"
      })
      yield* until(Effect.sync(works))
      const names = writer.sql`SELECT application_name FROM pg_stat_activity WHERE query ILIKE ${`listen%${writer.schema}%`}`
      expect((yield* names.values).flat()).toContain("direct")
      yield* append(writer.events)
      yield* until(Effect.sync(() => seen() > 0))
      expect([works(), seen() > 0]).toEqual([true, true])
    })
  )
}, 60_000)

it.each([1, 2])(
  "a pool of %i is enough to follow, append and read at the same time",
  async (maxConnections) => {
    const store = await open({ maxConnections })
    await run(
      Effect.gen(function* () {
        const followers = yield* Effect.forEach([1, 2, 3], () => follow(store.events))
        const rounds = Effect.forEach(Array.from({ length: 20 }), () => append(store.events), { concurrency: 10 })
        const within = store.sql.withTransaction(append(store.events))
        const sent = yield* Effect.timeout(Effect.all([rounds, within], { concurrency: 2 }), patience)
        const all = sent.flat().toSorted((a, b) => a - b)
        for (const { seen } of followers) {
          yield* reached(seen, all.length)
          expect(seen.toSorted((a, b) => a - b)).toEqual(all)
        }
        const stored = yield* Stream.runCount(store.events.read(category))
        expect(stored).toBe(21)
      })
    )
  },
  60_000
)

it("a pool of two is not used up by an append that waits for a stream", async () => {
  const store = await open({ maxConnections: 2 })
  const stream = StreamName.make("Account", "held")
  const opened = [{ type: "Opened", data: { number: 0 } }]
  await run(
    Effect.gen(function* () {
      // A transaction holds the stream, and needs to read something outside of itself before it ends.
      const outside = Effect.promise(() => Effect.runPromise(store.sql`SELECT 1 AS one`))
      const holder = store.sql.withTransaction(
        store.events
          .append(stream, opened)
          .pipe(Effect.andThen(Effect.sleep("300 millis")), Effect.andThen(Effect.timeout(outside, "10 seconds")))
      )
      const held = yield* Effect.forkScoped(holder)
      yield* Effect.sleep("100 millis")
      const waiting = yield* Effect.forkScoped(store.events.append(stream, opened))
      yield* Effect.timeout(Fiber.join(held), patience)
      expect(yield* Fiber.join(waiting)).toMatchObject({ revision: 1 })
    })
  )
}, 60_000)

/** A store whose statements are counted. */
const counted = Effect.fnUntraced(function* (options: Postgres.StoreOptions) {
  const statements: Array<string> = []
  const client = Layer.effect(
    PgClient.PgClient,
    PgClient.PgClient.use((sql) => {
      // A statement is built once and run again and again: it is the runs that count.
      const unsafe = (text: string, params?: ReadonlyArray<unknown>) => {
        const statement = sql.unsafe(text, params)
        const values = Effect.suspend(() => {
          statements.push(text)
          return statement.values
        })
        return new Proxy(statement, {
          get: (target, key) => (key === "values" ? values : Reflect.get(target, key))
        })
      }
      const spy = new Proxy(sql, { get: (target, key) => (key === "unsafe" ? unsafe : Reflect.get(target, key)) })
      return Effect.succeed(spy)
    })
  ).pipe(Layer.provide(PgClient.layer({ ...server.connection, maxConnections: 5 })))
  const layer: Layer.Layer<Postgres.Services, Postgres.StartError> = Layer.provide(Postgres.layerFrom(options), client)
  const context = yield* Layer.build(layer)
  const events = Context.get(context, EventStore)
  const during = (millis: number) =>
    Effect.gen(function* () {
      statements.length = 0
      yield* Effect.sleep(millis)
      return statements.length
    })
  return { events, statements, during }
})

it("who follows nothing asks nothing; a hundred who follow ask as one, and let go of everything", async () => {
  const control = await open()
  const { schema, sql } = control
  await run(
    Effect.gen(function* () {
      const { during, events, statements } = yield* counted({ schema })
      yield* append(events)
      yield* Effect.sleep("100 millis")
      expect(yield* during(700)).toBe(0)
      expect(yield* listening(sql, schema)).toEqual([])

      const followers = yield* Effect.forEach(Array.from({ length: 100 }), () => follow(events))
      for (const { seen } of followers) yield* reached(seen, 1)
      yield* until(Effect.map(listening(sql, schema), ({ length }) => length > 0))
      expect(yield* listening(sql, schema)).toHaveLength(1)
      // The pauses grow to two seconds: about ten looks on the way there, however many follow.
      yield* Effect.sleep("2 seconds")
      const idle = yield* during(4000)
      expect(statements.every((text) => text.includes("safe_position"))).toBe(true)
      expect(idle).toBeGreaterThan(0)
      expect(idle).toBeLessThan(8)

      yield* append(control.events)
      for (const { seen } of followers) yield* reached(seen, 2)
      expect(new Set(followers.map(({ seen }) => seen.length))).toEqual(new Set([2]))

      for (const { fiber } of followers) yield* Fiber.interrupt(fiber)
      yield* until(Effect.map(listening(sql, schema), ({ length }) => length === 0))
      expect(yield* listening(sql, schema)).toEqual([])
      expect(yield* during(2500)).toBe(0)
    })
  )
}, 120_000)

it("without LISTEN an idle follower asks ten times a second, or as seldom as it is told", async () => {
  const { schema } = await open()
  await run(
    Effect.gen(function* () {
      const rateOf = Effect.fnUntraced(function* (options: Postgres.StoreOptions) {
        const { during, events } = yield* counted({ schema, listen: false, ...options })
        const { fiber } = yield* follow(events)
        yield* Effect.sleep("500 millis")
        const count = yield* during(2000)
        yield* Fiber.interrupt(fiber)
        return count
      })
      const usual = yield* rateOf({})
      expect(usual).toBeGreaterThan(3)
      expect(usual).toBeLessThan(25)
      expect(yield* rateOf({ pollInterval: "1 second" })).toBeLessThan(5)
    })
  )
}, 60_000)
