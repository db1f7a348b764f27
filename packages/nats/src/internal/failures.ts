// failures: what NATS failed with, as the error of an event store.
import * as Effect from "effect/Effect"
import { because, InvalidRequest, Unavailable } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import type { Failure } from "./jetstream.ts"

/** What nobody can mend by trying again is a request that cannot be carried out. */
export const reasonOf = (failure: Failure): Unavailable | InvalidRequest =>
  failure.isRetryable || (failure._tag === "RequestFailed" && failure.why === "Closed")
    ? new Unavailable({ problem: failure.message, cause: failure })
    : new InvalidRequest({ problem: failure.message })

export const asStoreError =
  (operation: string) =>
  (failure: Failure): EventStoreError =>
    because(`EventStore.${operation}`, reasonOf(failure))

/** Reads what a message holds; one that does not hold what it should is nobody's to mend here. */
export const reading = <A>(operation: string, read: () => A): Effect.Effect<A, EventStoreError> =>
  Effect.try({
    try: read,
    catch: (thrown) =>
      because(
        `EventStore.${operation}`,
        new InvalidRequest({ problem: thrown instanceof Error ? thrown.message : String(thrown) })
      )
  })
