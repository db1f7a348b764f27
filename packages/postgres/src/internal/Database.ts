// Database: the client and the schema that all services of one layer share, and how they run a statement.
import type { PgClient } from "@effect/sql-pg/PgClient"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"

/** A row as its values, in the order of the columns: names may be transformed by the user's client, places not. */
export type Values = ReadonlyArray<unknown>

/** What the services of one layer share. */
export interface Database {
  readonly sql: PgClient
  /** The schema's name, quoted as an identifier. */
  readonly schema: string
  /** Runs one statement, in the caller's transaction where there is one. */
  readonly run: (text: string, params: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Values>, SqlError>
}

/** A name as an SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A text as an SQL literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The database of a client, in a schema. */
export const make = (sql: PgClient, schema: string): Database => ({
  sql,
  schema: identifier(schema),
  run: (text, params) => sql.unsafe(text, params).values as Effect.Effect<ReadonlyArray<Values>, SqlError>
})
