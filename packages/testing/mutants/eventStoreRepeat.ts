// Broken event stores: repeating appends by their event ids.
import * as Effect from "effect/Effect"
import type { Driver, EncodedAppend, EncodedEvent, EncodedRecorded, Outcome } from "evolvent/EventStore"
import * as EventId from "evolvent/EventId"
import { appends, isRepeat, known } from "./Drivers.ts"
import type { Break, Mutant } from "./Mutant.ts"

/** Makes an event look like the stored one of the same id in the same stream, so that a difference is overlooked. */
const overlooks = (part: (event: EncodedEvent, stored: EncodedRecorded) => EncodedEvent): Break =>
  appends(
    (driver) => (all) =>
      Effect.flatMap(
        Effect.forEach(all, (one) =>
          Effect.map(
            Effect.forEach(one.events, (event) =>
              Effect.map(driver.find(one.stream, event.id), (stored) =>
                stored === undefined ? event : part(event, stored)
              )
            ),
            (events) => ({ ...one, events })
          )
        ),
        driver.append
      )
  )

const forgets = (driver: Driver) => {
  const seen = new Map<string, number>()
  return (all: ReadonlyArray<EncodedAppend>) =>
    Effect.gen(function* () {
      const [one] = all
      const id = one?.events[0]?.id
      if (one === undefined || id === undefined || all.length > 1 || one.expected !== "any")
        return yield* driver.append(all)
      const last = (yield* known(driver, one)).at(-1)
      const now = yield* driver.streamRevision(one.stream)
      if (!(yield* isRepeat(driver, one)) || last === undefined || last.revision === now)
        return yield* driver.append(all)
      seen.set(id, (seen.get(id) ?? 0) + 1)
      if (seen.get(id) !== 2) return yield* driver.append(all)
      const events = yield* Effect.forEach(one.events, (event) =>
        Effect.map(EventId.generate, (id) => ({ ...event, id }))
      )
      return yield* driver.append([{ ...one, events }])
    })
}

/** Refuses a repeat where a test says so. */
const refuses = (isOther: (event: EncodedEvent, stored: EncodedRecorded) => boolean): Break =>
  appends(
    (driver) => (all) =>
      Effect.gen(function* () {
        for (const [index, { events, stream }] of all.entries()) {
          for (const event of events) {
            const stored = yield* driver.find(stream, event.id)
            if (stored !== undefined && isOther(event, stored)) {
              return { _tag: "IdReused", index, id: event.id, problem: "other content" } satisfies Outcome
            }
          }
        }
        return yield* driver.append(all)
      })
  )

const anyStream = (driver: Driver) => {
  const byId = new Map<string, { readonly event: EncodedEvent; readonly outcome: Outcome }>()
  return (all: ReadonlyArray<EncodedAppend>) =>
    Effect.gen(function* () {
      const [one] = all
      if (one === undefined || all.length > 1) return yield* driver.append(all)
      const seen = one.events.map(({ id }) => byId.get(id))
      const same = seen.every((stored, i) => stored?.event.data === one.events[i]?.data)
      if (seen.length > 0 && same && (yield* known(driver, one)).length === 0) {
        return seen.at(-1)?.outcome ?? (yield* driver.append(all))
      }
      const outcome = yield* driver.append(all)
      if (outcome._tag === "Appended") for (const event of one.events) byId.set(event.id, { event, outcome })
      return outcome
    })
}

/** Writes the new ones among events that are known in part. */
const completes =
  (when: (appends: ReadonlyArray<EncodedAppend>) => boolean) =>
  (driver: Driver) =>
  (all: ReadonlyArray<EncodedAppend>) =>
    Effect.gen(function* () {
      const outcome = yield* driver.append(all)
      if (outcome._tag !== "IdReused" || !outcome.problem.includes("new") || !when(all)) return outcome
      const left: Array<EncodedAppend> = []
      for (const one of all) {
        const ids = new Set((yield* known(driver, one)).map(({ id }) => id))
        left.push({ ...one, events: one.events.filter(({ id }) => !ids.has(id)), expected: "any" })
      }
      return yield* driver.append(left)
    })

const notTwiceAtOnce = (driver: Driver) => (all: ReadonlyArray<EncodedAppend>) =>
  Effect.gen(function* () {
    const [one] = all
    if (one === undefined || all.length > 1 || one.events.length !== 3) return yield* driver.append(all)
    const before = yield* isRepeat(driver, one)
    yield* Effect.yieldNow
    const [stored] = yield* known(driver, one)
    return before || stored === undefined
      ? yield* driver.append(all)
      : ({ _tag: "IdReused", index: 0, id: stored.id, problem: "a duplicate key" } satisfies Outcome)
  })

/** Broken repeats. */
export const repeating: ReadonlyArray<Mutant> = [
  { law: "EventStore 3.1", breaks: "an append is recognised once, not for ever", by: appends(forgets) },
  {
    law: "EventStore 3.2",
    breaks: "a repeat that expects more events than there are conflicts",
    by: appends(
      (driver) => (all) =>
        Effect.gen(function* () {
          const [one] = all
          const actual = one === undefined ? undefined : yield* driver.streamRevision(one.stream)
          return typeof one?.expected === "number" && one.expected > (actual ?? 0)
            ? ({ _tag: "Conflict", index: 0, actual } satisfies Outcome)
            : yield* driver.append(all)
        })
    )
  },
  {
    law: "EventStore 3.3",
    breaks: "small data is not compared",
    by: overlooks((event, stored) => (stored.data.length < 12 ? { ...event, data: stored.data } : event))
  },
  {
    law: "EventStore 3.4",
    breaks: "the type is not compared",
    by: overlooks((event, { type }) => ({ ...event, type }))
  },
  {
    law: "EventStore 3.5",
    breaks: "the schemaVersion is not compared",
    by: overlooks((event, { schemaVersion }) => ({ ...event, schemaVersion }))
  },
  { law: "EventStore 3.6", breaks: "the stream is not compared", by: appends(anyStream) },
  {
    law: "EventStore 3.7",
    breaks: "the new ones among old ids are written",
    by: appends(completes((all) => all.length === 1))
  },
  {
    law: "EventStore 3.8",
    breaks: "metadata is compared",
    by: refuses((event, stored) => event.metadata !== stored.metadata && event.data === stored.data)
  },
  {
    law: "EventStore 3.9",
    breaks: "data is compared as text",
    by: refuses((event, stored) => event.data !== stored.data && event.data.length === stored.data.length)
  },
  {
    law: "EventStore 3.10",
    breaks: "the loser of a race with the same ids gets an error",
    by: appends(notTwiceAtOnce)
  },
  {
    law: "EventStore 3.11",
    breaks: "the new half of an appendAll that is known in part is written",
    by: appends(completes((all) => all.length > 1))
  },
  {
    law: "EventStore 3.12",
    breaks: "an id that comes twice in an append is written once",
    by: {
      store: (store) => ({
        ...store,
        append: (stream, events, options) => {
          const twice = (id: EventId.EventId | undefined, i: number) =>
            id !== undefined && events.findIndex((event) => event.id === id) !== i
          return store.append(
            stream,
            events.filter(({ id }, i) => !twice(id, i)),
            options
          )
        }
      })
    }
  }
]
