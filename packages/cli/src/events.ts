// events: a stored event as a line for people, and as JSON for programs.
import * as DateTime from "effect/DateTime"
import type { Recorded } from "evolvent/EventData"
import { line, shown } from "./output.ts"
import type { Style } from "./output.ts"

/** An event as JSON: everything of it, its time in ISO 8601. */
export const asJson = ({
  category,
  data,
  id,
  metadata,
  position,
  recordedAt,
  revision,
  schemaVersion,
  stream,
  type
}: Recorded) => ({
  position,
  stream,
  category,
  revision,
  id,
  type,
  schemaVersion,
  recordedAt: DateTime.formatIso(recordedAt),
  data,
  metadata
})

/** Events, one a line, as JSON. */
export const jsonLines = (events: ReadonlyArray<Recorded>): string =>
  events.map((event) => line(asJson(event))).join("")

/** Events, one a line: position, time, stream and revision, type, data. */
export const lines = (events: ReadonlyArray<Recorded>, { bold, dim }: Style): string =>
  events
    .map(({ data, position, recordedAt, revision, stream, type }) => {
      const place = `${String(position).padStart(8)}  ${DateTime.formatIso(recordedAt)}`
      return `${dim(place)}  ${shown(stream)} ${revision}  ${bold(shown(type))}  ${shown(JSON.stringify(data))}\n`
    })
    .join("")
