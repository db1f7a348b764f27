// Broken event stores: expectations, all or nothing, names and payloads.
import * as Effect from "effect/Effect"
import * as EventStore from "evolvent/EventStore"
import type { Driver, EncodedAppend, Expected, Outcome } from "evolvent/EventStore"
import { AppendTooLarge, because, Unavailable, WrongExpectedRevision } from "evolvent/EventStoreError"
import type * as StreamName from "evolvent/StreamName"
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

const texts = (change: (data: string) => string): Break =>
  appends(
    (driver) => (all) =>
      driver.append(
        all.map((one) => ({ ...one, events: one.events.map((event) => ({ ...event, data: change(event.data) })) }))
      )
  )

const countsCharacters: Break = {
  store: (store, driver) => {
    const max = driver.capabilities.maxAppendBytes
    const open = EventStore.make({ ...driver, capabilities: { ...driver.capabilities, maxAppendBytes: Infinity } })
    return {
      ...store,
      append: (stream, events, options) =>
        Effect.suspend(() => {
          const size = (value: unknown) => (typeof value === "string" ? value.length + 2 : 0)
          const bytes = events.reduce((sum, { data, metadata }) => sum + size(data) + size(metadata?.["half"]), 0)
          return bytes > max
            ? Effect.fail(because("EventStore.append", new AppendTooLarge({ stream, bytes, maxBytes: max })))
            : open.append(stream, events, options)
        })
    }
  }
}

const neighbourly: Break = {
  store: (store) => {
    let crowd = 0
    let bad = false
    return {
      ...store,
      append: (stream, events, options) =>
        Effect.gen(function* () {
          crowd += 1
          yield* Effect.yieldNow
          const large = crowd >= 10
          const result = yield* Effect.result(store.append(stream, events, options))
          bad ||= large && result._tag === "Failure" && result.failure._tag === "EventStoreError"
          yield* Effect.yieldNow
          const fails = bad && result._tag === "Success"
          crowd -= 1
          if (crowd === 0) bad = false
          if (fails) return yield* because("EventStore.append", new Unavailable({ problem: "the group failed" }))
          return yield* Effect.fromResult(result)
        })
    }
  }
}

const content: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 8.1",
    breaks: "names are cut at 255 characters",
    by: appends(
      (driver) => (all) =>
        driver.append(all.map((one) => ({ ...one, stream: one.stream.slice(0, 255) as StreamName.StreamName })))
    )
  },
  {
    law: "EventStore 8.2",
    breaks: "NUL is taken out of names",
    by: {
      store: (store) => ({
        ...store,
        append: (stream, events, options) =>
          store.append(stream.replaceAll("\u0000", "") as StreamName.StreamName, events, options)
      })
    }
  },
  { law: "EventStore 8.3", breaks: "tiny numbers become nothing", by: texts((data) => data.replaceAll("5e-324", "0")) },
  { law: "EventStore 8.4", breaks: "the limit counts characters, not bytes", by: countsCharacters },
  {
    law: "EventStore 8.5",
    breaks: "dates are stored as their text",
    by: {
      store: (store) => ({
        ...store,
        append: (stream, events, options) =>
          store.append(
            stream,
            events.map((event) => {
              const value: unknown = (event.data as { readonly value?: unknown } | null)?.value
              return value instanceof Date ? { ...event, data: { value: value.toISOString() } } : event
            }),
            options
          )
      })
    }
  },
  {
    law: "EventStore 8.6",
    breaks: "NUL is taken out of texts",
    by: texts((data) => data.replaceAll(/(?<!\\)\\u0000/g, ""))
  },
  {
    law: "EventStore 8.7",
    breaks: "schemaVersion 0 is taken for 1",
    by: {
      store: (store) => ({
        ...store,
        append: (stream, events, options) =>
          store.append(
            stream,
            events.map((event) => (event.schemaVersion === 0 ? { ...event, schemaVersion: 1 } : event)),
            options
          )
      })
    }
  },
  { law: "EventStore 8.8", breaks: "a refused append takes those beside it with it", by: neighbourly }
]

/** Broken appends. */
export const appending: ReadonlyArray<Mutant> = [...expectations, ...atomicity, ...content]
