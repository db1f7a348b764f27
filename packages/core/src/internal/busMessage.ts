// busMessage: a message of a bus as the event of the log that holds it, and back.
import type { Json } from "effect/Schema"
import type { Message } from "../Bus.ts"
import type { EventData, Recorded } from "../EventData.ts"
import * as EventId from "../EventId.ts"
import type { Revision } from "../Revision.ts"
import type * as StreamName from "../StreamName.ts"

/** The category of the streams that hold a bus's messages. */
export const category = "$bus"

/**
 * The id of the event that holds a message in a bus's log. It derives from the message's own, under which the same log may
 * hold the event that the message tells of.
 */
export const storedId = (id: EventId.EventId): EventId.EventId => EventId.derive(category, id, 0)

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
export const fromEvent = (event: Recorded): Message => ({
  ...(event.data as unknown as Stored),
  metadata: event.metadata
})
