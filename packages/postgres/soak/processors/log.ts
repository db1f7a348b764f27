// log: what was appended, read once for all judges, and when which event had been tried again and handled.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as StreamName from "evolvent/StreamName"
import { Account } from "./domain.ts"

/** An event of the log. */
export interface Event {
  readonly id: string
  readonly stream: string
  readonly streamId: string
  readonly revision: number
  readonly position: number
  readonly at: number
  readonly amount: number
  readonly trouble: number
}

/** All events of the accounts, in order. */
export const read: Effect.Effect<ReadonlyArray<Event>, EventStoreError, EventStore> = EventStore.use((store) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.category(Account.name))), (events) =>
    events.map(({ data, id, position, recordedAt, revision, stream, streamId }) => {
      const { amount, trouble } = data as { readonly amount: number; readonly trouble: number }
      return { id, stream, streamId, revision, position, at: DateTime.toEpochMillis(recordedAt), amount, trouble }
    })
  )
)

/** What became of the events that a processor parked: when each was handled at last, by event and key. */
export const unparked = (
  checkpoint: string
): Effect.Effect<ReadonlyMap<string, number | undefined>, EventStoreError, EventStore> =>
  EventStore.use((store) =>
    Effect.map(Stream.runCollect(store.read(EventFilter.stream(StreamName.make("$parked", checkpoint)))), (changes) => {
      const found = new Map<string, number | undefined>()
      for (const { data, recordedAt, type } of changes) {
        const { eventId, key } = data as { readonly eventId?: string; readonly key: string }
        if (type === "Parked") found.set(`${eventId} ${key}`, undefined)
        if (type === "Handled") found.set(`${eventId} ${key}`, DateTime.toEpochMillis(recordedAt))
      }
      return found
    })
  )
