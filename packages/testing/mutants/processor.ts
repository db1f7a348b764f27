// Broken ways of running processors, one for each law of processors.
import type { Functions } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Page } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import { takes } from "./Drivers.ts"
import type { Break, Mutant } from "./Mutant.ts"
import { leasing } from "./processorLease.ts"

type Run = Functions["run"]
type Any<Name extends string, E, R> = Processor.Processor<Name, E, R>

/** Runs another processor in the place of one; what it remembers lasts for one law. */
const runs = (make: () => <Name extends string, E, R>(processor: Any<Name, E, R>) => Any<Name, E, R>) => (): Break => {
  const change = make()
  const run: Run = (processor, options) => Processor.run(change(processor), options)
  return { functions: (functions) => ({ ...functions, run }) }
}

/** Hands another page on, or lends something else to its handling. */
const handles = (
  change: <E>(page: Page, turn: Processor.Turn<E>, name: string) => readonly [Page, Processor.Turn<E>]
) =>
  runs(() => (processor) => ({
    ...processor,
    handle: (page, turn) => processor.handle(...change(page, turn, processor.name))
  }))

/** Counts how often processors were started, by name. */
const counting = (change: (page: Page, starts: number, isFirst: boolean) => Page) =>
  runs(() => {
    const counts = new Map<string, number>()
    return (processor) => {
      const starts = (counts.get(processor.name) ?? 0) + 1
      counts.set(processor.name, starts)
      let pages = 0
      return {
        ...processor,
        handle: (page, turn) => processor.handle(change(page, starts, page.events.length > 0 && ++pages === 1), turn)
      }
    }
  })

/** Commits otherwise. */
const commits = (change: (commit: Processor.Commit, page: Page, name: string) => Processor.Commit) =>
  handles((page, turn, name) => [page, { ...turn, commit: change(turn.commit, page, name) }])

const withoutFirst = (page: Page): Page => ({ ...page, events: page.events.slice(1) })

const isProjection = (name: string) => name.startsWith("ledger")

