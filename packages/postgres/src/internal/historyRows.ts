// A page of a stream's history, an event to a row: the least that the server can do for it.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { EventId } from "evolvent/EventId"
import type { HistoryPage } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Database } from "./Database.ts"
import { plannedAt } from "./plannedAt.ts"
import { isSmall } from "./sql/functions/recorded.ts"

// What was checked when it was appended; the id of the first only, and no data of a large one.
type Row = readonly [type: string, data: Json | null, schemaVersion: number, position: number, id: EventId | null]

/**
 * Reads a page, up to the first large event; undefined where that is the first of all, or where the page begins later. Where the page is full nobody has looked
 * where the stream ends.
 */
export const make = ({ run, schema }: Database) => {
  // A statement and no function, which would cost half of what it reads.
  const text = `SELECT e.type, CASE WHEN ${isSmall("e")} THEN e.data END, e.schema_version, e.position::float8,
      CASE WHEN e.revision = $2 THEN e.id END
    FROM ${schema}.events e WHERE e.stream = (SELECT $1::text) AND e.revision >= (SELECT $2::bigint)
    ORDER BY e.revision LIMIT (SELECT $3::int)`
  let seen = 0

  return (
    stream: StreamName,
    from: Revision.Revision,
    limit: number
  ): Effect.Effect<HistoryPage | undefined, SqlError> =>
    Effect.map(
      run(plannedAt(seen, text), [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(limit)]),
      (values) => {
        const rows = values as unknown as ReadonlyArray<Row>
        const [first] = rows
        if (first === undefined) return { histories: [], endsAt: undefined }
        // Without an id it is not the one that was asked for: the stream was removed, and this is its tombstone.
        if (first[1] === null || first[4] === null) return undefined
        const endsAt = rows.length < limit ? Revision.make(from + rows.length - 1) : undefined
        const types: Array<string> = []
        const data: Array<Json> = []
        const schemaVersions: Array<number> = []
        let last = first[3]
        for (const row of rows) {
          if (row[1] === null) break
          types.push(row[0])
          data.push(row[1])
          schemaVersions.push(row[2])
          last = row[3]
        }
        seen = Math.max(seen, last)
        const history = {
          revision: from,
          types,
          data,
          schemaVersions,
          first: { id: first[4], position: Position.make(first[3]) },
          last: Position.make(last)
        }
        return { histories: [history], endsAt }
      }
    )
}
