// Broken event stores: names, payloads and limits.
import * as Effect from "effect/Effect"
import * as EventStore from "evolvent/EventStore"
import { AppendTooLarge, because, Unavailable } from "evolvent/EventStoreError"
import type * as StreamName from "evolvent/StreamName"
import { appends, takes } from "./Drivers.ts"
import type { Break, Mutant } from "./Mutant.ts"

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

/** Broken content. */
export const content: ReadonlyArray<Mutant> = [
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
    by: takes((event) => {
      const value: unknown = (event.data as { readonly value?: unknown } | null)?.value
      return value instanceof Date ? { ...event, data: { value: value.toISOString() } } : event
    })
  },
  {
    law: "EventStore 8.6",
    breaks: "NUL is taken out of texts",
    by: texts((data) => data.replaceAll(/(?<!\\)\\u0000/g, ""))
  },
  {
    law: "EventStore 8.7",
    breaks: "schemaVersion 0 is taken for 1",
    by: takes((event) => (event.schemaVersion === 0 ? { ...event, schemaVersion: 1 } : event))
  },
  { law: "EventStore 8.8", breaks: "a refused append takes those beside it with it", by: neighbourly }
]
