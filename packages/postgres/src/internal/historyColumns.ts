// A page of a long stream's history by column, many events to a row: the least for who takes it apart.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { EventId } from "evolvent/EventId"
import type { History, HistoryPage } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import { isTombstone } from "evolvent/Tombstone"
import type { Database } from "./Database.ts"

// Made by the function read_history, of what was checked when it was appended.
type Part = readonly [
  endsAt: number,
  types: ReadonlyArray<string> | null,
  data: ReadonlyArray<Json> | null,
  leastVersion: number,
  greatestVersion: number,
  firstId: EventId,
  firstPosition: number,
  lastPosition: number
]

/** Some events by column, unless they are large or of several schema versions. */
const plain = (revision: Revision.Revision, part: Part): History | undefined => {
  const [endsAt, types, data, version, greatestVersion, firstId, firstPosition, lastPosition] = part
  if (version !== greatestVersion || types === null || data?.length !== types.length) return undefined
  // Of a stream that was removed there is only the tombstone, at the end of where its events were.
  if (types.length === 1 && revision !== endsAt && isTombstone({ type: types[0] ?? "" })) return undefined
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

/** Reads a page, up to the first events that are not plain; undefined where those are the first of all. */
export const make = ({ run, schema }: Database) => {
  const text = `SELECT ${schema}.read_history($1, $2, $3)`

  return (
    stream: StreamName,
    from: Revision.Revision,
    limit: number
  ): Effect.Effect<HistoryPage | undefined, SqlError> =>
    Effect.map(run(text, [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(limit)]), (found) => {
      const parts = found.map(([part]) => part as Part)
      const [first] = parts
      if (first === undefined) return { histories: [], endsAt: undefined }
      const histories = plains(from, parts)
      return histories.length === 0 ? undefined : { histories, endsAt: Revision.make(first[0]) }
    })
}
