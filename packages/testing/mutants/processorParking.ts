// Broken ways of parking, one for each of its laws.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EventData, Recorded } from "evolvent/EventData"
import type { EventId } from "evolvent/EventId"
import * as Processor from "evolvent/Processor"
import type { Break, Mutant, Store } from "./Mutant.ts"
import { runs, runsOn } from "./Runs.ts"

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

const isBehind = (event: EventData | undefined) => event?.type === "Parked" && field(event, "attempts") === 0

/** The first run of a reactor counts what it parks of each key, and takes what comes after so many for another key's. */
const forgetful = (most: number) => (): Break => {
  const started = new Set<string>()
  return runsOn((processor) => {
    if (!isReactor(processor) || started.has(processor.name)) return { processor }
    started.add(processor.name)
    const counts = new Map<unknown, Set<unknown>>()
    return {
      processor: {
        ...processor,
        prepare: (events) =>
          processor.prepare(events).map((step) => {
            const ofKey = counts.get(step.key)
            const isOver = ofKey !== undefined && ofKey.size >= most && !ofKey.has(step.recorded.id)
            return isOver ? { ...step, key: `${step.key} ` } : step
          })
      },
      store: ({ append }) => ({
        append: (stream, events, options) => {
          for (const event of isParking(stream) ? events : []) {
            const ofKey = counts.get(field(event, "key")) ?? new Set<unknown>()
            if (event.type === "Parked") counts.set(field(event, "key"), ofKey.add(field(event, "eventId")))
          }
          return append(stream, events, options)
        }
      })
    }
  }, parks)()
}

/** Finds the events of a key from its last to its first, where they are sought because they are parked. */
const fromTheLast = reactorsOn(({ find, read }) => ({
  find: (stream, id) =>
    Effect.gen(function* () {
      const all: Array<EventId> = yield* Stream.runFold(
        read({ _tag: "All" } as never),
        () => [] as Array<EventId>,
        (ids, event: Recorded) => (event.stream === stream ? [...ids, event.id] : ids)
      )
      return yield* find(stream, all.at(-1 - all.indexOf(id)) ?? id)
    })
}))

/** What a projection was to try again counts as handled, and its rows stay as they were. */
const unapplied = (): Break => {
  const parked = new Set<unknown>()
  return runsOn(
    (processor) => ({
      processor: {
        ...processor,
        handle: (steps) =>
          steps.every(({ recorded }) => parked.has(recorded.id))
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
    (options) => parks(options)
  )()
}
