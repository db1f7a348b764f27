// Turns what a driver gives back into recorded events.
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import type { Json } from "effect/Schema"
import type { Recorded } from "../EventData.ts"
import type { EncodedRecorded, History } from "../EventStore.ts"
import * as Metadata from "../Metadata.ts"

/** Decodes one event. */
export const decodeRecorded = (event: EncodedRecorded): Recorded =>
  recorded(event, idOf(event), dataOf(event), metadataOf(event), DateTime.makeUnsafe(event.recordedAt))

/** Decodes a page; events of one append have the same stream, metadata and time, which are then made once. */
export const decodePage = (events: ReadonlyArray<EncodedRecorded>): ReadonlyArray<Recorded> => {
  let text = "{}"
  let metadata = Metadata.empty
  let millis = Number.NaN
  let recordedAt = DateTime.makeUnsafe(0)
  let stream: EncodedRecorded["stream"] | undefined
  let streamId = ""
  return events.map((event) => {
    if (event.stream !== stream) {
      stream = event.stream
      streamId = idOf(event)
    }
    if (event.recordedAt !== millis) recordedAt = DateTime.makeUnsafe((millis = event.recordedAt))
    const { parsed } = event
    if (parsed !== undefined) return recorded(event, streamId, parsed.data, parsed.metadata, recordedAt)
    if (event.metadata !== text) {
      metadata = metadataOf(event)
      text = event.metadata
    }
    return recorded(event, streamId, dataOf(event), metadata, recordedAt)
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

// Where they are parsed the texts are not looked at: they may have to be made first.
const dataOf = (event: EncodedRecorded): Json =>
  event.parsed === undefined ? (JSON.parse(event.data) as Json) : event.parsed.data

const metadataOf = (event: EncodedRecorded): Metadata.Metadata =>
  event.parsed === undefined ? (JSON.parse(event.metadata) as Metadata.Metadata) : event.parsed.metadata

const idOf = ({ category, stream }: EncodedRecorded): string => stream.slice(category.length + 1)

const recorded = (
  event: EncodedRecorded,
  streamId: string,
  data: Json,
  metadata: Metadata.Metadata,
  recordedAt: DateTime.Utc
): Recorded => ({
  id: event.id,
  stream: event.stream,
  category: event.category,
  streamId,
  revision: event.revision,
  position: event.position,
  type: event.type,
  schemaVersion: event.schemaVersion,
  data,
  metadata,
  recordedAt
})
