// Broken event stores: subscriptions.
import { Patience } from "@evolvent/testing/conformance"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { EventFilter } from "evolvent/EventFilter"
import type { Page } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import type { Break, Mutant, Store } from "./Mutant.ts"

type Pages = Stream.Stream<Page, EventStoreError>

const subscribes = (make: (store: Store) => (filter: EventFilter, after: Position.Position) => Pages): Break => ({
  store: (store) => {
    const subscribe = make(store)
    return { ...store, subscribe: (filter, options) => subscribe(filter, options?.after ?? Position.beginning) }
  }
})

const gap = (store: Store) => (filter: EventFilter, after: Position.Position) =>
  Stream.unwrap(
    Effect.map(store.head, (head) => {
      if (head - after < 500) return store.subscribe(filter, { after })
      const live = Effect.map(Effect.andThen(Effect.yieldNow, store.head), (now) =>
        store.subscribe(filter, { after: now })
      )
      const caughtUp = Stream.takeUntil(store.subscribe(filter, { after }), ({ through }) => through >= head)
      return Stream.concat(caughtUp, Stream.unwrap(live))
    })
  )

const shared = (store: Store) => {
  let count = 0
  let last: EventFilter | undefined
  return (filter: EventFilter, after: Position.Position) => {
    count += 1
    const used = count === 5 && last !== undefined ? last : filter
    last = filter
    return store.subscribe(used, { after })
  }
}

// Longer than a law waits.
const longer = Effect.flatMap(Patience, (patience) =>
  Effect.sleep(Duration.times(Duration.fromInputUnsafe(patience), 1.4))
)

const lingering = (store: Store) => {
  let count = 0
  return (filter: EventFilter, after: Position.Position) => {
    count += 1
    const lingers = count === 1
    return Stream.onExit(store.subscribe(filter, { after }), (exit) =>
      lingers && Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause) ? longer : Effect.void
    )
  }
}

const offByOne = (store: Store) => {
  const ended = new Set<string>()
  return (filter: EventFilter, after: Position.Position) => {
    const key = JSON.stringify(filter)
    const from = after > 0 && ended.has(key) ? Position.make(after + 1) : after
    let pages = 0
    return store.subscribe(filter, { after: from }).pipe(
      Stream.tap(() => Effect.sync(() => (pages += 1))),
      Stream.ensuring(Effect.sync(() => (pages > 0 ? ended.add(key) : ended)))
    )
  }
}

/** Broken subscriptions. */
export const subscribing: ReadonlyArray<Mutant> = [
  { law: "EventStore 9.1", breaks: "after a long catch-up what came meanwhile is left out", by: subscribes(gap) },
  { law: "EventStore 9.2", breaks: "the fifth subscriber gets what is the fourth's", by: subscribes(shared) },
  {
    law: "EventStore 9.3",
    breaks: "pages are dropped for a slow subscriber",
    by: subscribes(
      (store) => (filter, after) =>
        Stream.buffer(store.subscribe(filter, { after }), { capacity: 16, strategy: "sliding" })
    )
  },
  {
    law: "EventStore 9.4",
    breaks: "pages without events are not given out",
    by: subscribes(
      (store) => (filter, after) => Stream.filter(store.subscribe(filter, { after }), ({ events }) => events.length > 0)
    )
  },
  { law: "EventStore 9.5", breaks: "the first subscription lingers when it is interrupted", by: subscribes(lingering) },
  { law: "EventStore 9.6", breaks: "the second subscription begins one event late", by: subscribes(offByOne) },
  {
    law: "EventStore 9.7",
    breaks: "a subscription from above the head just waits",
    by: subscribes(
      (store) => (filter, after) =>
        Stream.unwrap(Effect.map(store.head, (head) => store.subscribe(filter, { after: after > head ? head : after })))
    )
  }
]
