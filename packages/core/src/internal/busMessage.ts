// busMessage: a message of a bus as the event of the log that holds it, and back.
import type { Json } from "effect/Schema"
import type { Message } from "../Bus.ts"
import type { EventData, Recorded } from "../EventData.ts"
import type * as EventId from "../EventId.ts"
import type { Revision } from "../Revision.ts"
import type * as StreamName from "../StreamName.ts"

/** The category of the streams that hold a bus's messages. */
export const category = "$bus"

// Any bits but those that say when and of which kind an id is.
const flipped = [0x6d3a95, 0xc27e1b] as const

const flip = (digits: string, bits: number): string =>
  (Number.parseInt(digits, 16) ^ bits).toString(16).padStart(6, "0")

/**
 * The id of the event that holds a message in a bus's log: the message's own with some of its random bits flipped, since
 * under its own the same log may hold the event that the message tells of. Flipped again it is the message's.
 */
export const storedId = (id: EventId.EventId): EventId.EventId =>
  `${id.slice(0, 24)}${flip(id.slice(24, 30), flipped[0])}${flip(id.slice(30), flipped[1])}` as EventId.EventId

interface Stored {
  readonly id: EventId.EventId
  readonly key: string
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  readonly stream: StreamName.StreamName
  readonly revision: Revision
  readonly data: Json
}

/** What the data of the event is: the message with its address, and without its metadata. */
export const toJson = ({
  category,
  data,
  id,
  key,
  revision,
  schemaVersion,
  stream,
  type
}: Message): { readonly [K in keyof Stored]: Json } => ({
  id,
  key,
  category,
  type,
  schemaVersion,
  stream,
  revision,
  data
})

export const toEvent = (message: Message): EventData => ({
  id: storedId(message.id),
  type: message.type,
  schemaVersion: message.schemaVersion,
  data: toJson(message),
  metadata: message.metadata
})

// Whoever writes these streams does so in the shape above.
const storedIn = (event: Recorded): Stored => event.data as unknown as Stored

/** Which message an event holds. */
export const addressOf = (event: Recorded): Pick<Message, "category" | "key" | "stream" | "type"> => storedIn(event)

export const fromEvent = (event: Recorded): Message => {
  const { category, data, id, key, revision, schemaVersion, stream, type } = storedIn(event)
  return { id, key, category, type, schemaVersion, stream, revision, data, metadata: event.metadata }
}
