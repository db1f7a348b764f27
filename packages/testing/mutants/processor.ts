// Broken ways of running projections and handlers, one for each of their laws.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { listOf } from "./Mutant.ts"
import type { Break, Mutant } from "./Mutant.ts"
import { changing } from "./processorChanges.ts"
import { leasing } from "./processorLease.ts"
import { setting } from "./processorParking.ts"
import { dividing } from "./processorPartitions.ts"
import { reacting } from "./processorReactor.ts"
import { rebuilding } from "./processorRebuild.ts"
import { handles, isProjection, prepares, runsOn, withoutFirst } from "./Runs.ts"
import { aging } from "./versions.ts"

// What processors write has no value.
const unwritten = Effect.succeed<never>(undefined as never)

const isUnanswered = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, "_tag") === "CheckpointStoreError"

const projections: ReadonlyArray<Mutant> = [
  {
    law: "Processor 11.1",
    breaks: "the last event of a large page is left out",
    by: prepares((events) => (events.length >= 500 ? events.slice(0, -1) : events))
  },
  {
    law: "Processor 11.2",
    breaks: "from the sixth start on, a runner leaves its first event out",
    by: prepares((events, starts, isFirst) => (isFirst && starts >= 6 ? withoutFirst(events) : events))
  },
  {
    law: "Processor 11.3",
    breaks: "a page whose rows cannot be read is passed over",
    by: handles(
      ({ handle }) =>
        (steps) =>
          Effect.catchIf(
            handle(steps),
            (error) => error._tag === "ReadModelStoreError",
            () => Effect.succeed(Effect.void)
          )
    )
  },
  {
    law: "Processor 11.4",
    breaks: "after a commit whose answer was lost an event is left out",
    by: (): Break => {
      const moved = new Map<string, number>()
      const { functions } = runsOn((processor) => {
        // How far a commit went whose answer was lost.
        let lost: number | undefined
        return {
          processor: {
            ...processor,
            prepare: (events) => {
              const end = lost
              const next = end === undefined ? undefined : events.find(({ position }) => position > end)
              if (next !== undefined) lost = undefined
              return processor.prepare(events.filter((event) => event !== next))
            }
          },
          checkpoints: ({ transact }) => ({
            transact: (moves, writes) =>
              Effect.tapError(transact(moves, writes), (error) =>
                Effect.sync(() => {
                  const isThrough = listOf(moves).every(({ name, to }) => moved.get(name) === to)
                  if (isUnanswered(error) && isThrough) lost = Math.max(...listOf(moves).map(({ to }) => to))
                })
              )
          })
        }
      })()
      return {
        ...(functions === undefined ? {} : { functions }),
        checkpointDriver: (driver) => ({
          ...driver,
          commit: (moves, writes) =>
            Effect.tap(driver.commit(moves, writes), () =>
              Effect.sync(() => moves.forEach(({ name, to }) => moved.set(name, to)))
            )
        })
      }
    }
  },
  {
    law: "Processor 11.5",
    breaks: "a projection does not commit pages without events",
    by: runsOn((processor) => ({
      processor,
      store: ({ subscribe }) => ({
        subscribe: (filter, options) =>
          isProjection(processor.name)
            ? Stream.filter(subscribe(filter, options), ({ events }) => events.length > 0)
            : subscribe(filter, options)
      })
    }))
  },
  {
    law: "Processor 11.6",
    breaks: "all versions of a projection share their rows",
    by: {
      readModels: (store) => ({
        ...store,
        get: (table, keys) => store.get({ ...table, version: 1 }, keys),
        apply: (table, rows) => store.apply({ ...table, version: 1 }, rows),
        list: (table, query) => store.list({ ...table, version: 1 }, query)
      })
    }
  },
  {
    law: "Processor 13.1",
    breaks: "what comes before a failing event is not committed",
    by: runsOn((processor) => {
      let failed = false
      return {
        processor: {
          ...processor,
          handle: (steps) =>
            Effect.tapError(processor.handle(steps), (error) =>
              Effect.sync(() => {
                failed ||= error._tag === "EventFailed" && steps[0]?.recorded !== steps.at(-1)?.recorded
              })
            )
        },
        checkpoints: ({ transact }) => ({
          transact: (moves, writes) =>
            Effect.suspend(() => (failed && isProjection(processor.name) ? unwritten : transact(moves, writes)))
        })
      }
    }),
    also: ["Processor 17.7"]
  }
]

/** Promises a transaction that there is not. */
const boasts = (): Break => ({
  checkpointDriver: (driver) => ({ ...driver, capabilities: { transaction: true } })
})

const handlers: ReadonlyArray<Mutant> = [
  {
    law: "Processor 12.10",
    breaks: "what a handler wrote before it failed stays",
    by: boasts,
    also: ["Processor 12.11"]
  },
  {
    law: "Processor 12.11",
    breaks: "a handler's writes stay although its checkpoint does not move",
    by: boasts,
    also: ["Processor 12.10"]
  },
  {
    law: "Processor 12.12",
    breaks: "without a transaction a handler passes its events over",
    by: handles(
      ({ handle }) =>
        (steps) =>
          Effect.catchIf(
            handle(steps),
            (error) => error._tag === "CheckpointStoreError" && !error.isRetryable,
            () => Effect.succeed(Effect.void)
          )
    )
  }
]

export const processor: ReadonlyArray<Mutant> = [
  ...projections,
  ...reacting,
  ...handlers,
  ...leasing,
  ...dividing,
  ...setting,
  ...rebuilding,
  ...changing,
  ...aging
]
