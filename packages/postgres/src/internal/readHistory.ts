// readHistory: pages of one stream for those who fold it.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { EventId } from "evolvent/EventId"
import type { Past } from "evolvent/EventStore"
import type { Position } from "evolvent/Position"
import type { Revision } from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Database } from "./Database.ts"

type Row = readonly [EventId, Position, string, number, Json]

/** Reads a page. The stream is known and its revisions have no holes, so neither is sent. */
export const make = ({ run, schema }: Database) => {
  const text = `SELECT * FROM ${schema}.read_history($1, $2, $3)`
  return (stream: StreamName, from: Revision, limit: number): Effect.Effect<ReadonlyArray<Past>, SqlError> =>
    Effect.map(run(text, [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(limit)]), (rows) => {
      const events: Array<Past> = []
      for (let i = 0; i < rows.length; i++) {
        // The types are the table's, and what stands in it was checked when it was appended.
        const [id, position, type, schemaVersion, data] = rows[i] as unknown as Row
        events.push({ id, revision: (from + i) as Revision, position, type, schemaVersion, data })
      }
      return events
    })
}
