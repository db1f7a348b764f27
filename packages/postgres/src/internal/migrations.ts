// migrations: brings a schema to what this code needs, and says so where it does not fit.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { MigrationFailed, SchemaMismatch } from "../PostgresError.ts"
import type { Database } from "./Database.ts"
import * as events from "./migrations/0001_events.ts"
import * as checkpoints from "./migrations/0002_checkpoints.ts"
import * as snapshots from "./migrations/0003_snapshots.ts"
import * as readModels from "./migrations/0004_read_models.ts"
import * as inline from "./migrations/0005_inline.ts"
import * as members from "./migrations/0006_members.ts"
import * as swap from "./migrations/0007_swap.ts"
import * as retention from "./migrations/0008_retention.ts"
import * as imports from "./migrations/0009_import.ts"
import * as removal from "./migrations/0010_removal.ts"
import { explain, isConnection, sqlState } from "./sqlErrors.ts"

/** One change to a schema. */
export interface Step {
  readonly name: string
  readonly statements: (schema: string) => ReadonlyArray<string>
}

/** What has been done to a schema, in order. The list only grows: what was released is never changed. */
export const steps: ReadonlyArray<Step> = [
  { name: "events", statements: events.statements },
  { name: "checkpoints", statements: checkpoints.statements },
  { name: "snapshots", statements: snapshots.statements },
  { name: "read_models", statements: readModels.statements },
  { name: "inline", statements: inline.statements },
  { name: "members", statements: members.statements },
  { name: "swap", statements: swap.statements },
  { name: "retention", statements: retention.statements },
  { name: "import", statements: imports.statements },
  { name: "removal", statements: removal.statements }
]

/** The version of the schema that this code was written for. */
export const current = steps.length

// There is no table, no schema, or no right to look into it.
const nothing: ReadonlySet<string | undefined> = new Set(["42P01", "3F000", "42501"])

/** The version of a schema as it stands; 0 where there is none. */
export const versionOf = ({ run, schema }: Database): Effect.Effect<number, SqlError> =>
  run(`SELECT coalesce(max(migration_id), 0)::int FROM ${schema}.migrations`, []).pipe(
    Effect.map(([row]) => Number(row?.[0] ?? 0)),
    Effect.catch((error) => (nothing.has(sqlState(error)) ? Effect.succeed(0) : Effect.fail(error)))
  )

/** Fails unless this code can run on the schema as it stands: on its own version or the next, so that deploys can roll. */
export const check = (db: Database, name: string, needed = current): Effect.Effect<void, SchemaMismatch | SqlError> =>
  Effect.flatMap(versionOf(db), (found) =>
    found === needed || found === needed + 1
      ? Effect.void
      : Effect.fail(new SchemaMismatch({ schema: name, found, needed }))
  )

/**
 * Migrates, if there is something to do.
 *
 * Any number of processes may start at once: the first takes a lock, the others wait for it and find nothing left. A role
 * that may not create anything gets by where the schema is current.
 */
export const migrate = (
  db: Database,
  name: string,
  list: ReadonlyArray<Step> = steps
): Effect.Effect<void, SchemaMismatch | MigrationFailed | SqlError> =>
  Effect.gen(function* () {
    if ((yield* versionOf(db)) >= list.length) return yield* check(db, name, list.length)
    yield* db.sql.withTransaction(inTransaction(db, name, list)).pipe(
      // Of a lost connection nobody knows what it left behind; what the server refused is undone.
      Effect.catchTag("SqlError", (error) =>
        Effect.fail(sqlState(error) === undefined || isConnection(error) ? error : failed(name, error))
      )
    )
    yield* check(db, name, list.length)
  })

// Not by effect's Migrator: it names its table by the user's client, which may rewrite names, and hides what the server says.
const inTransaction = ({ run, schema }: Database, name: string, list: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    yield* run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
      PgTypes.text(`evolvent migrations of ${name}`)
    ])
    // Asked first: who may not create schemas is refused even where there is nothing to create.
    const [there] = yield* run("SELECT 1 FROM pg_namespace WHERE nspname = $1", [PgTypes.text(name)])
    if (there === undefined) yield* run(`CREATE SCHEMA ${schema}`, [])
    yield* run(
      `CREATE TABLE IF NOT EXISTS ${schema}.migrations (
        migration_id integer PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), name text NOT NULL
      )`,
      []
    )
    const [row] = yield* run(`SELECT coalesce(max(migration_id), 0)::int FROM ${schema}.migrations`, [])
    const done = Number(row?.[0])
    for (const [i, step] of list.slice(done).entries()) {
      yield* Effect.forEach(step.statements(schema), (text) => run(text, []), { discard: true }).pipe(
        Effect.catchTag("SqlError", (error) =>
          Effect.fail(sqlState(error) === undefined || isConnection(error) ? error : failed(name, error, step.name))
        )
      )
      yield* run(`INSERT INTO ${schema}.migrations (migration_id, name) VALUES ($1, $2)`, [
        PgTypes.int4(done + i + 1),
        PgTypes.text(step.name)
      ])
    }
  })

const failed = (schema: string, cause: SqlError, step?: string): MigrationFailed => {
  const { problem } = explain(cause)
  return new MigrationFailed({ schema, problem: step === undefined ? problem : `in step "${step}" ${problem}`, cause })
}
