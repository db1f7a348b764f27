// Turns what a driver gives back into recorded events.
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import type { Json } from "effect/Schema"
import type { Recorded } from "../EventData.ts"
import type { EncodedRecorded, History } from "../EventStore.ts"
import * as Metadata from "../Metadata.ts"

/** Decodes one event. */
export const decodeRecorded = (event: EncodedRecorded): Recorded =>
  recorded(event, parseMetadata(event.metadata), DateTime.makeUnsafe(event.recordedAt))

/** Decodes a page; events of one append have the same metadata and time, which are then made once. */
export const decodePage = (events: ReadonlyArray<EncodedRecorded>): ReadonlyArray<Recorded> => {
  let text = "{}"
  let metadata = Metadata.empty
  let millis = Number.NaN
  let recordedAt = DateTime.makeUnsafe(0)
  return events.map((event) => {
    if (event.metadata !== text) metadata = parseMetadata((text = event.metadata))
    if (event.recordedAt !== millis) recordedAt = DateTime.makeUnsafe((millis = event.recordedAt))
    return recorded(event, metadata, recordedAt)
  })
}

/** Events of one stream that follow each other, by column. */
export const historyOf = (events: Arr.NonEmptyReadonlyArray<Recorded>): History => {
  const [first] = events
  return {
    revision: first.revision,
    types: events.map(({ type }) => type),
    schemaVersions: events.map(({ schemaVersion }) => schemaVersion),
    data: events.map(({ data }) => data),
    first: { id: first.id, position: first.position },
    last: Arr.lastNonEmpty(events).position
  }
}

const parseMetadata = (text: string): Metadata.Metadata => JSON.parse(text) as Metadata.Metadata

const recorded = (event: EncodedRecorded, metadata: Metadata.Metadata, recordedAt: DateTime.Utc): Recorded => ({
  id: event.id,
  stream: event.stream,
  category: event.category,
  streamId: event.stream.slice(event.category.length + 1),
  revision: event.revision,
  position: event.position,
  type: event.type,
  schemaVersion: event.schemaVersion,
  data: JSON.parse(event.data) as Json,
  metadata,
  recordedAt
})
