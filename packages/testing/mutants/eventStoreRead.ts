// Broken event stores: order, reading, filters and look-ups.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Driver, EncodedAppend, ReadRequest } from "evolvent/EventStore"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { gives, reads, scan } from "./Drivers.ts"
import type { Break, Mutant } from "./Mutant.ts"

const rawClock: Break = {
  driver: (driver) => {
    const times = new Map<string, number>()
    return {
      ...driver,
      append: (all) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          for (const { events } of all) for (const { id } of events) if (!times.has(id)) times.set(id, now)
          return driver.append(all)
        }),
      read: (request) =>
        Effect.map(driver.read(request), (page) => ({
          ...page,
          events: page.events.map((event) => ({ ...event, recordedAt: times.get(event.id) ?? event.recordedAt }))
        }))
    }
  }
}

/**
 * Events of a crowd of writers become visible a little later than their position is given out: what happens where
 * positions come from a sequence and transactions commit in another order.
 */
const unordered = (part: "subscribe" | "read" | "head"): Break => ({
  store: (store, driver) => {
    const hidden = new Set<number>()
    let writers = 0
    let turn = 0
    const visible = (event: { readonly position: number }) => !hidden.has(event.position)
    const broken: typeof store = {
      ...store,
      append: (stream, events, options) =>
        Effect.gen(function* () {
          writers += 1
          turn += 1
          const late = writers >= 4 && turn % 2 === 0
          const appended = yield* store.append(stream, events, options)
          if (late) {
            for (let i = 0; i < events.length; i++) hidden.add(appended.position - i)
            for (let i = 0; i < 4; i++) yield* Effect.yieldNow
            for (let i = 0; i < events.length; i++) hidden.delete(appended.position - i)
          } else {
            yield* Effect.yieldNow
          }
          writers -= 1
          return appended
        })
    }
    if (part === "subscribe") {
      return {
        ...broken,
        subscribe: (filter, options) =>
          Stream.map(store.subscribe(filter, options), (page) => ({ ...page, events: page.events.filter(visible) }))
      }
    }
    if (part === "read") {
      const seen = (filter: EventFilter.EventFilter, options: Parameters<typeof store.read>[1]) =>
        options?.limit === 7 ? Stream.filter(store.read(filter, options), visible) : store.read(filter, options)
      return { ...broken, read: seen }
    }
    return {
      ...broken,
      head: Effect.map(driver.head, (head) => Position.make(writers >= 4 ? head + 2 : head))
    }
  }
})

const order: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 5.1",
    breaks: "revisions have a hole after the tenth event",
    by: gives((event, { filter }) =>
      filter._tag === "Stream" && event.revision >= 10 ? { ...event, revision: Revision.next(event.revision) } : event
    ),
    // The pages of a long stream go on from a revision.
    also: ["EventStore 7.3", "EventStore 7.15"]
  },
  { law: "EventStore 5.2", breaks: "recordedAt is whatever the clock says", by: rawClock },
  {
    law: "EventStore 6.1",
    breaks: "a subscription passes events that are not visible yet",
    by: unordered("subscribe")
  },
  { law: "EventStore 6.2", breaks: "a read goes past events that are not visible yet", by: unordered("read") },
  { law: "EventStore 6.3", breaks: "the head counts positions that are not written yet", by: unordered("head") }
]

/** Reads another request. */
const asks = (change: (request: ReadRequest) => ReadRequest): Break =>
  reads((request, driver) => driver.read(change(request)))

/** Moves the beginning of a read where a test says so. */
const begins = (tag: "Revision" | "Position" | "Time", when: (request: ReadRequest) => boolean, by: number): Break =>
  asks((request) => {
    const { from } = request
    if (from === undefined || from._tag !== tag || !when(request)) return request
    if (from._tag === "Revision") return { ...request, from: { ...from, revision: Revision.make(from.revision + by) } }
    if (from._tag === "Position") return { ...request, from: { ...from, position: Position.make(from.position + by) } }
    return { ...request, from: { ...from, time: from.time + by } }
  })

const backwards = ({ direction }: ReadRequest) => direction === "backwards"
const forwards = ({ direction }: ReadRequest) => direction === "forwards"

