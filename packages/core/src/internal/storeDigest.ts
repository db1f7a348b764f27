// storeDigest: which events of a store are meant, and the hash of them.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Selection } from "../StoreCopy.ts"
import * as contentDigest from "./contentDigest.ts"

/** The filter of a selection. */
export const filterOf = ({ categories, system = false }: Selection): EventFilter.EventFilter =>
  categories === undefined
    ? EventFilter.all({ system })
    : EventFilter.categories(categories.map((category) => ({ category })))

/** The hash of what a filter matches in a store, read page by page. */
export const ofStore = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  filter: EventFilter.EventFilter
): Effect.fn.Return<{ readonly events: number; readonly digest: string }, EventStoreError> {
  const digest = contentDigest.make()
  yield* Stream.runForEachArray(store.readEncoded(filter), digest.add)
  return { events: digest.count(), digest: yield* digest.value }
})

export const digest = (selection: Selection = {}) =>
  Effect.flatMap(EventStore, (store) => ofStore(store, filterOf(selection)))
