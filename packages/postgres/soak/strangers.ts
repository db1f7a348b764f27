// strangers: programs that use the same server and have nothing to do with the stores; readers must not notice them.
import * as PgClient from "@effect/sql-pg/PgClient"
import type { Connection } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import type * as Scope from "effect/Scope"

/** The other database of the server. */
export const otherDatabase = "strangers"

// An oid as the signed number that the lock functions take.
const sequence = (schema: string) => `'${schema}.position'::regclass::oid::int`

/** Locks that look like those of a store and are not: of one integer with the same halves, and of another class. */
const foreignLocks = [
  `SELECT pg_advisory_lock_shared((${sequence("one")}::bigint << 32) | 1)::text`,
  "SELECT pg_advisory_lock_shared(1, 1)::text"
]

// In a mode that no append takes; not before the place is passed, where an append would have to wait for it.
const otherMode = `SELECT pg_advisory_lock(${sequence("one")}, 1)::text WHERE pg_sequence_last_value('one.position') > 100`

/**
 * For as long as the scope is open: a transaction with an xid that does nothing, in this database and in another, and
 * sessions with advisory locks, among them the floors of our very sequences in the other database.
 */
export const run = (
  connection: Connection,
  sequences: ReadonlyArray<number>
): Effect.Effect<void, never, Scope.Scope> => {
  const session = (database: string, statements: ReadonlyArray<string>, sometimes: string) =>
    Effect.scoped(
      Effect.gen(function* () {
        const client = PgClient.layer({ ...connection, database, applicationName: "stranger", maxConnections: 1 })
        const sql = Context.get(yield* Layer.build(client), PgClient.PgClient)
        yield* sql.withTransaction(
          Effect.andThen(
            Effect.forEach(["SELECT pg_current_xact_id()::text", ...statements], (text) => sql.unsafe(text)),
            Effect.forever(Effect.andThen(Effect.sleep(500), sql.unsafe(sometimes)))
          )
        )
      })
    ).pipe(
      // A crash of the server ends it, by a defect where the ROLLBACK fails as well, and it comes again.
      Effect.exit,
      Effect.andThen(Effect.sleep(100)),
      Effect.forever,
      Effect.forkScoped,
      Effect.asVoid
    )
  const floors = sequences.flatMap((oid) =>
    [0, 1, 7].map((at) => `SELECT pg_advisory_lock_shared(${oid}, ${at})::text`)
  )
  return Effect.all(
    [session(connection.database, foreignLocks, otherMode), session(otherDatabase, floors, "SELECT 1")],
    { discard: true }
  )
}

/** Whether all of them are there. */
export const areThere = (sql: PgClient.PgClient): Effect.Effect<boolean> =>
  sql
    .unsafe<{ readonly count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'stranger' AND backend_xid IS NOT NULL"
    )
    .pipe(
      Effect.map(([row]) => row?.count === 2),
      Effect.orElseSucceed(() => false)
    )
