// eventMessage: the events of one append as one message, and back; its body is a JSON array that anybody can read.
import * as Result from "effect/Result"
import type { EncodedEvent } from "evolvent/EventStore"
import type { EventId } from "evolvent/EventId"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import * as StreamNames from "evolvent/StreamName"
import { isTombstone } from "evolvent/Tombstone"
import type { Headers } from "../NatsClient.ts"
import * as names from "./names.ts"

/** How many events a message can hold: so many positions lie between two of them. */
export const perMessage = 1024

/** How many of the messages before a message knows. */
const known = 16

/** A message as far as it concerns events. */
export interface EventMessage {
  readonly subject: string
  readonly sequence: number
  readonly header: (name: string) => string | undefined
  readonly text: () => string
}

/** Where a stream ends: its last message. */
export interface Tail {
  readonly sequence: number
  readonly revision: Revision.Revision
  readonly recordedAt: number
  /** The numbers of the messages before it, the nearest first; all of them where they are fewer than 16. */
  readonly before: ReadonlyArray<number>
  /** Whether it is a tombstone: then nothing goes behind it, and what was before it is gone. */
  readonly isRemoved: boolean
}

/** The position of the last event of a message: the last that its number has room for, so that nothing lies between. */
export const endOf = (sequence: number): Position.Position => Position.make((sequence + 1) * perMessage - 1)

/** The number of the message at a position. */
export const sequenceOf = (position: number): number => Math.floor(position / perMessage)

/** The subject of a stream, or why it can have none. */
export const subjectOf = (base: string, stream: StreamName): Result.Result<string, string> =>
  Result.flatMap(names.token(StreamNames.category(stream)), (category) =>
    Result.flatMap(names.token(StreamNames.id(stream)), (id) => {
      const subject = `${base}${category}.${id}`
      return subject.length <= names.longestSubject
        ? Result.succeed(subject)
        : Result.fail(
            `its name makes a subject of ${subject.length} characters, and NATS has room for ${names.longestSubject}`
          )
    })
  )

/** A stream and its category. */
export interface Named {
  readonly stream: StreamName
  readonly category: string
}

/** Finds the stream of a subject; those that were found last are remembered. */
export const naming = (base: string): ((subject: string) => Named) => {
  const seen = new Map<string, Named>()
  return (subject) => {
    let found = seen.get(subject)
    if (found === undefined) {
      const [category = "", id = ""] = subject.slice(base.length).split(".")
      const name = names.text(category)
      found = { category: name, stream: `${name}-${names.text(id)}` as StreamName }
      if (seen.size >= 10_000) seen.clear()
      seen.set(subject, found)
    }
    return found
  }
}

// Where an event stands, and the texts of its data and metadata, have lines of their own: JSON has no line break within, so
// they are found again as they were given, without being parsed.
const between = '\n,"metadata":\n'
const after = "\n}"
const inType = '","schemaVersion":'
const inVersion = ',"revision":'
const inRevision = ',"recordedAt":'
const inTime = ',"data":'

/** The body of a message that stands behind `tail`. */
export const body = (
  events: ReadonlyArray<EncodedEvent>,
  tail: Pick<Tail, "revision"> | undefined,
  recordedAt: number
): string => {
  const first = Revision.next(tail?.revision)
  let text = "["
  for (const [i, { data, id, metadata, schemaVersion, type }] of events.entries()) {
    const typed = JSON.stringify(type).slice(0, -1)
    const head = `{"id":"${id}","type":${typed}${inType}${schemaVersion}${inVersion}${first + i}${inRevision}${recordedAt}`
    text += `${i === 0 ? "" : ","}${head}${inTime}\n${data}${between}${metadata}${after}`
  }
  return `${text}]`
}

const digits = (numbers: ReadonlyArray<number>): string => numbers.map((one) => one.toString(36)).join(" ")

/** The headers of a message that stands behind `tail`. */
export const headers = (events: ReadonlyArray<EncodedEvent>, tail: Tail | undefined, isImported = false): Headers => {
  const id = ["Nats-Msg-Id", events[0]?.id ?? ""] as const
  return tail === undefined || (!isImported && standsAlone(events)) ? [id] : [id, ["Ev-Prev", digits(beforeNext(tail))]]
}

// What was before a tombstone goes.
const standsAlone = (events: ReadonlyArray<EncodedEvent>): boolean => events.length === 1 && events.some(isTombstone)

const beforeNext = ({ before, sequence }: Tail): ReadonlyArray<number> => [sequence, ...before.slice(0, known - 1)]

/** The tail that an append makes of a tail. */
export const grown = (
  tail: Tail | undefined,
  sequence: number,
  events: ReadonlyArray<EncodedEvent>,
  recordedAt: number,
  isImported = false
): Tail => ({
  sequence,
  revision: Revision.make((tail === undefined ? -1 : tail.revision) + events.length),
  recordedAt,
  before: tail === undefined || (!isImported && standsAlone(events)) ? [] : beforeNext(tail),
  isRemoved: events.slice(-1).some(isTombstone)
})

/** What the first line of an event says; it begins after `[` or `},`. */
const headOf = (line: string, from: number) => {
  const type = from + '{"id":"'.length
  const version = line.lastIndexOf(inType)
  const revision = line.indexOf(inVersion, version)
  const time = line.indexOf(inRevision, revision)
  const text = line.slice(type + 36 + '","type":"'.length, version)
  return {
    id: line.slice(type, type + 36) as EventId,
    type: text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text,
    schemaVersion: Number(line.slice(version + inType.length, revision)),
    revision: Number(line.slice(revision + inVersion.length, time)),
    recordedAt: Number(line.slice(time + inRevision.length, -inTime.length))
  }
}

/** The lines of a message: of each event four, and its data and metadata on the second and the fourth. */
export const linesOf = (message: EventMessage): ReadonlyArray<string> => {
  const lines = message.text().split("\n")
  if (lines.length < 5 || lines.length % 4 !== 1 || !lines[0]?.startsWith('[{"id":"')) {
    throw new Error(`the message ${message.sequence} on ${message.subject} was not written by this library`)
  }
  return lines
}

/** Which revisions a message holds, when it was recorded, and what lies before it. */
interface Place {
  readonly first: number
  readonly count: number
  readonly recordedAt: number
  readonly before: ReadonlyArray<number>
  /** Whether its last event is a tombstone. */
  readonly isTombstone: boolean
}

const noneBefore: ReadonlyArray<number> = []

const readPlace = (message: EventMessage): Place => {
  const lines = linesOf(message)
  const { recordedAt, revision, type } = headOf(lines[0] ?? "", 1)
  const count = (lines.length - 1) / 4
  return {
    first: revision,
    count,
    recordedAt,
    isTombstone: isTombstone(count === 1 ? { type } : headOf(lines[4 * (count - 1)] ?? "", 2)),
    // Of sixteen messages that are read one is asked for it.
    get before() {
      const before = message.header("Ev-Prev")
      return before === undefined ? noneBefore : before.split(" ").map((one) => Number.parseInt(one, 36))
    }
  }
}

// Whoever reads a stream asks for the place of a message more than once.
const places = new WeakMap<EventMessage, Place>()

/** Where a message stands. */
export const placeOf = (message: EventMessage): Place => {
  let found = places.get(message)
  if (found === undefined) places.set(message, (found = readPlace(message)))
  return found
}

export const tailOf = (message: EventMessage): Tail => {
  const { before, count, first, isTombstone: isRemoved, recordedAt } = placeOf(message)
  return { sequence: message.sequence, revision: Revision.make(first + count - 1), recordedAt, before, isRemoved }
}
