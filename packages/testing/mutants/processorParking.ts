// Broken ways of parking, one for each of its laws.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EventData, Recorded } from "evolvent/EventData"
import type { EventId } from "evolvent/EventId"
import * as EventFilter from "evolvent/EventFilter"
import * as Processor from "evolvent/Processor"
import type { Revision } from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Break, Mutant, Store } from "./Mutant.ts"
import { runsOn } from "./Runs.ts"

const parks = (options: { readonly onFailure?: unknown } | undefined): boolean => options?.onFailure !== undefined

const isReactor = ({ checkpoint }: { readonly checkpoint: string }) => checkpoint.startsWith("reactor/")

const isParking = (stream: string) => stream.startsWith("$parked-")

/** Runs reactors that park on another event store. */
const reactorsOn = (store: (whole: Store, starts: number) => Partial<Store>) => (): Break => {
  const starts = new Map<string, number>()
  return runsOn((processor) => {
    const count = (starts.get(processor.name) ?? 0) + 1
    starts.set(processor.name, count)
    return isReactor(processor) ? { processor, store: (whole) => store(whole, count) } : { processor }
  }, parks)()
}

/** What is written to the stream of what is parked, by those who park it, becomes something else. */
const writes = (change: (event: EventData) => EventData) =>
  reactorsOn(({ append }) => ({
    append: (stream, events, options) => append(stream, isParking(stream) ? events.map(change) : events, options)
  }))

const field = (event: EventData | Recorded | undefined, name: string): unknown =>
  typeof event?.data === "object" && event.data !== null ? Reflect.get(event.data, name) : undefined

/** Takes the next event of a key for another key's, where two events of it are all that is parked. */
const forgetful = (): Break =>
  runsOn((processor) => {
    const parked = new Map<unknown, Set<unknown>>()
    if (!isReactor(processor)) return { processor }
    return {
      processor: {
        ...processor,
        prepare: (events) =>
          processor.prepare(events).map((step) => {
            const isOver = parked.size === 1 && parked.get(step.key)?.size === 2
            return isOver ? { ...step, key: `${step.key} ` } : step
          })
      },
      store: ({ append }) => ({
        append: (stream, events, options) => {
          for (const event of isParking(stream) ? events : []) {
            const ofKey = parked.get(field(event, "key")) ?? new Set<unknown>()
            if (event.type === "Parked") parked.set(field(event, "key"), ofKey.add(field(event, "eventId")))
          }
          return append(stream, events, options)
        }
      })
    }
  }, parks)()

/** Of the events that are parked for a key the last but one is taken for the last, and the other way round. */
const outOfOrder = (): Break => {
  const parked = new Map<unknown, Array<Recorded["id"]>>()
  const places = new Map<unknown, { readonly stream: StreamName; readonly revision: Revision }>()
  return reactorsOn(({ append, read }) => ({
    append: (stream, events, options) => {
      for (const event of isParking(stream) ? events : []) {
        const ofKey = parked.get(field(event, "key")) ?? []
        const id = field(event, "eventId") as EventId
        if (event.type !== "Parked" || ofKey.includes(id)) continue
        parked.set(field(event, "key"), [...ofKey, id])
        places.set(id, { stream: field(event, "stream") as StreamName, revision: field(event, "revision") as Revision })
      }
      return append(stream, events, options)
    },
    read: (filter, options) => {
      const from = options?.from?.revision
      const isAt = (id: EventId) => {
        const place = places.get(id)
        return filter._tag === "Stream" && place?.stream === filter.stream && place.revision === from
      }
      const ofKey = options?.limit === 1 ? ([...parked.values()].find((ids) => ids.some(isAt)) ?? []) : []
      const wanted = ofKey.find(isAt)
      const swapped = new Map([
        [ofKey.at(-1), ofKey.at(-2)],
        [ofKey.at(-2), ofKey.at(-1)]
      ]).get(wanted)
      const place = places.get(swapped)
      if (wanted === undefined || place === undefined) return read(filter, options)
      const there = read(EventFilter.stream(place.stream), { from: { revision: place.revision }, limit: 1 })
      return Stream.map(there, (event) => ({ ...event, id: wanted }))
    }
  }))()
}

/** What a projection was to try again counts as handled, and its rows stay as they were. */
const unapplied = (): Break => {
  const parked = new Set<unknown>()
  return runsOn(
    (processor) => ({
      processor: {
        ...processor,
        handle: (steps) =>
          processor.checkpoint.startsWith("projection/") && steps.every(({ recorded }) => parked.has(recorded.id))
            ? Effect.succeed(Effect.void)
            : processor.handle(steps)
      },
      store: ({ append }) => ({
        append: (stream, events, options) => {
          for (const event of events) if (event.type === "Parked") parked.add(field(event, "eventId"))
          return append(stream, events, options)
        }
      })
    }),
    parks
  )()
}

/** Broken parking. */
export const setting: ReadonlyArray<Mutant> = [
  {
    law: "Processor 13.2",
    breaks: "where two events of a key are all that is parked, the next of it is handled",
    by: forgetful
  },
  {
    law: "Processor 13.2",
    breaks: "what an event failed with is not told",
    by: writes((event) =>
      event.type === "Parked" ? { ...event, data: { ...(event.data as object), problem: "it failed" } } : event
    )
  },
  {
    law: "Processor 13.3",
    breaks: "the last that is parked of a key is tried again before the one in front of it",
    by: outOfOrder,
    also: ["Processor 13.4", "Processor 13.6"]
  },
  {
    law: "Processor 13.4",
    breaks: "only the last attempts are counted",
    by: writes((event) =>
      event.type === "FailedAgain" ? { ...event, data: { ...(event.data as object), attempts: 2 } } : event
    )
  },
  {
    law: "Processor 13.4",
    breaks: "who asks for one key gets all of them",
    by: { functions: (functions) => ({ ...functions, retry: (target) => Processor.retry(target) }) }
  },
  {
    law: "Processor 13.5",
    breaks: "a runner is not told of what is dropped",
    by: reactorsOn(({ read }) => ({
      read: (filter, options) =>
        filter._tag === "Stream" && isParking(filter.stream)
          ? Stream.filter(read(filter, options), ({ type }) => type !== "Dropped")
          : read(filter, options)
    }))
  },
  {
    law: "Processor 13.6",
    breaks: "what is parked is forgotten after a restart",
    by: reactorsOn(({ read }, starts) => ({
      read: (filter, options) =>
        starts > 1 && filter._tag === "Stream" && isParking(filter.stream) ? Stream.empty : read(filter, options)
    }))
  },
  {
    law: "Processor 13.7",
    breaks: "where a function says what is parked, everything is",
    by: {
      functions: (functions) => ({
        ...functions,
        run: (processor, options) =>
          Processor.run(
            processor,
            typeof options?.onFailure === "function" ? { ...options, onFailure: "park" } : options
          )
      })
    }
  },
  {
    law: "Processor 13.8",
    breaks: "what a projection was to try again counts as handled, and its rows stay as they were",
    by: unapplied
  },
  {
    law: "Processor 16.5",
    breaks: "who waits for an event is not told that it is parked",
    by: {
      functions: (functions) => ({
        ...functions,
        waitFor: (target, position, options) =>
          Effect.catchTag(Processor.waitFor(target, position, options), "EventParked", () => Effect.void)
      })
    }
  }
]
