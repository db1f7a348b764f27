// The writer keeps every law with no right to touch an event; the reader reads, and nothing else; nobody is a superuser.
import * as PgClient from "@effect/sql-pg/PgClient"
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import { SnapshotStore } from "evolvent/SnapshotStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { describe, expect, it } from "vitest"
import { appendEvent } from "../src/internal/sql/functions/appendEvent.ts"
import { sqlState } from "../src/internal/sqlErrors.ts"
import * as Postgres from "../src/Postgres.ts"
import { accounts, balances } from "./support/Accounts.ts"
import { serve } from "./support/AppendStore.ts"
import { forbidden } from "./support/forbidden.ts"

const { server } = await serve()
const names = { schema: "Shop", owner: 'the "owner"', writer: "writer", reader: "it's a reader" }
const { create, grant } = Postgres.roles(names)
const { schema } = names

const as = (username: string) => ({ ...server.connection, username, schema, maxConnections: 10 })
const sqlOf = (username: string) => PgClient.layer(as(username))
const execute = (statements: ReadonlyArray<string>) =>
  PgClient.PgClient.use((sql) =>
    sql.withTransaction(Effect.forEach(statements, (text) => sql.unsafe(text), { discard: true }))
  )
const administrator = sqlOf(server.username)

await Effect.runPromise(Effect.provide(execute(create), administrator))
await Effect.runPromise(
  Effect.provide(Effect.andThen(Postgres.migrate({ schema }), execute(grant)), sqlOf(names.owner))
)

const writer = Postgres.layerNoMigrations(as(names.writer))
const reader = Postgres.layerNoMigrations(as(names.reader))
type Services = Postgres.Services | PgClient.PgClient
const runAs = <A, E>(layer: Layer.Layer<Services, Postgres.StartError>, effect: Effect.Effect<A, E, Services>) =>
  Effect.runPromise(Effect.provide(effect, layer))

suite("PostgreSQL as the writer", writer, {
  describe,
  it,
  services: ["EventStore", "SnapshotStore", "CheckpointStore", "ReadModelStore", "Archive"],
  capabilities: { idempotency: "forever", appendAll: true, truncate: true, transaction: true, atomicBatch: true }
})

let streams = 0
const ada = () => StreamName.make("Account", `ada ${++streams}`)
const opened = [{ type: "Opened", data: { owner: "ada" } }]
const table = { name: "balances", version: 1, indexes: [] }
const later = { ...table, name: "later" }
const row = (key: string) => ({ key, position: Position.make(1), row: "{}", index: {} })

/** What each statement fails with. */
const refusals = (statements: ReadonlyArray<string>) =>
  PgClient.PgClient.use((sql) =>
    Effect.forEach(statements, (text) =>
      sql.withTransaction(sql.unsafe(text)).pipe(
        Effect.match({ onFailure: (error: SqlError) => sqlState(error), onSuccess: () => "it went through" }),
        Effect.map((state) => [text, state] as const)
      )
    )
  )

const denied = (results: ReadonlyArray<readonly [string, string | undefined]>) =>
  results.filter(([, state]) => state !== "42501")

it("the writer cannot forge, change or delete an event, nor what guards them, by any statement", () =>
  runAs(
    writer,
    Effect.gen(function* () {
      const store = yield* EventStore
      const stream = ada()
      yield* store.append(stream, opened)
      expect(denied(yield* refusals(forbidden))).toEqual([])
      const events = yield* Stream.runCollect(store.read(EventFilter.stream(stream)))
      expect(events).toMatchObject([{ type: "Opened", data: { owner: "ada" } }])
    })
  ))

