// busMessage: a message of the bus as a plain message of NATS: its data is the payload, what else it has are headers.
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Bus from "evolvent/Bus"
import * as EventId from "evolvent/EventId"
import type { EncodedEvent, EncodedRecorded } from "evolvent/EventStore"
import type { Metadata } from "evolvent/Metadata"
import type { Position } from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamNames from "evolvent/StreamName"
import type { StreamName } from "evolvent/StreamName"
import type { Headers } from "../NatsClient.ts"
import { metadataOf, ofMetadata, textOf, valueOf } from "./busHeaders.ts"
import type { Header } from "./busHeaders.ts"
import { endOf } from "./eventMessage.ts"
import * as names from "./names.ts"

/** The category of the streams that core's bus keeps its messages in. */
export const category = "$bus"

/** A message as it is sent. */
export interface Outgoing {
  readonly event: EncodedEvent
  readonly key: string
  readonly subject: string
  readonly headers: Headers
  readonly payload: string
}

/** A message as it came in; `time` in epoch milliseconds. */
export interface Incoming {
  readonly subject: string
  readonly sequence: number
  readonly time: number
  readonly header: Header
  readonly text: () => string
}

/** What the data of a bus's event is: a message with its address. */
interface Stored {
  readonly id: string
  readonly key: string
  readonly category: string
  readonly type: string
  readonly stream: string
  readonly revision: number
  readonly data: Json
}

const storedOf = (text: string): Stored | undefined => {
  const found = JSON.parse(text) as Partial<Record<keyof Stored, Json>> | null
  if (typeof found !== "object" || found === null) return undefined
  const { category, data, id, key, revision, stream, type } = found
  return typeof id === "string" &&
    typeof key === "string" &&
    typeof category === "string" &&
    typeof type === "string" &&
    typeof stream === "string" &&
    typeof revision === "number" &&
    data !== undefined
    ? { id, key, category, type, stream, revision, data }
    : undefined
}

/** The subjects of the messages of a stream of the bus. */
export const subjectsOf = (base: string, stream: StreamName): Result.Result<string, string> =>
  Result.map(names.token(StreamNames.id(stream)), (slot) => `${base}${slot}.>`)

/** The message of an event of a stream of the bus, or why it can be none. */
export const encode = (base: string, stream: StreamName, event: EncodedEvent): Result.Result<Outgoing, string> => {
  const stored = storedOf(event.data)
  if (stored === undefined) return Result.fail("its data is no message of a bus")
  const { category, data, id, key, revision, type } = stored
  if (!EventId.isEventId(id)) return Result.fail(`its id ${JSON.stringify(id)} is not a UUID in lower case`)
  const tokens = Result.all([StreamNames.id(stream), category, type].map(names.token))
  if (Result.isFailure(tokens)) return Result.fail(`in its category or type ${tokens.failure}`)
  const subject = base + tokens.success.join(".")
  if (subject.length > names.longestSubject) {
    const problem = `category and type make a subject of ${subject.length} characters`
    return Result.fail(`${problem}, and NATS has room for ${names.longestSubject}`)
  }
  const headers: Headers = [
    ["Nats-Msg-Id", id],
    ["Ev-Type", valueOf(type)],
    ["Ev-Schema-Version", String(event.schemaVersion)],
    ["Ev-Stream", valueOf(stored.stream)],
    ["Ev-Revision", String(revision)],
    // Of nearly all messages these say what is said already.
    ...(stored.stream.startsWith(`${category}-`) ? [] : [["Ev-Category", valueOf(category)] as const]),
    ...(key === stored.stream ? [] : [["Ev-Key", valueOf(key)] as const]),
    ...ofMetadata(event.metadata)
  ]
  const size = headersSize(headers)
  return size > longestHeaders
    ? Result.fail(`its key, stream and metadata take ${size} bytes of headers, and NATS has room for ${longestHeaders}`)
    : Result.succeed({ event, key, subject, headers, payload: JSON.stringify(data) })
}

