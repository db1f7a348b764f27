// readHistory: pages of one stream for those who fold it.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { EventId } from "evolvent/EventId"
import * as EventStore from "evolvent/EventStore"
import type { History } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import type { Revision } from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Database } from "./Database.ts"
import { toRecorded } from "./rows.ts"

// The columns are the function's, and what stands in them was checked when it was appended.
type Row = readonly [
  isPlain: boolean | null,
  count: number,
  types: ReadonlyArray<string>,
  data: ReadonlyArray<Json>,
  version: number,
  firstId: EventId,
  firstPosition: number,
  lastPosition: number
]

interface Page {
  readonly history: History | undefined
  readonly done: boolean
}

// As many large events at a time, which come one to a message.
const largeEvents = 50

/** Reads a page: the events of a stream from a revision on, which exist without holes. */
export const make = ({ run, schema }: Database) => {
  const page = `SELECT * FROM ${schema}.read_history($1, $2, $3)`
  const rows = `SELECT * FROM ${schema}.read_stream($1, $2, true, NULL, NULL, $3)`

  const byRow = (stream: StreamName, from: Revision, limit: number): Effect.Effect<Page, SqlError> => {
    const some = Math.min(limit, largeEvents)
    return Effect.map(run(rows, [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(some)]), (found) => {
      const events = EventStore.decodePage(found.map(toRecorded))
      return {
        history: Arr.isReadonlyArrayNonEmpty(events) ? EventStore.historyOf(events) : undefined,
        done: found.length < some
      }
    })
  }

  return (stream: StreamName, from: Revision, limit: number): Effect.Effect<Page, SqlError> =>
    Effect.flatMap(run(page, [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(limit)]), ([row]) => {
      const [isPlain, count, types, data, version, firstId, firstPosition, lastPosition] = row as unknown as Row
      if (count === 0) return Effect.succeed({ history: undefined, done: true })
      if (isPlain === false) return byRow(stream, from, limit)
      const history: History = {
        revision: from,
        types,
        data,
        schemaVersions: types.map(() => version),
        first: { id: firstId, position: Position.make(firstPosition) },
        last: Position.make(lastPosition)
      }
      return Effect.succeed({ history, done: count < limit })
    })
}