it("the writer removes no stream, by no statement, and is told who may; the owner does, and brings it back", () => {
  const owner = Postgres.layerNoMigrations(as(names.owner))
  return runAs(
    writer,
    Effect.gen(function* () {
      const store = yield* EventStore
      const stream = ada()
      const filter = EventFilter.stream(stream)
      yield* store.append(stream, opened)
      expect([store.capabilities.remove, store.capabilities.restore]).toEqual([false, false])
      const remove = EventStore.use((one) => one.remove(stream, { as: "archived", expected: Revision.make(0) }))
      const error = yield* Effect.flip(remove)
      expect(error.message).toContain("sign in as the owner of the schema")
      const call = `SELECT * FROM "Shop".remove_stream('${stream}', 'Account', 0, gen_random_uuid(), '$deleted', 1, '{}', '{}')`
      expect(denied(yield* refusals([call]))).toEqual([])
      const copy = yield* Stream.runCollect(store.readEncoded(filter))
      expect((yield* Effect.provide(remove, owner)).revision).toBe(1)
      expect((yield* Effect.flip(store.append(stream, opened))).message).toContain("was archived")
      const restore = EventStore.use((one) => one.restore(stream, copy))
      expect((yield* Effect.flip(restore)).message).toContain("sign in as the owner of the schema")
      yield* Effect.provide(restore, owner)
      expect((yield* store.append(stream, opened)).revision).toBe(3)
    })
  )
})

it("the writer imports nothing and is told who may; the owner does", () => {
  const stream = ada()
  const event = {
    id: EventId.make("01998c1e-5a1e-7000-8000-000000000001"),
    stream,
    category: "Account",
    revision: Revision.make(0),
    position: Position.make(1),
    type: "Opened",
    schemaVersion: 1,
    data: "{}",
    metadata: "{}",
    recordedAt: 1_000_000_000_123
  }
  const imports = EventStore.use((store) =>
    Effect.flatMap(store.head, (behind) => store.importEncoded({ events: [event], behind }))
  )
  const owner = Postgres.layerNoMigrations(as(names.owner))
  return runAs(
    writer,
    Effect.gen(function* () {
      const store = yield* EventStore
      expect(store.capabilities.import).toBe(false)
      const error = yield* Effect.flip(imports)
      expect(error.reason._tag).toBe("Unsupported")
      expect(error.message).toContain("sign in as the owner of the schema")
      expect(yield* Effect.provide(imports, owner)).toMatchObject({ _tag: "Imported" })
      const [found] = yield* Stream.runCollect(store.read(EventFilter.stream(stream)))
      expect(found?.recordedAt.epochMilliseconds).toBe(1_000_000_000_123)
    })
  )
})

it("the writer gains nothing by an operator of its own on the path of the functions", () =>
  runAs(
    writer,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const unpinned = appendEvent('"Shop"')
        .replace(".append_event(", ".append_unpinned(")
        .replace(" SET search_path = pg_catalog, pg_temp", "")
      yield* execute([
        `CREATE SCHEMA theirs AUTHORIZATION writer`,
        `SET LOCAL ROLE "the ""owner"""`,
        unpinned,
        `GRANT EXECUTE ON FUNCTION "Shop".append_unpinned TO writer`
      ]).pipe(Effect.provide(administrator))
      yield* execute([
        `CREATE TABLE theirs.loot (who text)`,
        `GRANT ALL ON theirs.loot TO PUBLIC`,
        `GRANT USAGE ON SCHEMA theirs TO PUBLIC`,
        `CREATE FUNCTION theirs.steal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
          BEGIN INSERT INTO theirs.loot VALUES (current_user); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$`,
        `CREATE OPERATOR theirs.= (LEFTARG = text, RIGHTARG = text, FUNCTION = theirs.steal)`
      ])
      const call = (name: string, stream: string) =>
        `SELECT "Shop".${name}('${stream}', -1, gen_random_uuid(), 'Opened', 1, '{}', '{}')`
      const attack = (name: string) =>
        Effect.andThen(
          execute([`SET LOCAL search_path = theirs, pg_catalog`, call(name, ada()), call(name, ada())]),
          sql`SELECT DISTINCT who FROM theirs.loot`
        )
      expect(yield* attack("append_event")).toEqual([])
      // The attack is a real one: without the path, the owner himself would run it.
      expect(yield* attack("append_unpinned")).toEqual([{ who: names.owner }])
      yield* execute([`DROP SCHEMA theirs CASCADE`, `DROP FUNCTION "Shop".append_unpinned`]).pipe(
        Effect.provide(administrator)
      )
    })
  ))

