// eventWriter: appends in every way that the store offers, and writes down what it was told.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as EventId from "evolvent/EventId"
import type { Appended, EventStore, Expected } from "evolvent/EventStore"
import { isMet } from "evolvent/EventStore"
import type { EventStoreError, EventIdReused, WrongExpectedRevision } from "evolvent/EventStoreError"
import * as Revision from "evolvent/Revision"
import type { Kind, Planned, Stored, WriterLine } from "./journal.ts"
import { make as chances, type Random } from "./random.ts"
import { eventOf, idsOf, streamOf } from "./workload.ts"

type Failure = WrongExpectedRevision | EventIdReused | EventStoreError

/** What the writers of one process share. */
export interface Shared {
  readonly store: EventStore["Service"]
  readonly write: (line: WriterLine) => void
  /** The same for all processes of a phase, so that they can meet with the same ids. */
  readonly seed: string
  readonly isStopped: () => boolean
  readonly nextOp: () => number
  /** The highest revision that this process was told of, by stream. */
  readonly told: Map<string, number>
  /** Some appends with ids of their own that went through. */
  readonly done: Array<Planned>
}

// The store itself is patient for seconds; who gives up earlier than this learns nothing.
const patience = 20

const stored = ({ position, revision }: Appended): Stored => ({ revision: revision ?? -1, position })

