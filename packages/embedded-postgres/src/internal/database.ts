// The database of the options: made when it is missing.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { Connection } from "../EmbeddedPostgres.ts"
import { ServerFailed } from "../EmbeddedPostgresError.ts"

/** Makes the connection's database unless it is there. */
export const ensureDatabase = (connection: Connection): Effect.Effect<void, ServerFailed> =>
  Effect.gen(function* () {
    const { database } = connection
    const sql = yield* PgClient.makeClient({ ...connection, database: "postgres" })
    const found = yield* sql`SELECT 1 FROM pg_database WHERE datname = ${database}`
    if (found.length === 0) yield* sql`CREATE DATABASE ${sql(database)}`
  }).pipe(
    Effect.scoped,
    Effect.provide(Reactivity.layer),
    Effect.mapError(
      (cause) =>
        new ServerFailed({
          problem: `The database ${JSON.stringify(connection.database)} cannot be made or reached`,
          hint: "See the cause and the server's log.",
          log: [],
          cause
        })
    )
  )