it("the writer begins a projection inline, keeps it by its appends, and ends it", () =>
  runAs(
    writer,
    Effect.gen(function* () {
      const Account = accounts("Inline")
      const Balances = balances(Account, { name: "inline" })
      const opens = Effect.andThen(
        Aggregate.execute(Account, "1", { _tag: "Open", owner: "ada" }),
        ReadModel.get(Balances, "1")
      )
      expect(yield* Effect.provide(opens, Postgres.layerInline(Balances))).toMatchObject({ owner: "ada", count: 1 })
      yield* Postgres.endInline({ name: "inline", version: 1 })
      yield* Aggregate.execute(Account, "1", { _tag: "Deposit", amount: 5 })
    })
  ))

it("the reader loads, reads, follows and queries, read models of later on as well", async () => {
  const stream = ada()
  await runAs(
    writer,
    Effect.gen(function* () {
      yield* EventStore.use((store) => store.append(stream, opened))
      yield* ReadModelStore.use((store) => store.apply(later, [row("a")]))
    })
  )
  await runAs(
    reader,
    Effect.gen(function* () {
      const [store, models] = [yield* EventStore, yield* ReadModelStore]
      const all = yield* Stream.runCollect(store.read(EventFilter.all()))
      expect(all.at(-1)?.stream).toBe(stream)
      const seen = store.subscribe(EventFilter.stream(stream)).pipe(
        Stream.flatMap(({ events }) => Stream.fromIterable(events)),
        Stream.take(1),
        Stream.runCollect
      )
      expect(yield* Effect.timeout(seen, "10 seconds")).toMatchObject([{ type: "Opened" }])
      expect(yield* models.get(later, ["a"])).toHaveLength(1)
      expect((yield* CheckpointStore.use((checkpoints) => checkpoints.load("nobody"))).position).toBe(0)
      expect(yield* SnapshotStore.use((snapshots) => snapshots.load(stream, "none"))).toBeUndefined()
      const sql = yield* PgClient.PgClient
      expect(yield* sql`SELECT key FROM "Shop".later_v1`).toEqual([{ key: "a" }])
    })
  )
})

it("each write of the reader's is an error that names what it may not use", async () => {
  await runAs(
    writer,
    ReadModelStore.use((store) => store.apply(later, [row("a")]))
  )
  await runAs(
    reader,
    Effect.gen(function* () {
      const store = yield* EventStore
      const checkpoints = yield* CheckpointStore
      const models = yield* ReadModelStore
      const snapshots = yield* SnapshotStore
      const sql = yield* PgClient.PgClient
      const [stream, other] = [ada(), ada()]
      const [at, two] = [Position.make, [opened, opened].flat()]
      const snapshot = { stream, fingerprint: "f", revision: Revision.make(0), position: at(1), state: "{}" }
      const calls: ReadonlyArray<readonly [Effect.Effect<unknown, { readonly message: string }>, RegExp]> = [
        [store.append(stream, opened), /function append_(event|one)/],
        [store.append(stream, two), /function append_one/],
        [sql.withTransaction(store.append(stream, opened)), /function append_one/],
        [store.appendAll([stream, other].map((one) => ({ stream: one, events: opened }))), /function append_all/],
        [checkpoints.advance({ name: "mine", from: at(0), to: at(1) }), /table checkpoints/],
        [checkpoints.acquire("mine", "me", "1 second"), /table checkpoints/],
        [checkpoints.attend("mine", { holder: "me", partitions: 1 }, "1 second"), /table members/],
        [checkpoints.leave("mine", "me"), /table members/],
        [
          checkpoints.stop("mine", { problem: "x", eventId: undefined, stream: undefined, position: undefined }),
          /table checkpoints/
        ],
        [models.apply({ ...table, name: "new" }, [row("a")]), /function create_read_model/],
        [models.apply(later, [row("b")]), /table later_v1/],
        [models.drop(later), /function drop_read_model/],
        [snapshots.save(snapshot), /table snapshots/],
        [snapshots.remove(stream), /table snapshots/]
      ]
      for (const [call, words] of calls) {
        const error = yield* Effect.flip(call)
        expect(error.message).toMatch(words)
        expect(error.message).toMatch(/lacks a right .*sql\/grants\.sql.*42501/)
        // Of snapshots, which are only a cache, every error counts as passing.
        expect(error).toMatchObject({ isRetryable: "_tag" in error && error._tag === "SnapshotStoreError" })
      }
      const also = [
        `DELETE FROM "Shop".snapshots`,
        `UPDATE "Shop".later_v1 SET row = '{}'`,
        `DELETE FROM "Shop".later_v1`
      ]
      expect(denied(yield* refusals([...forbidden, ...also]))).toEqual([])
      expect(yield* Stream.runCollect(store.read(EventFilter.stream(stream)))).toEqual([])
    })
  )
})

