// Broken ways of running reactors, one for each of their laws.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Lease } from "evolvent/CheckpointStore"
import type { Position } from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import { takes } from "./Drivers.ts"
import { listOf } from "./Mutant.ts"
import type { Break, Mutant } from "./Mutant.ts"
import { handles, isPlain, isProjection, prepares, runs, runsOn, withoutFirst } from "./Runs.ts"

/** Broken reactors. */
export const reacting: ReadonlyArray<Mutant> = [
  {
    law: "Processor 12.1",
    breaks: "after a restart a single event is handled twice",
    by: prepares((events, starts, isFirst) =>
      isFirst && starts === 2 && events.length === 1 ? [...events, ...events] : events
    )
  },
  {
    law: "Processor 12.2",
    breaks: "the checkpoint does not move after a page's fourth event",
    by: runsOn((processor) => {
      const fourths = new Set<number>()
      // Where the checkpoints were left.
      const left = new Map<string, Position>()
      return {
        processor: {
          ...processor,
          prepare: (events) => {
            if (events.length > 4) fourths.add(events[3]?.position ?? 0)
            return processor.prepare(events)
          }
        },
        checkpoints: ({ transact }) => ({
          transact: (moving, writes) => {
            const moves = listOf(moving).map((move) => ({ ...move, from: left.get(move.name) ?? move.from }))
            if (!moves.some(({ to }) => fourths.has(to))) {
              left.clear()
              return transact(moves, writes)
            }
            for (const { from, name } of moves) left.set(name, from)
            return writes
          }
        })
      }
    })
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
            stopped.problem.includes("Refused") && isPlain(options)
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
            const prepare: typeof processor.prepare = (events) =>
              processor.prepare(events.length > 0 && skips() ? withoutFirst(events) : events)
            return Effect.tapError(Processor.run({ ...processor, prepare }, options), ({ eventId }) =>
              Effect.sync(() => {
                if (eventId !== undefined) stops.set(processor.name, (stops.get(processor.name) ?? 0) + 1)
              })
            )
          }
        })
      }
    }
  },
  {
    law: "Processor 12.6",
    breaks: "a handler that died is called again",
    by: handles(
      ({ handle }) =>
        (steps) =>
          Effect.catchIf(
            handle(steps),
            (error) => error._tag === "EventFailed" && error.problem.includes("died"),
            () => handle(steps)
          )
    )
  },
  {
    law: "Processor 12.7",
    breaks: "an event that cannot be decoded is passed over",
    by: runs(() => (processor) => ({
      ...processor,
      prepare: (events) => processor.prepare(events).filter(({ problem }) => problem?.includes("decoded") !== true)
    }))
  },
  {
    law: "Processor 12.8",
    breaks: "an event whose handler was killed counts as handled",
    by: runsOn((processor) => {
      const leases = new Map<string, Lease>()
      let killed: Position | undefined
      return {
        processor: {
          ...processor,
          handle: (steps) =>
            Effect.onInterrupt(processor.handle(steps), () =>
              Effect.sync(() => {
                killed = isProjection(processor.name) ? undefined : steps.at(-1)?.recorded.position
              })
            )
        },
        checkpoints: ({ acquireAll, advance, loadAll, release }) => ({
          acquireAll: (names, holder, duration) =>
            Effect.tap(acquireAll(names, holder, duration), (taken) =>
              Effect.sync(() => taken.forEach((lease) => leases.set(lease.name, lease)))
            ),
          release: (given) => {
            const to = killed
            const names = listOf(given).map(({ name }) => name)
            const count =
              to === undefined
                ? Effect.void
                : Effect.flatMap(loadAll(names), (found) =>
                    advance(
                      names.flatMap((name, i) => {
                        const lease = leases.get(name)
                        const from = found[i]?.position
                        return lease === undefined || from === undefined ? [] : [{ name, from, to, lease }]
                      })
                    )
                  )
            return Effect.andThen(Effect.ignore(count), release(given))
          }
        })
      }
    })
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
