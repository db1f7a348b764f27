// archiveLine: an event as a line of JSON, and back, with the texts of its data and metadata as they were.
import * as Result from "effect/Result"
import * as EventId from "../EventId.ts"
import type { EncodedRecorded } from "../EventStore.ts"
import * as Position from "../Position.ts"
import * as Revision from "../Revision.ts"
import * as StreamName from "../StreamName.ts"

// Between the parts of a JSON text a line break means nothing, and within its strings there is none.
const onOneLine = (text: string): string =>
  text.includes("\n") || text.includes("\r") ? text.replaceAll(/[\n\r]/g, " ") : text

/** The line of an event, without its end. */
export const toLine = (event: EncodedRecorded): string =>
  `{"id":"${event.id}","stream":${JSON.stringify(event.stream)},"revision":${event.revision},"position":${event.position}` +
  `,"type":${JSON.stringify(event.type)},"schemaVersion":${event.schemaVersion}` +
  `,"recordedAt":"${new Date(event.recordedAt).toISOString()}"` +
  `,"metadata":${onOneLine(event.metadata)},"data":${onOneLine(event.data)}}`

/** The event of a line, or why it is none. */
export const fromLine = (line: string): Result.Result<EncodedRecorded, string> => {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return Result.fail("it is not JSON")
  }
  if (!isObject(parsed)) return Result.fail("it is not an object")
  const { data, id, metadata, position, recordedAt, revision, schemaVersion, stream, type } = parsed
  if (typeof id !== "string" || !EventId.isEventId(id)) return Result.fail("its id is not a UUID in lower case")
  const name = typeof stream === "string" ? Result.getOrUndefined(StreamName.parse(stream)) : undefined
  if (name === undefined) return Result.fail("its stream is not the name of one")
  if (!isWhole(revision, 0)) return Result.fail("its revision is not a whole number from 0")
  if (!isWhole(position, 1)) return Result.fail("its position is not a whole number from 1")
  if (typeof type !== "string" || type === "") return Result.fail("its type is not a name")
  if (!isWhole(schemaVersion, 1)) return Result.fail("its schemaVersion is not a whole number from 1")
  const time = typeof recordedAt === "string" ? Date.parse(recordedAt) : Number.NaN
  if (!Number.isInteger(time)) return Result.fail("its recordedAt is not a time")
  if (data === undefined) return Result.fail("it has no data")
  if (!isObject(metadata)) return Result.fail("its metadata is not an object")
  const texts = membersOf(line)
  return Result.succeed({
    id,
    stream: name,
    category: StreamName.category(name),
    revision: Revision.make(revision),
    position: Position.make(position),
    type,
    schemaVersion,
    data: texts.get("data") ?? "null",
    metadata: texts.get("metadata") ?? "{}",
    recordedAt: time
  })
}

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isWhole = (value: unknown, from: number): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= from

/**
 * The texts of an object's members, from a text that is known to be one: a number with more digits than JavaScript has is
 * kept as it stands.
 */
const membersOf = (text: string): ReadonlyMap<string, string> => {
  const members = new Map<string, string>()
  let at = text.indexOf("{") + 1
  while (true) {
    const open = text.indexOf('"', at)
    if (open === -1) return members
    const close = endOfString(text, open)
    const colon = text.indexOf(":", close)
    const end = endOfValue(text, colon + 1)
    members.set(JSON.parse(text.slice(open, close)) as string, text.slice(colon + 1, end).trim())
    at = end + 1
  }
}

/** Behind the quote that ends the string which begins here. */
const endOfString = (text: string, open: number): number => {
  let at = open + 1
  while (true) {
    const quote = text.indexOf('"', at)
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes++
    if (backslashes % 2 === 0) return quote + 1
    at = quote + 1
  }
}

/** Where the value that begins here ends: at the comma behind it, or at the bracket around it. */
const endOfValue = (text: string, begin: number): number => {
  let depth = 0
  for (let at = begin; ; at++) {
    switch (text.charCodeAt(at)) {
      case 34: // "
        at = endOfString(text, at) - 1
        break
      case 91: // [
      case 123: // {
        depth += 1
        break
      case 93: // ]
      case 125: // }
        if (depth === 0) return at
        depth -= 1
        break
      case 44: // ,
        if (depth === 0) return at
        break
    }
  }
}
