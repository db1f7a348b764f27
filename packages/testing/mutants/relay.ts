// Broken relays, one for each law of a relay.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Bus from "evolvent/Bus"
import type { BusError } from "evolvent/BusError"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { EventStore } from "evolvent/EventStore"
import type * as Processor from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import type { Break, Messages, Mutant } from "./Mutant.ts"

type Whole = Processor.Processor<string, BusError, Bus.Bus | EventStore | CheckpointStore>
type Handle = Whole["handle"]

/** Relays otherwise; what it remembers lasts for one law. */
const relays = (make: () => (whole: Whole) => Partial<Whole>): (() => Break) => {
  return () => {
    const change = make()
    return {
      functions: (functions) => ({
        ...functions,
        relay: ((name, options) => {
          const whole = functions.relay(name, options)
          return { ...whole, ...change(whole as Whole) }
        }) as typeof Processor.relay
      })
    }
  }
}

const handles = (make: () => (handle: Handle) => Handle) =>
  relays(() => {
    const change = make()
    return ({ handle }) => ({ handle: change(handle) })
  })

// A relay whose life ended in a publish takes that for done.
const atMostOnce = handles(() => {
  const begun = new Set<string>()
  return (handle) => (steps) =>
    Effect.onExit(handle(steps.filter(({ recorded }) => !begun.has(recorded.id))), (exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
          for (const { recorded } of steps) begun.add(recorded.id)
      })
    )
})

const inSilence = (tag: "EventStoreError" | "EventFailed") =>
  handles(
    () => (handle) => (steps) =>
      Effect.catchIf(
        handle(steps),
        (error) => error._tag === tag,
        () => Effect.succeed(Effect.void)
      )
  )

// Whoever appends tells the bus first, as an outbox that is written by hand may do.
const beforeCommit = (): Break => {
  let publish: Messages["publish"] | undefined
  return {
    bus: (bus) => {
      publish = bus.publish
      return bus
    },
    store: (store) => ({
      ...store,
      append: (stream, events, options) =>
        options?.expected !== "streamExists" || publish === undefined
          ? store.append(stream, events, options)
          : Effect.andThen(
              Effect.ignore(
                publish([
                  {
                    id: "0198c2a4-7d3e-7abc-8def-0123456789ab" as Bus.Message["id"],
                    key: stream,
                    category: StreamName.category(stream),
                    type: "Deposited",
                    schemaVersion: 1,
                    stream,
                    revision: 0 as Bus.Message["revision"],
                    data: { amount: 0 },
                    metadata: {}
                  }
                ])
              ),
              store.append(stream, events, options)
            )
    })
  }
}

export const relay: ReadonlyArray<Mutant> = [
  {
    law: "Relay 1",
    breaks: "the schema version does not arrive",
    by: handles(
      () => (handle) => (steps) =>
        handle(steps.map((step) => ({ ...step, recorded: { ...step.recorded, schemaVersion: 1 } })))
    )
  },
  {
    law: "Relay 2",
    breaks: "a page with more than eight events of one stream is published backwards",
    by: handles(() => (handle) => (steps) => {
      const [first] = steps
      const isLong = steps.filter(({ key }) => key === first?.key).length > 8
      return handle(isLong ? steps.toReversed() : steps)
    })
  },
  { law: "Relay 3", breaks: "what was being published when it was killed is left out", by: atMostOnce },
  { law: "Relay 4", breaks: "what the bus did not answer for is left out", by: inSilence("EventStoreError") },
  {
    law: "Relay 5",
    breaks: "what the bus refuses is left out in silence",
    by: inSilence("EventFailed"),
    also: ["Relay 6"]
  },
  {
    law: "Relay 6",
    breaks: "what follows of the key of a parked event is not held back",
    by: relays(() => ({ handle, prepare }) => ({
      prepare: (events) =>
        prepare(events).map((step) =>
          step.key.endsWith("-bad") ? { ...step, key: `${step.key} ${step.recorded.revision}` } : step
        ),
      handle: (steps) =>
        handle(
          steps.map((step) => (step.recorded.stream.endsWith("-bad") ? { ...step, key: step.recorded.stream } : step))
        )
    }))
  },
  { law: "Relay 7", breaks: "an append is published before it is known to be one", by: beforeCommit },
  {
    law: "Relay 8",
    breaks: "the events of a page are published at the same time",
    by: handles(
      () => (handle) => (steps) =>
        Effect.as(
          Effect.forEach(steps, (step) => handle([step]), { concurrency: "unbounded", discard: true }),
          Effect.void
        )
    )
  },
  {
    law: "Relay 9",
    breaks: "each life begins with a checkpoint of its own",
    by: () => {
      let [lives, here] = [0, 0]
      const life = (checkpoint: string) => (lives > 1 ? `${checkpoint} ${lives}` : checkpoint)
      return {
        functions: (functions) => ({
          ...functions,
          run: (processor, options) =>
            Effect.suspend(() => {
              here += 1
              if (here === 1) lives += 1
              return Effect.ensuring(
                functions.run({ ...processor, checkpoint: life(processor.checkpoint) }, options),
                Effect.sync(() => (here -= 1))
              )
            }),
          waitFor: (target, position, options) =>
            functions.waitFor(
              "checkpoint" in target ? { ...target, checkpoint: life(target.checkpoint) } : target,
              position,
              options
            )
        })
      }
    }
  },
  {
    law: "Relay 10",
    breaks: "all types are published",
    by: {
      functions: (functions) => ({
        ...functions,
        relay: ((name, { from, key }) =>
          functions.relay(name, { from, ...(key === undefined ? {} : { key }) })) as typeof Processor.relay
      })
    }
  }
]
