// Turns events into what a driver takes: checks them, makes their texts once, measures them.
import * as Result from "effect/Result"
import type { EventData } from "../EventData.ts"
import * as EventId from "../EventId.ts"
import type { Append, EncodedAppend, EncodedEvent } from "../EventStore.ts"
import * as Errors from "../EventStoreError.ts"
import type * as Metadata from "../Metadata.ts"
import * as StreamName from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import * as json from "./json.ts"

/** Events as a driver takes them, or what is wrong with them: whoever calls it has written nothing yet. */
export const encode = (
  append: Append,
  flow: Metadata.Metadata,
  nextId: () => EventId.EventId,
  maxAppendBytes: number
): Result.Result<EncodedAppend, Errors.Reason> => {
  const { events, stream } = append
  const parsed = StreamName.parse(stream)
  if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
  // Events of one append mostly share their metadata: the text is made once for each different one.
  let shared: Metadata.Metadata | undefined
  let metadata: string | undefined
  let bytes = 0
  const encoded: Array<EncodedEvent> = []
  for (const event of events) {
    const unstorable = (problem: string) =>
      Result.fail(new Errors.UnstorableContent({ stream, type: String(event.type), problem }))
    const problem = eventProblem(event)
    if (problem !== undefined) return unstorable(problem)
    const data = json.stringify(event.data)
    if (Result.isFailure(data)) return unstorable(`in its data ${data.failure}`)
    if (metadata === undefined || event.metadata !== shared) {
      const text = json.stringify(withoutUndefined({ ...flow, ...event.metadata }))
      if (Result.isFailure(text)) return unstorable(`in its metadata ${text.failure}`)
      metadata = text.success
      shared = event.metadata
    }
    // Three bytes a UTF-16 unit is the most that UTF-8 takes; the exact count is only needed near the limit.
    bytes += 3 * (data.success.length + metadata.length)
    encoded.push({
      id: event.id ?? nextId(),
      type: event.type,
      schemaVersion: event.schemaVersion ?? 1,
      data: data.success,
      metadata
    })
  }
  if (bytes > maxAppendBytes) {
    bytes = encoded.reduce((sum, event) => sum + json.utf8Length(event.data) + json.utf8Length(event.metadata), 0)
    if (bytes > maxAppendBytes)
      return Result.fail(new Errors.AppendTooLarge({ stream, bytes, maxBytes: maxAppendBytes }))
  }
  return Result.succeed({
    stream,
    category: StreamName.category(stream),
    expected: append.expected ?? "any",
    events: encoded,
    idsAreNew: append.idsAreNew === true || events.every(({ id }) => id === undefined)
  })
}

/** An id that one call brings more than once, in whichever of its streams. */
export const repeatedId = (appends: ReadonlyArray<EncodedAppend>): EventId.EventId | undefined => {
  const ids = new Set<EventId.EventId>()
  for (const { events } of appends) {
    for (const { id } of events) {
      if (ids.has(id)) return id
      ids.add(id)
    }
  }
  return undefined
}

// A type is a name, which is stored with each event and not counted with its bytes.
const longestType = 1000
// As far as every backend counts: a signed number of 32 bits.
const highestVersion = 2 ** 31 - 1

const eventProblem = (event: EventData): string | undefined => {
  if (typeof event.type !== "string" || event.type === "") return "its type is not a name"
  if (event.type.length > longestType) {
    return `its type has ${event.type.length} characters, where a name of up to ${longestType} has room`
  }
  if (!event.type.isWellFormed() || event.type.includes("\u0000")) return "its type holds NUL or ill-formed Unicode"
  if (Tombstone.isReserved(event.type)) {
    return "its type is the store's own: a stream is removed by EventStore.remove, and brought back by EventStore.restore"
  }
  const version = event.schemaVersion
  if (version !== undefined && !(Number.isInteger(version) && version >= 1 && version <= highestVersion)) {
    return `its schemaVersion is ${version}, not a whole number from 1 to ${highestVersion}`
  }
  if (event.id !== undefined && !EventId.isEventId(event.id)) return `its id "${event.id}" is not a UUID in lower case`
  return undefined
}

const withoutUndefined = (metadata: Metadata.Metadata): Metadata.Metadata => {
  for (const key in metadata) {
    if (metadata[key] === undefined) {
      return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined))
    }
  }
  return metadata
}
