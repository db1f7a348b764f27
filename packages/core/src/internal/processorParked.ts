// What a processor has parked, and what a person may do about it: have it tried again, or give it up.
import * as Effect from "effect/Effect"
import type { Recorded } from "../EventData.ts"
import type { EventId } from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as parking from "./processorParking.ts"
import { checkpointName } from "./processorStatus.ts"
import type { Target } from "./processorStatus.ts"

/**
 * An event that a processor has set aside for one of its keys.
 *
 * `attempts` says how often it was tried: never, where it only came behind another one of its key. `event` is undefined
 * where it left its stream since.
 */
export interface ParkedEvent {
  readonly key: string
  readonly eventId: EventId
  readonly event: Recorded | undefined
  readonly problem: string
  readonly attempts: number
  /** Whether it is going to be tried again, as somebody has asked for. */
  readonly isRequested: boolean
}

/**
 * What a processor has parked, in the order of its events.
 *
 * It is read from a stream of its own, `$parked-` with the name of the processor's checkpoint behind.
 */
export const parked = Effect.fnUntraced(function* (
  target: Target
): Effect.fn.Return<ReadonlyArray<ParkedEvent>, EventStoreError, EventStore> {
  const store = yield* EventStore
  const { entries, requested } = yield* parking.read(store, checkpointName(target))
  const all = [...entries.values()].flatMap((ofKey) => [...ofKey.values()])
  return yield* Effect.forEach(
    all.toSorted((a, b) => a.position - b.position),
    (entry) =>
      Effect.map(parking.eventOf(store, entry), (event): ParkedEvent => ({
        key: entry.key,
        eventId: entry.eventId,
        event,
        problem: entry.problem,
        attempts: entry.attempts,
        isRequested: requested.has(entry.key)
      })),
    { concurrency: 16 }
  )
})

/**
 * Asks for parked events to be tried again: those of one key, or all; gives the keys.
 *
 * Whoever runs the processor does it, now or when it runs again: in order, up to the first that fails, and before later
 * events of the key are handled.
 */
export const retry = (
  target: Target,
  options?: { readonly key?: string }
): Effect.Effect<ReadonlyArray<string>, EventStoreError, EventStore> =>
  EventStore.use((store) => parking.request(store, checkpointName(target), options?.key))

/**
 * Gives a parked event up: the processor will never handle it, and what came behind it stays parked until {@link retry}.
 *
 * Fails with an `InvalidRequest` where it is not parked.
 */
export const drop = (target: Target, eventId: EventId): Effect.Effect<void, EventStoreError, EventStore> =>
  EventStore.use((store) => parking.drop(store, checkpointName(target), eventId))
