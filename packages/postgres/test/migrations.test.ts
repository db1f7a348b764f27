// Migrations: many at once, two stores in one database, versions that do not fit, roles that may not, names of every kind.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import { spawn } from "node:child_process"
import { expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import * as migrations from "../src/internal/migrations.ts"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"

const { server } = await serve({ settings: { max_connections: 200 } })

let number = 0
const fresh = () => `schema${++number}`
const stream = StreamName.make("Account", "ada")
const opened = [{ type: "Opened", data: {} }]
const { current } = migrations

/** Runs an effect with a small pool of its own, as the superuser or as somebody else. */
const run = <A, E>(effect: Effect.Effect<A, E, PgClient.PgClient>, options: Partial<PgClient.PgPoolConfig> = {}) =>
  Effect.runPromise(Effect.provide(effect, PgClient.layer({ ...server.connection, maxConnections: 5, ...options })))
const execute = (...statements: ReadonlyArray<string>) =>
  PgClient.PgClient.use((sql) => Effect.forEach(statements, (text) => sql.unsafe(text), { discard: true }))
const rows = (text: string) => PgClient.PgClient.use((sql) => sql.unsafe(text).values)

const append = EventStore.use((store) => store.append(stream, opened, { expected: "noStream" }))
const start = (options: Postgres.StoreOptions & Partial<PgClient.PgPoolConfig>) =>
  Effect.provide(append, Postgres.layer({ ...server.connection, maxConnections: 3, ...options }))
const startOnly = (options: Postgres.StoreOptions & Partial<PgClient.PgPoolConfig>) =>
  Effect.provide(
    EventStore.use((store) => Stream.runCollect(store.read(EventFilter.stream(stream)))),
    Postgres.layerNoMigrations({ ...server.connection, maxConnections: 3, ...options })
  )

it("thirty that start at once on an empty database all begin, and one of their appends wins", () =>
  run(
    Effect.gen(function* () {
      const schema = fresh()
      const ends = yield* Effect.forEach(Array.from({ length: 30 }), () => Effect.result(start({ schema })), {
        concurrency: "unbounded"
      })
      const failures = ends.flatMap((end) => (end._tag === "Failure" ? [end.failure] : []))
      expect(failures.filter(({ _tag }) => _tag !== "WrongExpectedRevision")).toEqual([])
      expect(failures).toHaveLength(29)
      const done = yield* rows(`SELECT migration_id FROM ${schema}.migrations ORDER BY 1`)
      expect(done.flat()).toEqual(Array.from({ length: current }, (_, i) => i + 1))
    })
  ))

it("so do processes, which share nothing but the database", async () => {
  const schema = fresh()
  const program = new URL("support/migrateOnce.ts", import.meta.url).pathname
  const { host, port, database, username } = server
  const settings = JSON.stringify({ host, port, database, username, schema })
  const ends = await Promise.all(
    Array.from(
      { length: 4 },
      () =>
        new Promise<string>((resolve) => {
          const child = spawn(process.execPath, [program, settings], { stdio: ["ignore", "pipe", "pipe"] })
          let said = ""
          child.stdout.on("data", (chunk) => (said += String(chunk)))
          child.stderr.on("data", (chunk) => (said += String(chunk)))
          child.on("close", () => resolve(said.trim()))
        })
    )
  )
  expect(ends).toEqual(["begun", "begun", "begun", "begun"])
}, 60_000)

it("two schemas in one database are two stores", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [fresh(), fresh()]
      yield* start({ schema: one })
      yield* start({ schema: two })
      for (const schema of [one, two]) expect(yield* startOnly({ schema })).toHaveLength(1)
      expect(yield* rows(`SELECT count(*)::int FROM ${one}.events`)).toEqual([[1]])
    })
  ))

const mismatch = (schema: string) => Effect.flip(startOnly({ schema }))

