// Runs: what broken runners have in common.
import type { Functions } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import { CheckpointStore } from "evolvent/CheckpointStore"
import type { Recorded } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import type { Break, Checkpoints, Store } from "./Mutant.ts"

type Run = Functions["run"]
type Any<Name extends string, E, R> = Processor.Processor<Name, E, R>
type Events = ReadonlyArray<Recorded>

/** Whether a runner neither divides its work nor parks anything; laws of those that do have mutants of their own. */
export const isPlain = (options: RunOptions | undefined): boolean =>
  options?.partitions === undefined && options?.onFailure === undefined

type RunOptions = { readonly partitions?: number; readonly onFailure?: unknown }

/** Runs another processor in the place of one; what it remembers lasts for one law. */
export const runs =
  (make: () => <Name extends string, E, R>(processor: Any<Name, E, R>) => Any<Name, E, R>, which = isPlain) =>
  (): Break => {
    const change = make()
    const run: Run = (processor, options) => Processor.run(which(options) ? change(processor) : processor, options)
    return { functions: (functions) => ({ ...functions, run }) }
  }

/** Handles otherwise. */
export const handles = (
  change: <Name extends string, E, R>(processor: Any<Name, E, R>) => Processor.Processor<Name, E, R>["handle"]
) => runs(() => (processor) => ({ ...processor, handle: change(processor) }))

/** Prepares other events than came; says how often processors were started, by name, and which are a run's first. */
export const prepares = (change: (events: Events, starts: number, isFirst: boolean) => Events) =>
  runs(() => {
    const counts = new Map<string, number>()
    return (processor) => {
      const starts = (counts.get(processor.name) ?? 0) + 1
      counts.set(processor.name, starts)
      let pages = 0
      return {
        ...processor,
        prepare: (events) => processor.prepare(change(events, starts, events.length > 0 && ++pages === 1))
      }
    }
  })

/** What a run is made of: its processor, and the stores that it runs on. */
interface Parts<Name extends string, E, R> {
  readonly processor: Any<Name, E, R>
  readonly checkpoints?: (whole: Checkpoints) => Partial<Checkpoints>
  readonly store?: (whole: Store) => Partial<Store>
}

/** Runs processors on other stores; what it remembers lasts for one run. */
export const runsOn =
  (make: <Name extends string, E, R>(processor: Any<Name, E, R>) => Parts<Name, E, R>, which = isPlain) =>
  (): Break => {
    const run: Run = (given, options) =>
      Effect.suspend(() => {
        if (!which(options)) return Processor.run(given, options)
        const { checkpoints, processor, store } = make(given)
        return Processor.run(processor, options).pipe(
          Effect.updateService(CheckpointStore, (whole) => ({ ...whole, ...checkpoints?.(whole) })),
          Effect.updateService(EventStore, (whole) => ({ ...whole, ...store?.(whole) }))
        )
      })
    return { functions: (functions) => ({ ...functions, run }) }
  }

export const withoutFirst = (events: Events): Events => events.slice(1)

export const isProjection = (name: string) => name.startsWith("ledger")
