// Broken ways of executing and loading, one for each law of aggregates.
import type { Functions } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Aggregate from "evolvent/Aggregate"
import * as Metadata from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import { loading } from "./aggregateLoad.ts"
import { keeping, snapshotting } from "./aggregateState.ts"
import type { Break, Mutant } from "./Mutant.ts"
import { loadingAged } from "./versions.ts"

/** Executes otherwise; what it remembers lasts for one law. */
const executes = (make: () => Functions["execute"]) => (): Break => ({
  functions: (functions) => ({ ...functions, execute: make() })
})

const tagged = (tag: string) => (error: unknown) => Predicate.isTagged(error, tag)

const executing: ReadonlyArray<Mutant> = [
  {
    law: "Aggregate 1",
    breaks: "the position is that of the event before",
    by: executes(
      () => (aggregate, id, command, options) =>
        Effect.map(Aggregate.execute(aggregate, id, command, options), (done) => ({
          ...done,
          position: done.position > 0 ? Position.make(done.position - 1) : done.position
        }))
    )
  },
  {
    law: "Aggregate 2",
    breaks: "a conflict is the end after two retries",
    by: executes(
      () => (aggregate, id, command, options) =>
        Aggregate.execute(aggregate, id, command, { retry: Schedule.recurs(2), ...options })
    )
  },
  {
    law: "Aggregate 3",
    breaks: "everything is loaded again after a conflict",
    by: executes(
      () => (aggregate, id, command, options) =>
        Effect.retry(Aggregate.execute(aggregate, id, command, { ...options, retry: Schedule.recurs(0) }), {
          while: tagged("WrongExpectedRevision"),
          schedule: Schedule.recurs(options?.retry === undefined ? 400 : 3)
        })
    )
  },
  {
    law: "Aggregate 4",
    breaks: "the caller's schedule is not used",
    by: executes(
      () => (aggregate, id, command, options) =>
        Aggregate.execute(aggregate, id, command, { ...options, retry: Schedule.recurs(30) })
    )
  },
  {
    law: "Aggregate 5",
    breaks: "a rejected command is decided again",
    by: executes(
      () => (aggregate, id, command, options) =>
        Effect.retry(Aggregate.execute(aggregate, id, command, options), { while: tagged("Overdrawn"), times: 2 })
    )
  },
  {
    law: "Aggregate 6",
    also: ["Aggregate 31"],
    breaks: "a decision of no events has no revision",
    by: executes(
      () => (aggregate, id, command, options) =>
        Effect.map(Aggregate.execute(aggregate, id, command, options), (done) =>
          done.events.length === 0 ? { ...done, revision: undefined } : done
        )
    )
  },
  {
    law: "Aggregate 7",
    also: ["Aggregate 31"],
    breaks: "what the caller expects is not looked at",
    by: executes(
      () => (aggregate, id, command, options) =>
        Aggregate.execute(aggregate, id, command, { ...options, expected: "any" })
    )
  },
  {
    law: "Aggregate 8",
    breaks: "an invalid command is corrected",
    by: executes(
      () => (aggregate, id, command, options) =>
        Aggregate.execute(
          aggregate,
          id,
          Predicate.hasProperty(command, "amount")
            ? { ...command, amount: Math.trunc(Number(command.amount)) }
            : command,
          options
        )
    )
  },
  {
    law: "Aggregate 9",
    breaks: "the fiber's metadata is lost",
    by: executes(
      () => (aggregate, id, command, options) =>
        Effect.provideService(Aggregate.execute(aggregate, id, command, options), Metadata.Current, {})
    )
  }
]

const withoutId = ({ expected, retry }: Aggregate.ExecuteOptions): Aggregate.ExecuteOptions => ({
  ...(expected === undefined ? {} : { expected }),
  ...(retry === undefined ? {} : { retry })
})

