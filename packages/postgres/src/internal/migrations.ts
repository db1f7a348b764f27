// migrations: brings a schema to what this code needs, and says so where it does not fit.
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { MigrationFailed, SchemaMismatch } from "../PostgresError.ts"
import type { Database } from "./Database.ts"
import * as events from "./migrations/0001_events.ts"
import * as checkpoints from "./migrations/0002_checkpoints.ts"
import * as snapshots from "./migrations/0003_snapshots.ts"
import * as readModels from "./migrations/0004_read_models.ts"
import { sqlState } from "./sqlErrors.ts"

/** What has been done to a schema, in order. The list only grows: what was released is never changed. */
const steps = [
  { name: "events", statements: events.statements },
  { name: "checkpoints", statements: checkpoints.statements },
  { name: "snapshots", statements: snapshots.statements },
  { name: "read_models", statements: readModels.statements }
] as const

/** The version of the schema that this code was written for. */
export const current = steps.length

/** The version of a schema as it stands; 0 where there is none. */
const versionOf = ({ run, schema }: Database): Effect.Effect<number, SqlError> =>
  run(`SELECT coalesce(max(migration_id), 0)::int FROM ${schema}.migrations`, []).pipe(
    Effect.map(([row]) => Number(row?.[0] ?? 0)),
    Effect.catch((error) =>
      sqlState(error) === "42P01" || sqlState(error) === "3F000" ? Effect.succeed(0) : Effect.fail(error)
    )
  )

/** Fails unless this code can run on the schema as it stands: on its own version or the next, so that deploys can roll. */
export const check = (db: Database, name: string): Effect.Effect<void, SchemaMismatch | SqlError> =>
  Effect.flatMap(versionOf(db), (found) =>
    found === current || found === current + 1
      ? Effect.void
      : Effect.fail(new SchemaMismatch({ schema: name, found, needed: current }))
  )

/**
 * Migrates, if there is something to do.
 *
 * Any number of processes may start at once: the first takes a lock, the others wait for it and find nothing left. A role
 * that may not create anything gets by where the schema is current.
 */
export const migrate = (db: Database, name: string): Effect.Effect<void, SchemaMismatch | MigrationFailed | SqlError> =>
  Effect.gen(function* () {
    if ((yield* versionOf(db)) >= current) return yield* check(db, name)
    const all = Migrator.make({})({
      loader: Migrator.fromRecord(
        Object.fromEntries(
          steps.map(({ name: step, statements }, i) => [
            `${String(i + 1).padStart(4, "0")}_${step}`,
            Effect.forEach(statements(db.schema), (text) => db.run(text, []), { discard: true })
          ])
        )
      ),
      table: `${name}.migrations`
    })
    yield* db.sql
      .withTransaction(
        Effect.gen(function* () {
          yield* db.run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`evolvent migrations of ${name}`])
          yield* db.run(`CREATE SCHEMA IF NOT EXISTS ${db.schema}`, [])
          yield* all
        })
      )
      .pipe(
        Effect.provideService(SqlClient, db.sql),
        Effect.catchTag("MigrationError", (error) =>
          Effect.fail(new MigrationFailed({ schema: name, problem: error.message, cause: error.cause ?? error }))
        )
      )
    yield* check(db, name)
  })
