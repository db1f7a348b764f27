// writers: append to all orders until so many events are stored; what was not let in is sent again with the same ids.
import * as Effect from "effect/Effect"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { eventOf, Order } from "./orders.ts"

/** What is written, and how far that is. */
export interface Writing {
  readonly seed: string
  readonly events: number
  readonly orders: number
  written: number
}

// So many at a time, each to another order.
const writers = 64

/** How many events an append has at most. Messages of one order are published one after the other, so it is few. */
const batch = 4

/** Writes everything; of each order its events in their order, and of all orders about as many. */
export const run = (writing: Writing): Effect.Effect<void, unknown, EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const { events, orders, seed } = writing
    const rounds = Math.ceil(events / orders / batch)
    const append = (order: number, from: number) => {
      // The last round makes the number whole.
      const left = events - from * orders
      const count = Math.min(batch, Math.floor(left / orders) + (order < left % orders ? 1 : 0))
      if (count === 0) return Effect.void
      const stream = StreamName.make(Order.name, String(order))
      const some = Array.from({ length: count }, (_, i) => ({
        ...eventOf(order, from + i),
        id: EventId.derive(`soak ${seed}`, stream, from + i)
      }))
      const expected = from === 0 ? "noStream" : Revision.make(from - 1)
      return store.append(stream, some, { expected }).pipe(
        Effect.tapError(() => Effect.sleep(100)),
        Effect.retry({ while: (error) => error._tag === "EventStoreError" && error.isRetryable }),
        Effect.map(() => {
          writing.written += count
        })
      )
    }
    for (let round = 0; round < rounds; round++) {
      yield* Effect.forEach(
        Array.from({ length: orders }, (_, order) => order),
        (order) => append(order, round * batch),
        { concurrency: writers, discard: true }
      )
    }
  })
