// rows: takes apart what the reads return, in the order of `sql/functions/recorded.ts`.
import type { EventId } from "evolvent/EventId"
import type { EncodedRecorded } from "evolvent/EventStore"
import type { Position } from "evolvent/Position"
import type { Revision } from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Values } from "./Database.ts"

/** An event from its row: the types are the table's, and what stands in it was checked when it was appended. */
export const toRecorded = (row: Values): EncodedRecorded => {
  const [id, stream, category, revision, position, type, schemaVersion, data, metadata, recordedAt] =
    row as unknown as readonly [EventId, StreamName, string, Revision, Position, string, number, string, string, number]
  return {
    id,
    stream,
    category,
    revision,
    position,
    type,
    schemaVersion,
    data,
    metadata,
    // Milliseconds that went through a fraction of seconds.
    recordedAt: Math.round(recordedAt)
  }
}
