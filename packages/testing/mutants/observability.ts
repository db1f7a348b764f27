// Broken ways of keeping a trace together and of counting, for stores, processors and relays.
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Metrics from "evolvent/Metrics"
import * as StreamName from "evolvent/StreamName"
import type { Break, Mutant } from "./Mutant.ts"
import { single } from "./Drivers.ts"

const withoutTrace = (metadata: string): string =>
  JSON.stringify({ ...(JSON.parse(metadata) as object), traceparent: undefined })

// Where nobody looks.
const elsewhere: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

/** A store that counts otherwise. */
export const countingAppends: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 14.1",
    breaks: "a repeat is counted as if it were new",
    by: {
      store: (store) => ({
        ...store,
        append: (stream, events, options) =>
          Effect.tap(store.append(stream, events, options), ({ repeated }) =>
            repeated
              ? Metric.update(
                  Metric.withAttributes(Metrics.appendedEvents, { category: StreamName.category(stream) }),
                  1
                )
              : Effect.void
          )
      })
    }
  },
  {
    law: "EventStore 14.1",
    breaks: "what was refused is not counted",
    by: {
      store: (store) => ({
        ...store,
        append: (stream, events, options) =>
          options?.expected === "noStream" && events.every(({ id }) => id === undefined)
            ? elsewhere(store.append(stream, events, options))
            : store.append(stream, events, options)
      })
    }
  }
]

/** Processors that count otherwise. */
export const countingProcessors: ReadonlyArray<Mutant> = [
  {
    law: "Processor 12.14",
    breaks: "what is done by a processor that parks is not counted",
    by: (): Break => ({
      functions: (functions) => ({
        ...functions,
        run: (processor, options) => elsewhere(functions.run(processor, options))
      })
    })
  }
]

/** A broken trace within a store. */
export const tracing: ReadonlyArray<Mutant> = [
  {
    law: "Processor 12.13",
    breaks: "the trace of an append is not kept with its events",
    by: single((append) => ({
      ...append,
      events: append.events.map((event) => ({ ...event, metadata: withoutTrace(event.metadata) }))
    }))
  }
]

/** A broken trace over a bus. */
export const tracingMessages: ReadonlyArray<Mutant> = [
  {
    law: "Relay 11",
    breaks: "the trace of an event is not told with its message",
    by: (): Break => ({
      bus: (bus) => ({
        ...bus,
        publish: (messages) =>
          bus.publish(
            messages.map((message) => {
              const { traceparent: _, ...metadata } = message.metadata
              return { ...message, metadata }
            })
          )
      })
    })
  }
]
