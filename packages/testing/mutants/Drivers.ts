// Drivers: what broken event stores have in common.
import * as Effect from "effect/Effect"
import type { EventData, Recorded } from "evolvent/EventData"
import type { Driver, EncodedAppend, EncodedPage, EncodedRecorded, Outcome, ReadRequest } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as EventFilter from "evolvent/EventFilter"
import type { Break } from "./Mutant.ts"

type Appends = ReadonlyArray<EncodedAppend>
type Append = (appends: Appends) => Effect.Effect<Outcome, EventStoreError>

/** A driver that appends otherwise; what it remembers begins anew for each store. */
export const appends = (make: (driver: Driver) => Append): Break => ({
  driver: (driver) => ({ ...driver, append: make(driver) })
})

/** A driver that reads otherwise. */
export const reads = (
  read: (request: ReadRequest, driver: Driver) => Effect.Effect<EncodedPage, EventStoreError>
): Break => ({ driver: (driver) => ({ ...driver, read: (request) => read(request, driver) }) })

/** A driver that gives back other events. */
export const gives = (change: (event: EncodedRecorded, request: ReadRequest) => EncodedRecorded): Break =>
  reads((request, driver) =>
    Effect.map(driver.read(request), (page) => ({
      ...page,
      events: page.events.map((event) => change(event, request))
    }))
  )

/** A store that takes other events than it is given. */
export const takes = (change: (event: EventData) => EventData): Break => ({
  store: (store) => ({
    ...store,
    append: (stream, events, options) => store.append(stream, events.map(change), options)
  })
})

/** Reads everything and keeps what a test lets through. */
export const scan = (driver: Driver, request: ReadRequest, keep: (event: EncodedRecorded) => boolean) =>
  Effect.map(driver.read({ ...request, filter: EventFilter.all({ system: true }) }), (page) => ({
    ...page,
    events: page.events.filter(keep)
  }))

/** Changes the only append of a call. */
export const single = (change: (append: EncodedAppend) => EncodedAppend): Break =>
  appends((driver) => (all) => driver.append(all.length === 1 ? all.map(change) : all))

/** The stored events that an append brings again. */
export const known = (driver: Driver, { events, stream }: EncodedAppend) =>
  Effect.map(
    Effect.forEach(events, ({ id }) => driver.find(stream, id)),
    (found) => found.filter((one) => one !== undefined)
  )

/** Whether all of an append is there already. */
export const isRepeat = (driver: Driver, append: EncodedAppend) =>
  Effect.map(known(driver, append), ({ length }) => length > 0 && length === append.events.length)

/** The number in a law's event. */
export const numberOf = (event: Recorded): unknown => (event.data as { readonly n?: unknown } | null)?.n
