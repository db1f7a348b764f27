// importEvents: a page of another store's events behind the end of the log, in one statement.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import { followProblem } from "evolvent/EventStore"
import type { EncodedImport, EncodedRecorded, Imported } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import type { Database } from "./Database.ts"

const { float8, int4, int8, text, uuid } = PgTypes.OID

/** The imports of a database. */
export const make = ({ run, schema }: Database) => {
  const statement = `SELECT outcome, "position"::float8, place, head::float8, is_early
    FROM ${schema}.import_events($1, $2, $3, $4, $5, $6, $7, $8, $9)`
  return ({ behind, events }: EncodedImport): Effect.Effect<Imported, SqlError> => {
    const column = (of: (event: EncodedRecorded) => unknown, type: number) =>
      Result.getOrThrow(PgTypes.array(events.map(of), type))
    const params = [
      PgTypes.int8(BigInt(behind)),
      column(({ stream }) => stream, text),
      column(({ revision }) => BigInt(revision), int8),
      column(({ recordedAt }) => recordedAt, float8),
      column(({ id }) => id, uuid),
      column(({ type }) => type, text),
      column(({ schemaVersion }) => schemaVersion, int4),
      column(({ data }) => data, text),
      column(({ metadata }) => metadata, text)
    ]
    return Effect.map(run(statement, params), ([row]): Imported => {
      const [outcome, position, place, head, isEarly] = row as unknown as readonly [
        number,
        number,
        number,
        number | null,
        boolean | null
      ]
      if (outcome === 0) return { _tag: "Imported", last: Position.make(position) }
      if (outcome === 1) return { _tag: "Moved", newest: Position.make(position) }
      const index = place - 1
      const event = events[index] as EncodedRecorded
      const last = head === null ? undefined : { revision: head, recordedAt: isEarly === true ? Infinity : -Infinity }
      const problem = outcome === 2 ? followProblem(event, last) : undefined
      return { _tag: "Misplaced", index, problem: problem ?? `its id ${event.id} is stored already` }
    })
  }
}