const projections: ReadonlyArray<Mutant> = [
  {
    law: "Processor 11.1",
    breaks: "the last event of a large page is left out",
    by: handles((page, turn) => [
      page.events.length >= 500 ? { ...page, events: page.events.slice(0, -1) } : page,
      turn
    ])
  },
  {
    law: "Processor 11.2",
    breaks: "from the sixth start on, a runner leaves its first event out",
    by: counting((page, starts, isFirst) => (isFirst && starts >= 6 ? withoutFirst(page) : page))
  },
  {
    law: "Processor 11.3",
    breaks: "a page whose rows cannot be read is passed over",
    by: runs(() => (processor) => ({
      ...processor,
      handle: (page, turn) =>
        Effect.catchIf(
          processor.handle(page, turn),
          (error) => error._tag === "ReadModelStoreError",
          () => turn.commit(page.through, Effect.void)
        )
    }))
  },
  {
    law: "Processor 11.4",
    breaks: "after a commit whose answer was lost an event is left out",
    by: (): Break => {
      let lost = false
      const moved = new Map<string, number>()
      return {
        functions: (functions) => ({
          ...functions,
          run: (processor, options) => {
            const handle: typeof processor.handle = (page, turn) =>
              Effect.suspend(() => {
                const seen = lost ? withoutFirst(page) : page
                lost = false
                return Effect.tapError(processor.handle(seen, turn), (error) =>
                  Effect.sync(() => {
                    lost = error._tag === "CheckpointStoreError" && moved.get(processor.checkpoint) === page.through
                  })
                )
              })
            return Processor.run({ ...processor, handle }, options)
          }
        }),
        checkpointDriver: (driver) => ({
          ...driver,
          commit: (move, writes) =>
            Effect.tap(driver.commit(move, writes), () => Effect.sync(() => moved.set(move.name, move.to)))
        })
      }
    }
  },
  {
    law: "Processor 11.5",
    breaks: "a projection does not commit pages without events",
    by: runs(() => (processor) => ({
      ...processor,
      handle: (page, turn) =>
        page.events.length === 0 && isProjection(processor.name) ? Effect.void : processor.handle(page, turn)
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
    by: commits(
      (commit, page, name) => (to, writes) =>
        to < page.through && isProjection(name) ? Effect.void : commit(to, writes)
    )
  }
]

const reactors: ReadonlyArray<Mutant> = [
  {
    law: "Processor 12.1",
    breaks: "after a restart a single event is handled twice",
    by: counting((page, starts, isFirst) =>
      isFirst && starts === 2 && page.events.length === 1 ? { ...page, events: [...page.events, ...page.events] } : page
    )
  },
  {
    law: "Processor 12.2",
    breaks: "the checkpoint does not move after a page's fourth event",
    by: commits(
      (commit, page) => (to, writes) =>
        page.events.length > 4 && to === page.events[3]?.position ? Effect.asVoid(writes) : commit(to, writes)
    )
  },
  {
    law: "Processor 12.3",
    breaks: "a handler is called three times at most",
    by: (): Break => ({
      functions: (functions) => ({
        ...functions,
        run: (processor, options) =>
          Processor.run(
            processor,
            options?.retry === undefined
              ? options
              : { ...options, retry: Schedule.max([options.retry, Schedule.recurs(2)]) }
          )
      })
    })
  },
  {
    law: "Processor 12.4",
    breaks: "the handler's error is not told",
    by: (): Break => ({
      functions: (functions) => ({
        ...functions,
        run: (processor, options) =>
          Effect.mapError(Processor.run(processor, options), (stopped) =>
            stopped.problem.includes("Refused")
              ? new Processor.ProcessorStopped({ ...stopped, problem: "it failed" })
              : stopped
          )
      })
    })
  },
  {
    law: "Processor 12.5",
    breaks: "the third start leaves out the event on which the second stopped",
    by: (): Break => {
      const stops = new Map<string, number>()
      return {
        functions: (functions) => ({
          ...functions,
          run: (processor, options) => {
            let pages = 0
            const skips = () => (stops.get(processor.name) ?? 0) >= 2 && ++pages === 1
            const handle: typeof processor.handle = (page, turn) =>
              processor.handle(page.events.length > 0 && skips() ? withoutFirst(page) : page, turn)
            return Effect.tapError(Processor.run({ ...processor, handle }, options), () =>
              Effect.sync(() => stops.set(processor.name, (stops.get(processor.name) ?? 0) + 1))
            )
          }
        })
      }
    }
  },
  {
    law: "Processor 12.6",
    breaks: "a handler that died is called again",
    by: handles((page, turn) => [
      page,
      {
        ...turn,
        retry: (effect) =>
          Effect.catchIf(
            turn.retry(effect),
            (failure) => failure instanceof Error && String(Reflect.get(failure, "problem")).includes("died"),
            () => turn.retry(effect)
          )
      }
    ])
  },
  {
    law: "Processor 12.7",
    breaks: "an event that cannot be decoded is passed over",
    by: runs(() => (processor) => ({
      ...processor,
      handle: (page, turn) =>
        Effect.catchIf(
          processor.handle(page, turn),
          (error) => error._tag === "EventFailed" && error.problem.includes("decoded"),
          () => turn.commit(page.through, Effect.void)
        )
    }))
  },
  {
    law: "Processor 12.8",
    breaks: "an event whose handler was killed counts as handled",
    by: runs(() => (processor) => ({
      ...processor,
      handle: (page, turn) => {
        let at = page.events[0]?.position ?? page.through
        const commit: Processor.Commit = (to, writes) =>
          Effect.tap(turn.commit(to, writes), () =>
            Effect.sync(() => {
              at = page.events.find(({ position }) => position > to)?.position ?? to
            })
          )
        return Effect.onInterrupt(processor.handle(page, { ...turn, commit }), () =>
          Effect.ignore(turn.commit(at, Effect.void))
        )
      }
    }))
  },
  {
    law: "Processor 12.9",
    breaks: "the cause of a reaction is lost",
    by: takes((event) => {
      const { causationId, ...metadata } = event.metadata ?? {}
      return causationId === undefined ? event : { ...event, metadata: { ...metadata, causationId: "unknown" } }
    })
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
    by: runs(() => (processor) => ({
      ...processor,
      handle: (page, turn) =>
        Effect.catchIf(
          processor.handle(page, turn),
          (error) => error._tag === "CheckpointStoreError" && !error.isRetryable,
          () => turn.commit(page.through, Effect.void)
        )
    }))
  }
]

export const processor: ReadonlyArray<Mutant> = [...projections, ...reactors, ...handlers, ...leasing]