it("without migrating, it begins on its own version and the next, and says what does not fit", () =>
  run(
    Effect.gen(function* () {
      const schema = fresh()
      const absent = yield* mismatch(schema)
      expect(absent).toMatchObject({ _tag: "SchemaMismatch", schema, found: 0, needed: current })
      expect(absent.message).toMatch(`The schema "${schema}" was never migrated`)
      yield* execute(`CREATE SCHEMA ${schema}`)
      expect(yield* mismatch(schema)).toMatchObject({ _tag: "SchemaMismatch", found: 0 })

      // As an older release of the library left it.
      const sql = yield* PgClient.PgClient
      const older = migrations.steps.slice(0, -1)
      yield* migrations.migrate(Database.make(sql, schema), schema, older)
      const old = yield* mismatch(schema)
      expect(old).toMatchObject({ _tag: "SchemaMismatch", found: current - 1, needed: current })
      expect(old.message).toMatch(/is at version \d+, but this code needs \d+\. Migrate with/)

      yield* start({ schema })
      expect(yield* startOnly({ schema })).toHaveLength(1)
      // The next release may be there already while this one still runs; the one after that is too much.
      const insert = (id: number) =>
        execute(`INSERT INTO ${schema}.migrations (migration_id, name) VALUES (${id}, 'next')`)
      yield* insert(current + 1)
      expect(yield* startOnly({ schema })).toHaveLength(1)
      expect(yield* Effect.flip(start({ schema }))).toMatchObject({ _tag: "WrongExpectedRevision" })
      yield* insert(current + 2)
      const newer = yield* mismatch(schema)
      expect(newer).toMatchObject({ _tag: "SchemaMismatch", found: current + 2, needed: current })
      expect(newer.message).toMatch(/runs on \d+ at most\. Deploy a newer version of @evolvent\/postgres/)
      expect(yield* Effect.flip(start({ schema }))).toMatchObject({ _tag: "SchemaMismatch", found: current + 2 })
    })
  ))

it("a role that may create nothing begins on a schema that is current, and is told what it lacks on another", async () => {
  const [schema, hidden, role] = [fresh(), fresh(), "may_nothing"]
  const { create, grant } = Postgres.roles({ schema, owner: "o1", writer: role, reader: "r1" })
  await run(Effect.andThen(execute(...create), Postgres.migrate({ schema })))
  await run(execute(...grant))
  await run(start({ schema: hidden }))
  await Effect.runPromise(start({ schema, username: role }))
  const failing = (name: string) => Effect.runPromise(Effect.flip(start({ schema: name, username: role })))
  const absent = await failing(fresh())
  expect(absent).toMatchObject({ _tag: "MigrationFailed" })
  expect(absent.message).toMatch(/lacks a right.*permission denied for database/)
  const noLook = await failing(hidden)
  expect(noLook).toMatchObject({ _tag: "MigrationFailed" })
  expect(noLook.message).toMatch(/permission denied for schema/)
  expect(await Effect.runPromise(Effect.flip(startOnly({ schema: hidden, username: role })))).toMatchObject({
    _tag: "SchemaMismatch",
    found: 0
  })
})

it("a migration that fails leaves nothing behind, and the next attempt goes through", () =>
  run(
    Effect.gen(function* () {
      const [schema, sql] = [fresh(), yield* PgClient.PgClient]
      const db = Database.make(sql, schema)
      const broken = {
        name: "broken",
        statements: (name: string) => [`CREATE TABLE ${name}.half (a int)`, "SELECT 1/0"]
      }
      const error = yield* Effect.flip(migrations.migrate(db, schema, [...migrations.steps, broken]))
      expect(error).toMatchObject({ _tag: "MigrationFailed", schema })
      expect(error.message).toMatch(
        /could not be migrated and is as it was before: in step "broken" .*division by zero/
      )
      expect(yield* rows(`SELECT 1 FROM pg_namespace WHERE nspname = '${schema}'`)).toEqual([])
      yield* start({ schema })

      // Where there was something before, it stands as it stood.
      yield* Effect.flip(migrations.migrate(db, schema, [...migrations.steps, broken]))
      expect(
        yield* rows(`SELECT to_regclass('${schema}.half')::text, max(migration_id) FROM ${schema}.migrations`)
      ).toEqual([[null, current]])
      expect(yield* startOnly({ schema })).toHaveLength(1)
    })
  ))

it.each(["Shop", "_", "a".repeat(40), "select", "public"])("a schema may be called %s", (schema) =>
  run(
    Effect.gen(function* () {
      yield* start({ schema, transformQueryNames: (name) => `x_${name.toLowerCase()}` })
      expect(yield* startOnly({ schema })).toHaveLength(1)
      expect(yield* rows(`SELECT 1 FROM pg_tables WHERE schemaname = '${schema}' AND tablename = 'events'`)).toEqual([
        [1]
      ])
    })
  )
)

it.each([
  "",
  "a b",
  'a"b',
  "a'b",
  "a.b",
  "1a",
  "a-b",
  "ä",
  "a\u0000",
  "a".repeat(41),
  "pg_mine",
  `x"; DROP TABLE y; --`
])("a schema cannot be called %j", (schema) =>
  run(
    Effect.gen(function* () {
      const before = yield* rows("SELECT count(*)::int FROM pg_namespace")
      for (const attempt of [start({ schema }), startOnly({ schema }), Postgres.migrate({ schema })]) {
        const error = yield* Effect.flip<unknown, unknown, PgClient.PgClient>(attempt)
        expect(error).toMatchObject({ _tag: "InvalidOption", option: "schema" })
        expect(String(error)).toContain(JSON.stringify(schema))
      }
      expect(yield* rows("SELECT count(*)::int FROM pg_namespace")).toEqual(before)
    })
  )
)