// The server takes 65 535 bytes of them.
const longestHeaders = 65_000

/** How many bytes headers have: a line each, behind a first one. */
export const headersSize = (headers: Headers): number =>
  headers.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 4, 12)

const wholeOf = (value: string | undefined): number | undefined => {
  const number = value === undefined || value === "" ? Number.NaN : Number(value)
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

/** A payload that is no JSON is a text, and none at all is null. */
const contentOf = (payload: string): Json => {
  if (payload === "") return null
  try {
    return JSON.parse(payload) as Json
  } catch {
    return payload
  }
}

const idOf = (given: string | undefined, stream: string, sequence: number): EventId.EventId => {
  const lower = given?.toLowerCase()
  if (lower !== undefined && EventId.isEventId(lower)) return lower
  return given === undefined || given === ""
    ? EventId.derive(`nats ${stream}`, "", sequence)
    : EventId.derive("nats", given, 0)
}

/**
 * The event of a message, of whomever it is: nothing that others send may stop a group.
 *
 * What a header does not say is in the subject, `<base><slot>.<category>.<type>`; without the others the stream is
 * `<category>-<type>`, the key the stream, the revision the message's number, the version 1. Without a `Nats-Msg-Id` that is
 * a UUID the id derives from what it is, or from the message's number.
 */
export const decode = (base: string, stream: string, message: Incoming): EncodedRecorded => {
  const { header, sequence } = message
  const [slot = "", second = "", ...others] = message.subject.slice(base.length).split(".")
  const kind = textOf(header("Ev-Category")) ?? names.text(second)
  const type = textOf(header("Ev-Type")) ?? others.map(names.text).join(".")
  const told = textOf(header("Ev-Stream")) ?? `${kind}-${type}`
  const id = idOf(header("Nats-Msg-Id"), stream, sequence)
  const version = wholeOf(header("Ev-Schema-Version")) ?? 0
  const address = {
    id,
    key: textOf(header("Ev-Key")) ?? told,
    category: kind,
    type,
    schemaVersion: version >= 1 ? version : 1,
    stream: told,
    revision: wholeOf(header("Ev-Revision")) ?? sequence
  }
  return new Decoded(address, message, metadataOf(header), slot)
}

/** What a message says of itself. */
type Address = Omit<Stored, "data"> & { readonly id: EventId.EventId; readonly schemaVersion: number }

// A class for the text of the data, which has to be put together and which nearly nobody asks for.
class Decoded implements EncodedRecorded {
  readonly #payload: string
  readonly #address: Address
  readonly id: EventId.EventId
  readonly type: string
  readonly schemaVersion: number
  readonly parsed: { readonly data: Json; readonly metadata: Metadata }
  readonly stream: StreamName
  readonly category = category
  // It grows, but not by ones: other slots have the numbers between.
  readonly revision: Revision.Revision
  readonly position: Position
  readonly recordedAt: number
  constructor(address: Address, { sequence, text, time }: Incoming, metadata: Metadata, slot: string) {
    const { id, type, schemaVersion } = address
    const payload = text()
    this.#payload = payload
    this.#address = address
    this.id = Bus.storedId(id)
    this.type = type
    this.schemaVersion = schemaVersion
    this.parsed = { data: { ...address, data: contentOf(payload) }, metadata }
    this.stream = `${category}-${names.text(slot)}` as StreamName
    this.revision = Revision.make(sequence)
    this.position = endOf(sequence)
    this.recordedAt = time
  }
  /** With the payload as it was sent, whatever numbers are in it. */
  get data(): string {
    const content = contentOf(this.#payload)
    const isJson = this.#payload !== "" && typeof content !== "string"
    return `${JSON.stringify(this.#address).slice(0, -1)},"data":${isJson ? this.#payload : JSON.stringify(content)}}`
  }
  get metadata(): string {
    return JSON.stringify(this.parsed.metadata)
  }
}