it("gives each role just this: tables, functions, and nothing to everybody", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* execute(grant)
      // PostgreSQL warns, and changes nothing, where somebody grants a right that he may not give.
      yield* Effect.provide(execute([`GRANT ALL ON "Shop".events TO PUBLIC`]), writer)
      const rights = yield* sql.unsafe<{ readonly name: string; readonly rights: string }>(`
        SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') || ' ' || x.name AS name,
          string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type) AS rights
        FROM (
          SELECT relname::text, relacl, relowner FROM pg_class
            WHERE relnamespace = '"Shop"'::regnamespace AND relkind IN ('r', 'S') AND relname !~ '_v[0-9]+$'
          UNION ALL
          SELECT proname || '()', coalesce(proacl, acldefault('f', proowner)), proowner FROM pg_proc
            WHERE pronamespace = '"Shop"'::regnamespace
        ) x (name, acl, owner), aclexplode(x.acl) a
        WHERE a.grantee <> x.owner GROUP BY 1 ORDER BY 1`)
      const of = (role: string) =>
        Object.fromEntries(
          rights.flatMap(({ name, rights: list }) =>
            name.startsWith(role) ? [[name.slice(role.length + 1), list]] : []
          )
        )
      const executes = (...functions: ReadonlyArray<string>) =>
        Object.fromEntries(functions.map((name) => [`${name}()`, "EXECUTE"]))
      const reads = executes("position_at", "read_history", "read_stream", "revision_at", "safe_position")
      const tables = Object.fromEntries(
        [
          "checkpoints",
          "events",
          "inline_changes",
          "inline_projections",
          "members",
          "migrations",
          "read_models",
          "snapshots"
        ].map((name) => [name, "SELECT"])
      )
      expect(of(`"it's a reader"`)).toEqual({ ...reads, ...tables })
      expect(of("writer")).toEqual({
        ...reads,
        ...tables,
        checkpoints: "INSERT SELECT UPDATE",
        members: "DELETE INSERT SELECT UPDATE",
        snapshots: "DELETE INSERT SELECT UPDATE",
        ...executes("append_all", "append_event", "append_events", "append_group", "append_one"),
        ...executes("announce_inline", "lock_for_inline", "begin_inline", "end_inline"),
        ...executes("create_read_model", "drop_read_model", "swap_read_models", "truncate_stream")
      })
      expect(of("PUBLIC")).toEqual({})
      expect(
        yield* sql`SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = ${names.owner}`
      ).toEqual([{ rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false }])
    }).pipe(Effect.provide(administrator))
  ))
