// workload: which streams there are and what stands in an event. The content follows from the id, so that all can check it.
import * as EventId from "evolvent/EventId"
import type { EncodedAppend, Expected } from "evolvent/EventStore"
import type { EventData } from "evolvent/EventData"
import * as StreamName from "evolvent/StreamName"
import type { Random } from "./random.ts"

/** The two stores in one database: their schemas. */
export const stores = ["one", "two"] as const
export type StoreName = (typeof stores)[number]

const streams = { Hot: 6, Warm: 60, $own: 4 } as const

/** The types of events. */
export const types = ["Opened", "Changed", "Closed"] as const

/** A stream that many write, one that some write, or one of one's own. */
export const streamOf = (random: Random): StreamName.StreamName => {
  const category = random.weighted({ Hot: 45, Warm: 40, $own: 3, Cold: 12 })
  const id = category === "Cold" ? random.between(0, 1e12) : random.between(0, streams[category] - 1)
  return StreamName.make(category, String(id))
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

/** An append as the statements take it. */
export const encoded = (
  stream: StreamName.StreamName,
  expected: Expected,
  ids: ReadonlyArray<EventId.EventId>
): EncodedAppend => ({
  stream,
  category: StreamName.category(stream),
  expected,
  events: ids.map((id) => ({ id, type: typeOf(id), schemaVersion: 1, data: JSON.stringify({ id }), metadata: "{}" })),
  idsAreNew: false
})
