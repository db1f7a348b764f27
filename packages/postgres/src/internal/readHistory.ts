// readHistory: pages of one stream for those who fold it.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { EventId } from "evolvent/EventId"
import * as EventStore from "evolvent/EventStore"
import type { History, HistoryPage } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Database } from "./Database.ts"
import { toRecorded } from "./rows.ts"

// Made by the function read_history, of what was checked when it was appended.
type Part = readonly [
  endsAt: number,
  types: ReadonlyArray<string>,
  data: ReadonlyArray<Json> | null,
  leastVersion: number,
  greatestVersion: number,
  firstId: EventId,
  firstPosition: number,
  lastPosition: number
]

// As many large events at a time, which come one to a message.
const largeEvents = 50

/** Some events by column, unless they are large or of several schema versions. */
const plain = (revision: Revision.Revision, part: Part): History | undefined => {
  const [, types, data, version, greatestVersion, firstId, firstPosition, lastPosition] = part
  if (version !== greatestVersion || data?.length !== types.length) return undefined
  return {
    revision,
    types,
    data,
    schemaVersions: types.map(() => version),
    first: { id: firstId, position: Position.make(firstPosition) },
    last: Position.make(lastPosition)
  }
}

/** The events of all parts, up to the first that is not plain. */
const plains = (from: Revision.Revision, parts: ReadonlyArray<Part>): ReadonlyArray<History> => {
  const histories: Array<History> = []
  let revision = from
  for (const part of parts) {
    const history = plain(revision, part)
    if (history === undefined) break
    histories.push(history)
    revision = Revision.make(revision + history.types.length)
  }
  return histories
}

/** Reads a page: the events of a stream from a revision on, which exist without holes. */
export const make = ({ run, schema }: Database) => {
  const page = `SELECT ${schema}.read_history($1, $2, $3)`
  const rows = `SELECT * FROM ${schema}.read_stream($1, $2, true, NULL, NULL, $3)`

  const byRow = (stream: StreamName, from: Revision.Revision, limit: number) =>
    Effect.map(
      run(rows, [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(Math.min(limit, largeEvents))]),
      (found) => {
        const events = EventStore.decodePage(found.map(toRecorded))
        return Arr.isReadonlyArrayNonEmpty(events) ? [EventStore.historyOf(events)] : []
      }
    )

  return (stream: StreamName, from: Revision.Revision, limit: number): Effect.Effect<HistoryPage, SqlError> =>
    Effect.flatMap(
      run(page, [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(limit)]),
      (found): Effect.Effect<HistoryPage, SqlError> => {
        const parts = found.map(([part]) => part as Part)
        const [first] = parts
        if (first === undefined) return Effect.succeed({ histories: [], endsAt: undefined })
        const endsAt = Revision.make(first[0])
        const histories = plains(from, parts)
        if (histories.length > 0) return Effect.succeed({ histories, endsAt })
        return Effect.map(byRow(stream, from, limit), (histories) => ({ histories, endsAt }))
      }
    )
}
