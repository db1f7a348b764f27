// The plans of appends and histories in a session that made them while the log was empty, or had a few events and was analyzed.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { EventStore } from "evolvent/EventStore"
import type { Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { afterAll, describe, expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { during, settings } from "./plans/Explained.ts"

const scope = Scope.makeUnsafe()
const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Scope.provide(effect, scope))
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

// Nobody analyzes but the test.
const server = await run(EmbeddedPostgres.start({ settings: { autovacuum: "off", fsync: "off" } }))
const client = Layer.build(PgClient.layer({ ...server.connection, maxConnections: 1 }))
const sql = await run(Effect.map(client, Context.get(PgClient.PgClient)))
for (const text of settings(server.connection.database)) await run(sql.unsafe(text))

type Store = EventStore["Service"]

/** A store on one connection: all its statements are planned in one session. */
const open = (schema: string): Promise<Store> =>
  run(
    Layer.build(
      Postgres.layerFrom({ schema, listen: false }).pipe(
        Layer.provide(PgClient.layer({ ...server.connection, maxConnections: 1 }))
      )
    ).pipe(Effect.map(Context.get(EventStore)))
  )

const together = 4
const event = { type: "T", data: {} }

let streams = 0
const fresh = () => StreamName.make("Early", `${++streams}`)

/** Two appends each to fresh streams, in each of the ways in. */
const ways: Readonly<Record<string, (store: Store) => Effect.Effect<unknown, unknown>>> = {
  append_event: (store) => twice(store, [fresh()], (n) => (n === 0 ? "noStream" : Revision.make(0))),
  append_events: (store) =>
    twice(store, Array.from({ length: together }, fresh), (n) => (n === 0 ? "noStream" : Revision.make(0))),
  append_one: (store) => twice(store, [fresh()], () => "any"),
  append_group: (store) => twice(store, Array.from({ length: together }, fresh), () => "any"),
  append_all: (store) => store.appendAll(Array.from({ length: together }, () => ({ stream: fresh(), events: [event] })))
}

const twice = (store: Store, names: ReadonlyArray<StreamName.StreamName>, expected: (n: number) => Expected) =>
  Effect.forEach([0, 1], (n) =>
    Effect.all(
      names.map((name) => store.append(name, [event], { expected: expected(n) })),
      { concurrency: "unbounded" }
    )
  )

const historyOf = (store: Store, id: string, limit = Infinity) =>
  store.history(StreamName.make("Early", id), () => Effect.succeed(true), { limit })

const begin: Readonly<Record<string, (schema: string) => ReadonlyArray<string>>> = {
  empty: () => [],
  "of three events, and analyzed": (schema) => [
    `INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
      SELECT nextval('${schema}.position'), i, now(), gen_random_uuid(), 1, 'Early-0', 'Early', 'T', '{}', '{}'
      FROM generate_series(0, 2) i`,
    `ANALYZE ${schema}.events`
  ]
}

for (const [i, [name, statements]] of Object.entries(begin).entries()) {
  describe(`planned when the log was ${name}`, async () => {
    const schema = `early_${i}`
    const store = await open(schema)
    for (const text of statements(schema)) await run(sql.unsafe(text))
    // Often enough to be planned for good.
    for (const call of Object.values(ways)) for (let n = 0; n < 4; n++) await run(call(store))
    for (let n = 0; n < 8; n++) await run(historyOf(store, "0"))
    await run(
      sql.unsafe(`INSERT INTO ${schema}.events
        (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
        SELECT nextval('${schema}.position'), i / 100, now(), gen_random_uuid(), 1, 'Early-late-' || i % 100, 'Early', 'T', '{}', '{}'
        FROM generate_series(0, 19999) i`)
    )
    // This one shows how large the log has become.
    await run(historyOf(store, "late-7"))
    it.each(Object.entries(ways))("%s looks at heads and ids by index", (fn, call) =>
      run(
        Effect.map(during(server, call(store)), (found) => {
          // The insert by which it is known that this function ran, and what it looked at.
          expect(found.filter(({ text }) => text.includes("INSERT INTO")).length).toBeGreaterThan(0)
          for (const { nodes, text, touched } of found) {
            const types = nodes.filter((node) => node["Relation Name"] === "events").map((node) => node["Node Type"])
            expect(types, `${fn}: ${text}`).not.toContain("Seq Scan")
            expect(touched, `${fn}: ${text}`).toBeLessThanOrEqual(2 * together)
          }
        })
      )
    )

    it.each([100, 10])("a history reads its stream by index, and no more than %s of it", (limit) =>
      run(
        Effect.map(during(server, historyOf(store, "late-7", limit)), (found) => {
          expect(found).toHaveLength(1)
          for (const { nodes, text, touched } of found) {
            const types = nodes.map((node) => node["Node Type"])
            expect(types, text).not.toContain("Seq Scan")
            expect(types, text).not.toContain("Sort")
            expect(touched, text).toBe(limit)
          }
        })
      )
    )
  })
}
