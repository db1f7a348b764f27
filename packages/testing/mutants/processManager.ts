// Broken ways of running process managers, one for each of their laws.
import * as Effect from "effect/Effect"
import type { EventData } from "evolvent/EventData"
import type * as Processor from "evolvent/Processor"
import type { Mutant, Store } from "./Mutant.ts"
import { runs, runsOn } from "./Runs.ts"

type Any<Name extends string, E, R> = Processor.Processor<Name, E, R>
type Change = <Name extends string, E, R>(processor: Any<Name, E, R>) => Any<Name, E, R>
type Which = Parameters<typeof runs>[1]

const anyhow = () => true

const isManager = ({ checkpoint }: { readonly checkpoint: string }) => checkpoint.startsWith("manager/")

/** Runs managers otherwise, those that are run in some way. */
const managers = (change: Change, which: Which = anyhow) =>
  runs(() => (processor) => (isManager(processor) ? change(processor) : processor), which)

/** Runs managers on another event store. */
const managersOn = (store: (whole: Store, category: string) => Partial<Store>) =>
  runsOn(
    (processor) =>
      isManager(processor) ? { processor, store: (whole) => store(whole, processor.name) } : { processor },
    anyhow
  )

/** Keeps what a manager has to do later otherwise. */
const timers =
  (change: <R>(whole: Processor.Timers<R>) => Partial<Processor.Timers<R>>): Change =>
  (processor) =>
    processor.timers === undefined
      ? processor
      : { ...processor, timers: { ...processor.timers, ...change(processor.timers) } }

const passesOver: Change = (processor) => ({
  ...processor,
  handle: (steps) =>
    Effect.catchIf(
      processor.handle(steps),
      (error) => error._tag === "EventFailed",
      () => Effect.succeed(Effect.void)
    )
})

const withoutConversation = (event: EventData): EventData => ({
  ...event,
  metadata: { ...event.metadata, correlationId: "unknown" }
})

export const managing: ReadonlyArray<Mutant> = [
  {
    law: "Process 1",
    breaks: "from the tenth start on, a manager's runner leaves the first event out",
    by: () => {
      const starts = new Map<string, number>()
      return managers((processor) => {
        const count = (starts.get(processor.name) ?? 0) + 1
        starts.set(processor.name, count)
        let isFirst = count >= 10
        return {
          ...processor,
          prepare: (events) => {
            const seen = isFirst ? events.slice(1) : events
            isFirst &&= events.length === 0
            return processor.prepare(seen)
          }
        }
      })()
    }
  },
  {
    law: "Process 2",
    breaks: "a page is handled from its end in many partitions",
    by: managers(
      (processor) => ({ ...processor, prepare: (events) => processor.prepare(events.toReversed()) }),
      (options) => (options?.partitions ?? 1) >= 5
    )
  },
  {
    law: "Process 3",
    breaks: "a rejection is not found again",
    by: managersOn(({ find }) => ({
      find: (stream, id) => Effect.map(find(stream, id), (found) => (found?.type === "Refused" ? undefined : found))
    })),
    also: ["Process 1"]
  },
  {
    law: "Process 4",
    breaks: "an own event is dispatched in the newest state",
    by: managersOn(({ history }) => ({
      history: (stream, take, options) =>
        history(stream, take, options?.from === undefined ? {} : { from: options.from })
    }))
  },
  {
    law: "Process 5",
    breaks: "what a manager writes is of another conversation",
    by: managersOn(({ append }) => ({
      append: (stream, events, options) => append(stream, events.map(withoutConversation), options)
    }))
  },
  {
    law: "Process 6",
    breaks: "what a manager's handler throws on is passed over",
    by: managers(passesOver, (options) => options?.onFailure === undefined)
  },
  {
    law: "Process 7",
    breaks: "what is to be parked is passed over",
    by: managers(passesOver, (options) => options?.onFailure === "park")
  },
  {
    law: "Process 8",
    breaks: "in two partitions a deadline comes back too early",
    by: managers(
      timers(({ first }) => ({
        first: (...asked) => Effect.map(first(...asked), (all) => all.map((one) => ({ ...one, due: one.due - 100 })))
      })),
      (options) => options?.partitions === 2
    )
  },
  {
    law: "Process 9",
    breaks: "in four partitions nobody looks for what fell due before",
    by: managers(
      (processor) => {
        const start = Date.now()
        return timers(({ first }) => ({
          first: (...asked) => Effect.map(first(...asked), (all) => all.filter(({ due }) => due > start))
        }))(processor)
      },
      (options) => options?.partitions === 4
    )
  },
  {
    law: "Process 10",
    breaks: "a deadline is removed before it comes back",
    by: managers(timers(({ fire, remove }) => ({ fire: (timer) => Effect.andThen(remove(timer), fire(timer)) })))
  },
  {
    law: "Process 11",
    breaks: "a later command is sent at once",
    by: managers(
      timers(({ first }) => ({
        first: (...asked) =>
          Effect.map(first(...asked), (all) =>
            all.map((one) => (one.deadline === undefined ? { ...one, due: 0 } : one))
          )
      }))
    )
  },
  {
    law: "Process 12",
    breaks: "a deadline on which its handler throws is passed over where it is to be parked",
    by: managers(
      timers(({ fire }) => ({
        fire: (timer) =>
          Effect.catchIf(
            fire(timer),
            (error) => error._tag === "EventFailed",
            () => Effect.void
          )
      })),
      (options) => options?.onFailure === "park"
    )
  }
]