const commandIds: ReadonlyArray<Mutant> = [
  {
    law: "Aggregate 10",
    breaks: "a command id with a quote is not recognised",
    by: executes(
      () => (aggregate, id, command, options) =>
        Aggregate.execute(
          aggregate,
          id,
          command,
          options?.commandId?.includes(`"`) === true ? withoutId(options) : options
        )
    )
  },
  {
    law: "Aggregate 11",
    breaks: "a repeated command is decided before it is recognised",
    by: executes(() =>
      Effect.fnUntraced(function* (aggregate, id, command, options) {
        if (options?.commandId !== undefined && options.expected !== undefined) {
          const { state } = yield* Aggregate.load(aggregate, id)
          yield* Effect.fromResult(aggregate.decide(command, state))
        }
        return yield* Aggregate.execute(aggregate, id, command, options)
      })
    )
  },
  {
    law: "Aggregate 12",
    breaks: "a command id in use at the same time counts as reused",
    by: executes(() => {
      const inUse = new Set<string>()
      return Effect.fnUntraced(function* (aggregate, id, command, options) {
        const commandId = options?.commandId
        if (commandId === undefined) return yield* Aggregate.execute(aggregate, id, command, options)
        if (inUse.has(commandId)) {
          return yield* new Aggregate.CommandIdReused({ stream: aggregate.name, commandId, revision: 0 })
        }
        inUse.add(commandId)
        return yield* Aggregate.execute(aggregate, id, command, options).pipe(
          Effect.tap(Effect.yieldNow),
          Effect.ensuring(Effect.sync(() => inUse.delete(commandId)))
        )
      })
    })
  },
  {
    law: "Aggregate 13",
    breaks: "commands of one type count as the same",
    by: executes(() => (aggregate, id, command, options) => {
      const executed = Aggregate.execute(aggregate, id, command, options)
      return Effect.catchIf(
        executed,
        (error): error is Aggregate.CommandIdReused =>
          error instanceof Aggregate.CommandIdReused && Predicate.isTagged(command, "Deposit"),
        () => Effect.succeed({ events: [], revision: undefined, position: Position.beginning, repeated: true })
      ) as typeof executed
    })
  },
  {
    law: "Aggregate 14",
    breaks: "rejections are remembered",
    by: executes(() => {
      const rejected = new Set<string>()
      return (aggregate, id, command, options) =>
        Effect.suspend(() => {
          const commandId = options?.commandId ?? ""
          if (rejected.has(commandId)) return Effect.die("it was rejected before")
          return Effect.tapError(Aggregate.execute(aggregate, id, command, options), (error) =>
            Effect.sync(() => (commandId !== "" && tagged("Overdrawn")(error) ? rejected.add(commandId) : rejected))
          )
        })
    })
  },
  {
    law: "Aggregate 15",
    breaks: "a command id belongs to the whole store",
    by: executes(() => {
      const used = new Map<string, string>()
      return (aggregate, id, command, options) =>
        Effect.map(Aggregate.execute(aggregate, id, command, options), (done) => {
          const commandId = options?.commandId
          const entity = `${aggregate.name}-${String(id)}`
          if (commandId === undefined) return done
          const first = used.get(commandId)
          if (first === undefined) used.set(commandId, entity)
          return first !== undefined && first !== entity ? { ...done, repeated: true } : done
        })
    })
  },
  {
    law: "Aggregate 16",
    breaks: "a command whose answer was lost is executed anew",
    by: executes(() => {
      const failed = new Set<string>()
      return (aggregate, id, command, options) =>
        Effect.suspend(() => {
          const commandId = options?.commandId ?? ""
          return Effect.tapError(
            Aggregate.execute(aggregate, id, command, failed.has(commandId) ? withoutId(options ?? {}) : options),
            (error) => Effect.sync(() => (tagged("EventStoreError")(error) ? failed.add(commandId) : failed))
          )
        })
    })
  },
  {
    law: "Aggregate 17",
    breaks: "a repeated outcome ends after 500 events",
    by: executes(
      () => (aggregate, id, command, options) =>
        Effect.map(Aggregate.execute(aggregate, id, command, options), (done) => ({
          ...done,
          events: done.repeated ? done.events.slice(0, 500) : done.events
        }))
    )
  }
]

export const aggregate: ReadonlyArray<Mutant> = [
  ...executing,
  ...commandIds,
  ...loading,
  ...loadingAged,
  ...snapshotting,
  ...keeping
]
