// workload: which streams there are, what stands in an event and in a message. The content follows from the id or the key and number, so that all can check it.
import * as EventId from "evolvent/EventId"
import type { Message } from "evolvent/Bus"
import type { EventData } from "evolvent/EventData"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import type { Random } from "./random.ts"

// The ids of "Odd" have what subjects give a meaning to.
const streams = { Hot: 6, Warm: 60, $own: 4, Odd: 5 } as const

/** The types of events. */
export const types = ["Opened", "Changed", "Closed"] as const

/** A stream that many write, one that some write, or one of one's own. */
export const streamOf = (random: Random): StreamName.StreamName => {
  const category = random.weighted({ Hot: 45, Warm: 35, $own: 3, Odd: 5, Cold: 12 })
  if (category === "Cold") return StreamName.make(category, String(random.between(0, 1e12)))
  const id = String(random.between(0, streams[category] - 1))
  return StreamName.make(category, category === "Odd" ? `*.ü ${id}.>` : id)
}

/** New ids, as the library makes them. */
export const idsOf = (random: Random, count: number): ReadonlyArray<EventId.EventId> =>
  Array.from({ length: count }, () =>
    EventId.fromTime(
      Date.now(),
      Uint8Array.from({ length: 10 }, () => random.between(0, 255))
    )
  )

/** The event of an id. */
export const eventOf = (id: EventId.EventId): EventData & { readonly id: EventId.EventId } => ({
  id,
  type: typeOf(id),
  data: { id }
})

/** The type of the event of an id. */
export const typeOf = (id: string): string => types[Number.parseInt(id.slice(-2), 16) % types.length] ?? types[0]

/** The category of the messages on the bus. */
export const topic = "Note"

/** The message of a key with a number. */
export const messageOf = (key: string, n: number): Message => ({
  id: EventId.derive("soak message", key, n),
  key,
  category: topic,
  type: "Said",
  schemaVersion: 1,
  stream: StreamName.make(topic, key),
  revision: Revision.make(n),
  data: { key, n },
  metadata: {}
})

/** The number of a message that came in, or undefined where its content is not what was published. */
export const numberOf = ({ data, key, revision }: Message): number | undefined => {
  const { key: told, n } = (data ?? {}) as { readonly key?: unknown; readonly n?: unknown }
  return told === key && n === revision ? revision : undefined
}
