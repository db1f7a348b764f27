// Fresh: names and events that no other law uses, so that laws share a store without meeting.
import * as Effect from "effect/Effect"
import * as EventId from "evolvent/EventId"
import type { EventData } from "evolvent/EventData"
import * as StreamName from "evolvent/StreamName"

/** A text that begins as given and occurs nowhere else. */
export const name = (prefix: string): Effect.Effect<string> =>
  Effect.map(EventId.generate, (id) => `${prefix}${id.replaceAll("-", "").slice(12)}`)

/** A stream in a category of its own. */
export const stream = (id = "1"): Effect.Effect<StreamName.StreamName> =>
  Effect.map(name("Law"), (category) => StreamName.make(category, id))

/** Some events of a type, told apart by their number. */
export const events = (count: number, from = 0, type = "Counted"): ReadonlyArray<EventData> =>
  Array.from({ length: count }, (_, i) => ({ type, data: { n: from + i } }))

/** The same with ids, so that the append can be repeated. */
export const identified = (
  count: number,
  from = 0
): Effect.Effect<ReadonlyArray<EventData & { id: EventId.EventId }>> =>
  Effect.forEach(events(count, from), (event) => Effect.map(EventId.generate, (id) => ({ ...event, id })))

/** The number of each event. */
export const numbers = (recorded: Iterable<{ readonly data: unknown }>): ReadonlyArray<unknown> =>
  Array.from(recorded, ({ data }) => (data as { readonly n?: unknown } | null)?.n)

/** 0, 1, 2… up to a count. */
export const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)