const pages: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 7.1",
    breaks: "pages of five begin one event late",
    by: begins("Position", (request) => forwards(request) && request.limit === 5, 1)
  },
  {
    law: "EventStore 7.2",
    breaks: "pages of five, backwards, begin one event late",
    by: begins("Position", (request) => backwards(request) && request.limit === 5, -1)
  },
  {
    law: "EventStore 7.3",
    breaks: "a full page, backwards, leaves an event out behind it",
    by: reads((request, driver) =>
      Effect.map(driver.read(request), (page) =>
        page.events.length === 500 && backwards(request) ? { ...page, through: Position.make(page.through - 1) } : page
      )
    )
  },
  {
    law: "EventStore 7.4",
    breaks: "backwards from a revision leaves this one out",
    // Low revisions only: the pages of a long stream go on from one as well.
    by: begins(
      "Revision",
      ({ direction, from, limit }) =>
        direction === "backwards" && limit === 500 && from?._tag === "Revision" && from.revision < 100,
      -1
    )
  },
  {
    law: "EventStore 7.5",
    breaks: "backwards from above the head gives nothing",
    by: reads((request, driver) =>
      Effect.flatMap(driver.head, (head) =>
        driver.read(
          request.from?._tag === "Position" && backwards(request) && request.from.position > head
            ? { ...request, from: { _tag: "Position", position: Position.beginning } }
            : request
        )
      )
    )
  },
  { law: "EventStore 7.6", breaks: "from a time leaves that time out", by: begins("Time", forwards, 1) },
  {
    law: "EventStore 7.7",
    breaks: "a negative limit is none",
    by: {
      store: (store) => ({
        ...store,
        read: (filter, options) => ((options?.limit ?? 0) < 0 ? Stream.empty : store.read(filter, options))
      })
    }
  }
]

const histories: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 7.15",
    breaks: "a history goes on when nobody wants more of it",
    by: {
      store: (store) => ({
        ...store,
        history: (stream, take, options) => store.history(stream, (page) => Effect.as(take(page), true), options)
      })
    }
  },
  {
    law: "EventStore 7.15",
    breaks: "a history says of its first event what is true of its last",
    by: {
      store: (store) => ({
        ...store,
        history: (stream, take, options) =>
          store.history(
            stream,
            (page) => {
              const position = page.types.length > 400 ? page.last : page.first.position
              return take({ ...page, first: { ...page.first, position } })
            },
            options
          )
      })
    }
  }
]

const prefixed = (request: ReadRequest, driver: Driver) => {
  const { filter } = request
  const [one, ...more] = filter._tag === "Categories" ? filter.categories : []
  return one === undefined || more.length > 0 || one.types !== undefined
    ? driver.read(request)
    : scan(driver, request, ({ category }) => category.startsWith(one.category))
}

const trimmed = (request: ReadRequest, driver: Driver) => {
  const { filter, from } = request
  return filter._tag !== "Stream" || from?._tag === "Revision"
    ? driver.read(request)
    : scan(
        driver,
        request,
        ({ stream, type }) => stream.trim() === filter.stream.trim() && (filter.types?.includes(type) ?? true)
      )
}

const merged = (request: ReadRequest): ReadRequest => {
  const { filter } = request
  if (filter._tag !== "Categories") return request
  const types = filter.categories.flatMap((one) => one.types ?? [])
  const categories = filter.categories.map((one) => (one.types === undefined ? one : { ...one, types }))
  return { ...request, filter: { ...filter, categories } }
}

const names: ReadonlyArray<Mutant> = [
  { law: "EventStore 7.8", breaks: "streams are compared without the spaces around them", by: reads(trimmed) },
  { law: "EventStore 7.9", breaks: "categories are found by a prefix", by: reads(prefixed) },
  { law: "EventStore 7.10", breaks: "the types of all categories are one set", by: asks(merged) },
  {
    law: "EventStore 7.11",
    breaks: `"all" holds the library's own categories`,
    by: asks((request) =>
      request.filter._tag === "All" ? { ...request, filter: { ...request.filter, system: true } } : request
    )
  },
  {
    law: "EventStore 7.12",
    breaks: "streamRevision is the number of events",
    by: {
      store: (store) => ({
        ...store,
        streamRevision: (stream) =>
          Effect.map(store.streamRevision(stream), (revision) =>
            revision === undefined ? undefined : Revision.next(revision)
          )
      })
    }
  },
  {
    law: "EventStore 7.13",
    breaks: "the head leaves out the library's own events",
    by: {
      store: (store, driver) => ({
        ...store,
        head: Effect.map(
          driver.read({ filter: EventFilter.all(), direction: "backwards", from: undefined, limit: 1, follows: false }),
          ({ events }) => events[0]?.position ?? Position.beginning
        )
      })
    }
  },
  {
    law: "EventStore 7.14",
    breaks: "find does not look at the stream",
    by: {
      driver: (driver) => {
        const streams = new Map<string, EncodedAppend["stream"]>()
        return {
          ...driver,
          append: (all) => {
            for (const { events, stream } of all) for (const { id } of events) streams.set(id, stream)
            return driver.append(all)
          },
          find: (stream, id) => driver.find(streams.get(id) ?? stream, id)
        }
      }
    }
  }
]

/** Broken reads. */
export const reading: ReadonlyArray<Mutant> = [...order, ...pages, ...histories, ...names]