/** One operation of a writer after the other. */
export const make = (shared: Shared, random: Random): Effect.Effect<unknown> => {
  const { done, store, told, write } = shared

  const learn = (append: Planned, result: Stored | undefined): void => {
    if (result === undefined) return
    told.set(append.stream, Math.max(told.get(append.stream) ?? -1, result.revision))
  }

  const expectation = (stream: string): Expected => {
    const known = told.get(stream) ?? -1
    // Mostly what this process knows, which may be stale, and now and then what it knows to be stale.
    const exact = random.chance(0.1) ? random.between(0, known + 1) : known
    const kind = random.weighted({ exact: 45, any: 35, streamExists: 10, noStream: 10 })
    return kind !== "exact" ? kind : exact < 0 ? "noStream" : Revision.make(exact)
  }

  const plan = (): Planned => {
    const stream = streamOf(random)
    return { stream, ids: idsOf(random, random.between(1, 3)), expected: expectation(stream) }
  }

  const begin = (kind: Kind, appends: ReadonlyArray<Planned>): number => {
    const op = shared.nextOp()
    write({ k: "try", op, kind, appends })
    return op
  }

  /** With ids that the application brings, or as if the store had made them: that is another way in. */
  const send = ({ expected, ids, stream }: Planned, areNew = false): Effect.Effect<Stored, Failure> => {
    const rest = [...ids]
    const events = ids.map(eventOf).map((event) => (areNew ? { type: event.type, data: event.data } : event))
    const append = store.append(stream, events, { expected })
    return Effect.map(
      Effect.provideService(append, EventId.Generator, () => rest.shift() ?? ids[0] ?? EventId.derive("none", "", 0)),
      stored
    )
  }

  /** A refusal that contradicts itself, or what this process was told before it asked. */
  const doubt = ({ actual, expected, stream }: WrongExpectedRevision, before: ReadonlyMap<string, number>): void => {
    if (isMet(expected as Expected, actual === undefined ? undefined : Revision.make(actual))) {
      write({ k: "finding", problem: `${stream}: a conflict although ${expected} is met by ${actual}` })
    }
    if ((actual ?? -1) < (before.get(stream) ?? -1)) {
      const problem = `${stream}: a conflict at ${actual}, but ${before.get(stream)} was acknowledged before`
      write({ k: "finding", problem })
    }
  }

  /** Asks again with the same ids as long as the store is not there and it may, and writes down how it ended. */
  const settle = (
    op: number,
    appends: ReadonlyArray<Planned>,
    attempt: Effect.Effect<ReadonlyArray<Stored>, Failure>,
    mayRepeat = true
  ): Effect.Effect<ReadonlyArray<Stored> | undefined> =>
    Effect.suspend(() => {
      const began = performance.now()
      const before = new Map(appends.map(({ stream }) => [stream as string, told.get(stream) ?? -1]))
      const again = (left: number): Effect.Effect<ReadonlyArray<Stored> | undefined> =>
        Effect.matchEffect(attempt, {
          onSuccess: (results) =>
            Effect.sync(() => {
              write({ k: "ok", op, ms: Math.round(performance.now() - began), results })
              appends.forEach((append, i) => learn(append, results[i]))
              return results
            }),
          onFailure: (failure) => {
            if (failure._tag === "WrongExpectedRevision") {
              write({ k: "no", op, why: "conflict" })
              doubt(failure, before)
            } else if (failure._tag === "EventIdReused") write({ k: "no", op, why: "reused" })
            else if (!failure.isRetryable) write({ k: "finding", problem: failure.message })
            // One that was not let in for so long stays unknown; any other reason is a fault.
            else if (mayRepeat && left > 0 && !shared.isStopped()) {
              return Effect.andThen(Effect.sleep(random.between(50, 400)), again(left - 1))
            }
            return Effect.succeed(undefined)
          }
        })
      return again(patience)
    })

  /** Ids that the store made itself nobody else knows, so nobody repeats them. */
  const one = (append: Planned, kind: Kind = "append", areNew = false) =>
    Effect.suspend(() => {
      const op = begin(kind, [append])
      const attempt = Effect.map(send(append, areNew), (result) => [result])
      return Effect.map(settle(op, [append], attempt, !areNew), (results) => {
        if (results === undefined || areNew || append.ids.length === 0) return
        done.push(append)
        if (done.length > 400) done.shift()
      })
    })

  const all = Effect.suspend(() => {
    const some = Array.from({ length: random.between(2, 4) }, plan)
    const appends = some.filter((one, i) => some.findIndex(({ stream }) => stream === one.stream) === i)
    const attempt = store.appendAll(
      appends.map(({ expected, ids, stream }) => ({ stream, expected, events: ids.map(eventOf) }))
    )
    return settle(
      begin("all", appends),
      appends,
      Effect.map(attempt, (results) => results.map(stored))
    )
  })

  const interrupted = Effect.gen(function* () {
    const append = plan()
    const op = begin("interrupt", [append])
    const began = performance.now()
    const fiber = yield* Effect.forkChild(Effect.exit(send(append)))
    yield* Effect.sleep(random.between(0, 4))
    yield* Effect.forkChild(Fiber.interrupt(fiber))
    const exit = yield* Fiber.await(fiber)
    if (!Exit.isSuccess(exit) || !Exit.isSuccess(exit.value)) return
    write({ k: "ok", op, ms: Math.round(performance.now() - began), results: [exit.value.value] })
    learn(append, exit.value.value)
  })

  const weights = {
    append: 40,
    group: 8,
    all: store.capabilities.appendAll ? 5 : 0,
    repeat: 10,
    twins: 6,
    race: 6,
    interrupt: 8,
    misuse: 4,
    empty: 2
  }

  return Effect.suspend((): Effect.Effect<unknown> => {
    const [first, ...rest] = done
    switch (random.weighted(weights)) {
      case "append":
        return one(plan(), "append", random.chance(0.6))
      case "group":
        return Effect.all(
          Array.from({ length: random.between(4, 24) }, () => one(plan(), "append", random.chance(0.6))),
          { concurrency: "unbounded" }
        )
      case "all":
        return all
      case "repeat": {
        if (first === undefined) return Effect.void
        const append = random.pick([first, ...rest])
        // Under another expectation too: what is stored is the answer.
        return one(random.chance(0.5) ? append : { ...append, expected: expectation(append.stream) }, "repeat")
      }
      case "twins": {
        const twin = plan()
        return Effect.all([one(twin, "twin"), one(twin, "twin")], { concurrency: "unbounded" })
      }
      case "race": {
        // Every process that comes here within the same moment brings the same ids.
        const moment = `${shared.seed} ${Math.floor(Date.now() / 300)}`
        const ids = [0, 1].map((i) => EventId.derive("soak", moment, i))
        return one({ stream: streamOf(chances(moment)), ids, expected: "any" }, "race")
      }
      case "interrupt":
        return interrupted
      case "misuse": {
        if (first === undefined) return Effect.void
        const append = random.pick([first, ...rest])
        // The same id for another stream, or together with a new one.
        const stream = streamOf(random)
        return random.chance(0.5) && stream !== append.stream
          ? one({ ...append, stream }, "misuse")
          : one({ ...append, ids: [...append.ids, ...idsOf(random, 1)] }, "misuse")
      }
      case "empty":
        return one({ ...plan(), ids: [] })
    }
  })
}
