// Bench: what the laws of the PostgreSQL backend are tried on: a server, and the backend, whole or broken.
import * as PgClient from "@effect/sql-pg/PgClient"
import type { Server } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { EventStore } from "evolvent/EventStore"
import type * as Postgres from "../../src/Postgres.ts"

/** The modules of the backend that laws use. */
export type Backend = typeof Postgres

/** The server and the backend under test. */
export class Bench extends Context.Service<Bench, { readonly server: Server; readonly postgres: Backend }>()(
  "evolvent/test/Bench"
) {}

/** One connection, for transactions that are held open. */
export interface Session {
  readonly run: (
    text: string,
    params?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError>
}

/** A store in a schema of its own, and another program's connections to the same database. */
export interface Stand {
  /** The schema: a plain identifier, so that it needs no quotes. */
  readonly schema: string
  /** The store's own client. */
  readonly sql: PgClient.PgClient
  readonly store: EventStore["Service"]
  /** Everything that the backend provides, and its client. */
  readonly context: Context.Context<Postgres.Services | PgClient.PgClient>
  /** A connection beside the store's. */
  readonly session: Effect.Effect<Session, SqlError, Scope.Scope>
}

const random = (): string => crypto.randomUUID().replaceAll("-", "").slice(0, 12)

/** A session of a client that others may use as well. */
export const sessionOf = (sql: PgClient.PgClient): Effect.Effect<Session, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* sql.reserve
    const run: Session["run"] = (text, params = []) => connection.executeValuesUnprepared(text, params)
    // What a law left open must not meet the next one on the same connection.
    yield* Effect.addFinalizer(() => Effect.ignore(run("ROLLBACK")))
    return { run }
  })

/** A new store on eight connections; readers look every 10 ms unless said otherwise. */
export const stand = Effect.fnUntraced(function* (
  options: Postgres.StoreOptions & { readonly maxConnections?: number } = {}
): Effect.fn.Return<Stand, Postgres.StartError, Bench | Scope.Scope> {
  const { postgres, server } = yield* Bench
  const { maxConnections = 8, ...storeOptions } = options
  const schema = options.schema ?? `law_${random()}`
  const layer = postgres
    .layerFrom({ pollInterval: "10 millis", ...storeOptions, schema })
    .pipe(Layer.provideMerge(PgClient.layer({ ...server.connection, maxConnections })))
  const outside = Context.get(
    yield* Layer.build(PgClient.layer({ ...server.connection, maxConnections: 12 })),
    PgClient.PgClient
  )
  const context = yield* Layer.build(layer)
  return {
    schema,
    sql: Context.get(context, PgClient.PgClient),
    store: Context.get(context, EventStore),
    context,
    session: sessionOf(outside)
  }
})

/** The texts by which another process calls the functions that append. */
export const calls = (schema: string) => {
  const id = "gen_random_uuid()"
  const head = (stream: string) =>
    `(SELECT coalesce(max(revision), -1) FROM ${schema}.events WHERE stream = '${stream}')`
  return {
    /** One event, by append_event, behind the last one that is visible. */
    event: (stream: string) => `SELECT ${schema}.append_event('${stream}', ${head(stream)}, ${id}, 'T', 1, '{}', '{}')`,
    /** An event for each of two streams, by append_events, behind the last ones that are visible. */
    events: (stream: string) =>
      `SELECT ${schema}.append_events(ARRAY['${stream}', '${stream}x'], ARRAY[${head(stream)}, ${head(`${stream}x`)}], ` +
      `ARRAY[${id}, ${id}], ARRAY['T', 'T'], ARRAY[1, 1], ARRAY['{}', '{}'], ARRAY['{}', '{}'])`,
    /** Two events, by append_one. */
    one: (stream: string, expected = -2) =>
      `SELECT * FROM ${schema}.append_one(true, '${stream}', 'A', ${expected}, ARRAY[${id}, ${id}], ARRAY['T', 'T'], ` +
      `ARRAY[1, 1], ARRAY['{}', '{}'], ARRAY['{}', '{}'])`,
    /** An event for each of two streams, by append_group. */
    group: (stream: string, expected = -2) =>
      `SELECT * FROM ${schema}.append_group(false, ARRAY['${stream}', '${stream}x'], ARRAY['A', 'A'], ` +
      `ARRAY[${expected}, ${expected}]::bigint[], ARRAY[1, 1], ARRAY[${id}, ${id}], ARRAY[1, 2], ARRAY[${id}, ${id}], ARRAY['T', 'T'], ` +
      `ARRAY[1, 1], ARRAY['{}', '{}'], ARRAY['{}', '{}'])`
  }
}
