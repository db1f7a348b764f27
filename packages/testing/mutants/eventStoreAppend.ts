// Broken event stores: expectations, and all or nothing.
import * as Effect from "effect/Effect"
import type { Driver, EncodedAppend, Expected, Outcome } from "evolvent/EventStore"
import { WrongExpectedRevision } from "evolvent/EventStoreError"
import { appends, single } from "./Drivers.ts"
import type { Break, Mutant } from "./Mutant.ts"

/** Loosens an expectation where a condition on the stream's revision holds. */
const loosens = (when: (append: EncodedAppend, revision: number | undefined) => boolean): Break =>
  appends(
    (driver) => (all) =>
      Effect.flatMap(
        Effect.forEach(all, (one) =>
          Effect.map(driver.streamRevision(one.stream), (revision): EncodedAppend =>
            when(one, revision) ? { ...one, expected: "any" } : one
          )
        ),
        driver.append
      )
  )

const meets = (expected: Expected, revision: number | undefined): boolean =>
  expected === "noStream" ? revision === undefined : expected === revision

/** Checks, lets others go first, then writes: the race that a check before the write loses. */
const checksEarly = (when: (appends: ReadonlyArray<EncodedAppend>) => boolean): Break =>
  appends(
    (driver) => (all) =>
      Effect.gen(function* () {
        if (!when(all)) return yield* driver.append(all)
        for (const { expected, stream } of all) {
          if (!meets(expected, yield* driver.streamRevision(stream))) return yield* driver.append(all)
        }
        yield* Effect.yieldNow
        return yield* driver.append(all.map((one) => ({ ...one, expected: "any" })))
      })
  )

const giveUp = (driver: Driver) => {
  let writers = 0
  return (all: ReadonlyArray<EncodedAppend>) =>
    Effect.gen(function* () {
      if (all.some(({ expected }) => expected !== "any")) return yield* driver.append(all)
      writers += 1
      const crowd = writers
      yield* Effect.yieldNow
      writers -= 1
      return crowd > 20
        ? ({ _tag: "Conflict", index: 0, actual: undefined } satisfies Outcome)
        : yield* driver.append(all)
    })
}

const expectations: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 1.1",
    breaks: "an expected revision is not checked on a stream without events",
    by: loosens(({ expected }, revision) => typeof expected === "number" && revision === undefined)
  },
  {
    law: "EventStore 1.2",
    breaks: `"noStream" takes a stream of more than one event`,
    by: loosens(({ expected }, revision) => expected === "noStream" && (revision ?? 0) > 0)
  },
  {
    law: "EventStore 1.3",
    breaks: `"streamExists" is not checked when there is something to write`,
    by: loosens(({ events, expected }) => expected === "streamExists" && events.length > 0)
  },
  {
    law: "EventStore 1.4",
    breaks: `"any" conflicts when the stream has two events from two appends`,
    by: {
      store: (store) => {
        const counts = new Map<string, number>()
        return {
          ...store,
          append: (stream, events, options) =>
            Effect.gen(function* () {
              const count = counts.get(stream) ?? 0
              counts.set(stream, count + 1)
              const actual = yield* store.streamRevision(stream)
              const expected = options?.expected
              return expected === "any" && count === 2 && actual === 1
                ? yield* new WrongExpectedRevision({ stream, expected, actual })
                : yield* store.append(stream, events, options)
            })
        }
      }
    }
  },
  {
    law: "EventStore 1.5",
    breaks: "an expected revision is checked before the write, not under it",
    by: checksEarly((all) => typeof all[0]?.expected === "number")
  },
  {
    law: "EventStore 1.6",
    breaks: `"noStream" is checked before the write, not under it`,
    by: checksEarly((all) => all.length === 1 && all[0]?.expected === "noStream")
  },
  { law: "EventStore 1.7", breaks: `"any" conflicts when more than 20 write at once`, by: appends(giveUp) }
]

const splits = (driver: Driver) => (all: ReadonlyArray<EncodedAppend>) =>
  Effect.gen(function* () {
    const [one] = all
    if (one === undefined || all.length > 1 || one.events.length <= 10) return yield* driver.append(all)
    const first = yield* driver.append([{ ...one, events: one.events.slice(0, 10) }])
    if (first._tag !== "Appended") return first
    yield* Effect.yieldNow
    return yield* driver.append([{ ...one, events: one.events.slice(10), expected: "any" }])
  })

const writesSome = (driver: Driver) => (all: ReadonlyArray<EncodedAppend>) =>
  Effect.tap(driver.append(all), (outcome) => {
    const [one] = all
    if (one === undefined || outcome._tag !== "IdReused" || !outcome.problem.includes("other content"))
      return Effect.void
    const events = one.events.slice(
      0,
      one.events.findIndex(({ id }) => id === outcome.id)
    )
    return driver.append([{ ...one, events }])
  })

const atomicity: ReadonlyArray<Mutant> = [
  { law: "EventStore 2.1", breaks: "a large append is written in two steps", by: appends(splits) },
  { law: "EventStore 2.2", breaks: "what comes before a refused event is written", by: appends(writesSome) },
  {
    law: "EventStore 2.3",
    breaks: "appendAll gives its results in the wrong order",
    by: {
      store: (store) => ({
        ...store,
        appendAll: (all) => Effect.map(store.appendAll(all), (results) => results.toReversed())
      })
    }
  },
  {
    law: "EventStore 2.4",
    breaks: "appendAll writes the streams before the one that conflicts",
    by: appends(
      (driver) => (all) =>
        Effect.tap(driver.append(all), (outcome) =>
          outcome._tag === "Conflict" ? driver.append(all.slice(0, outcome.index)) : Effect.void
        )
    )
  },
  {
    law: "EventStore 2.5",
    breaks: "appendAll checks before the write, not under it",
    by: checksEarly((all) => all.length > 1)
  },
  {
    law: "EventStore 2.6",
    breaks: "appendAll takes a stream twice",
    by: {
      store: (store) => ({
        ...store,
        appendAll: (all) =>
          new Set(all.map(({ stream }) => stream)).size === all.length
            ? store.appendAll(all)
            : Effect.forEach(all, (one) => store.append(one.stream, one.events))
      })
    }
  },
  {
    law: "EventStore 4.1",
    breaks: "an empty append at a revision is not checked",
    by: single((one) =>
      one.events.length === 0 && typeof one.expected === "number" ? { ...one, expected: "any" } : one
    )
  },
  {
    law: "EventStore 4.2",
    breaks: "an empty append among others is not checked",
    by: appends(
      (driver) => (all) =>
        driver.append(all.map((one) => (all.length > 1 && one.events.length === 0 ? { ...one, expected: "any" } : one)))
    )
  }
]

/** Broken appends. */
export const appending: ReadonlyArray<Mutant> = [...expectations, ...atomicity]
