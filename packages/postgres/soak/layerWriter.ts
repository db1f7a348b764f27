// layerWriter: appends through the real layer, in every way it offers, and writes down what it was told.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as EventId from "evolvent/EventId"
import type { Appended, EventStore, Expected } from "evolvent/EventStore"
import type { EventStoreError, EventIdReused, WrongExpectedRevision } from "evolvent/EventStoreError"
import { isMet } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { Kind, Planned, Stored, WriterLine } from "./journal.ts"
import { make as chances, type Random } from "./random.ts"
import { eventOf, idsOf, stores, streamOf, type StoreName } from "./workload.ts"

type Store = EventStore["Service"]
type Failure = WrongExpectedRevision | EventIdReused | EventStoreError

/** What the writers of one process share. */
export interface Shared {
  readonly sql: PgClient
  readonly stores: Readonly<Record<StoreName, Store>>
  readonly write: (line: WriterLine) => void
  /** The same for all processes of a run, so that they can meet with the same ids. */
  readonly seed: string
  readonly nextOp: () => number
  /** The highest revision that this process was told of, by store and stream. */
  readonly told: Map<string, number>
  /** Some appends that went through. */
  readonly done: Array<{ readonly store: StoreName; readonly append: Planned }>
}

// A server that restarts under load is back within seconds; who gives up earlier learns nothing.
const patience = 40

const weights = {
  append: 34,
  group: 8,
  all: 8,
  transaction: 16,
  repeat: 8,
  twins: 6,
  race: 6,
  interrupt: 8,
  misuse: 4,
  empty: 2
}

const stored = ({ position, revision }: Appended): Stored => ({ revision: revision ?? -1, position })

/** One operation of a writer after the other. */
export const make = (shared: Shared, random: Random): Effect.Effect<void> => {
  const { sql, told, write } = shared
  const key = (store: StoreName, stream: string) => `${store} ${stream}`

  const learn = (store: StoreName, { stream }: Planned, result: Stored): void => {
    if (result === null) return
    const at = key(store, stream)
    told.set(at, Math.max(told.get(at) ?? -1, result.revision))
  }

  const expectation = (store: StoreName, stream: string): Expected => {
    const known = told.get(key(store, stream)) ?? -1
    // Mostly what this process knows, which may be stale, and now and then what it knows to be stale.
    const exact = random.chance(0.1) ? random.between(0, known + 1) : known
    const kind = random.weighted({ exact: 45, any: 35, streamExists: 10, noStream: 10 })
    return kind !== "exact" ? kind : exact < 0 ? "noStream" : Revision.make(exact)
  }

  const plan = (store: StoreName, expected?: Expected): Planned => {
    const stream = streamOf(random)
    const ids = idsOf(random, random.between(1, 3))
    return { stream, ids, expected: expected ?? expectation(store, stream), undone: false }
  }

  const begin = (store: StoreName, kind: Kind, appends: ReadonlyArray<Planned>): number => {
    const op = shared.nextOp()
    write({ k: "try", op, store, kind, appends })
    return op
  }

  /** With ids that the application brings, or with the same ones as if the store had made them: that is another way in. */
  const send = (
    store: StoreName,
    { expected, ids, stream }: Planned,
    areNew = false
  ): Effect.Effect<Stored, Failure> => {
    const rest = [...ids]
    const events = ids.map(eventOf).map((event) => (areNew ? { type: event.type, data: event.data } : event))
    const generator = () => rest.shift() as EventId.EventId
    const append = shared.stores[store].append(stream, events, { expected })
    return Effect.map(Effect.provideService(append, EventId.Generator, generator), stored)
  }

  /** A refusal that contradicts itself, or what this process was told before it asked. */
  const doubt = (conflict: WrongExpectedRevision, before: number): void => {
    const { actual, expected, stream } = conflict
    const met = isMet(expected as Expected, actual === undefined ? undefined : Revision.make(actual))
    if (met) write({ k: "finding", problem: `${stream}: a conflict although ${expected} is met by ${actual}` })
    if ((actual ?? -1) < before) {
      write({ k: "finding", problem: `${stream}: a conflict at ${actual}, but ${before} was acknowledged before` })
    }
  }

  /** Asks again with the same ids as long as the store is not there, and writes down how it ended. */
  const settle = (op: number, attempt: Effect.Effect<ReadonlyArray<Stored>, Failure>, before = -1) => {
    const again = (left: number): Effect.Effect<ReadonlyArray<Stored> | undefined> =>
      Effect.matchEffect(attempt, {
        onSuccess: (results) =>
          Effect.sync(() => {
            write({ k: "ok", op, results })
            return results
          }),
        onFailure: (failure) => {
          if (failure._tag === "EventStoreError" && failure.isRetryable && left > 0) {
            return Effect.andThen(Effect.sleep(random.between(50, 400)), again(left - 1))
          }
          if (failure._tag === "WrongExpectedRevision") {
            write({ k: "no", op, why: "conflict" })
            doubt(failure, before)
          } else if (failure._tag === "EventIdReused") write({ k: "no", op, why: "reused" })
          // One that was not let in for so long stays unknown; any other reason is a fault.
          else if (!failure.isRetryable) write({ k: "finding", problem: failure.message })
          return Effect.succeed(undefined)
        }
      })
    return again(patience)
  }

  const keep = (store: StoreName, append: Planned, results: ReadonlyArray<Stored> | undefined): void => {
    const [result] = results ?? []
    if (result === undefined) return
    learn(store, append, result)
    if (append.ids.length > 0) shared.done.push({ store, append })
    if (shared.done.length > 400) shared.done.shift()
  }

  const one = (store: StoreName, append: Planned, kind: Kind = "append") =>
    Effect.suspend(() => {
      const before = told.get(key(store, append.stream)) ?? -1
      const op = begin(store, kind, [append])
      // Asked again they are the same ids, and not new.
      let areNew = kind === "append" && random.chance(0.6)
      const attempt = Effect.suspend(() => {
        const result = send(store, append, areNew)
        areNew = false
        return Effect.map(result, (result) => [result])
      })
      return Effect.tap(settle(op, attempt, before), (results) => Effect.sync(() => keep(store, append, results)))
    })

  const all = (store: StoreName) =>
    Effect.suspend(() => {
      const some = Array.from({ length: random.between(2, 4) }, () => plan(store))
      const appends = some.filter((one, i) => some.findIndex(({ stream }) => stream === one.stream) === i)
      const op = begin(store, "all", appends)
      const attempt = Effect.map(
        shared.stores[store].appendAll(
          appends.map(({ expected, ids, stream }) => ({ stream, expected, events: ids.map(eventOf) }))
        ),
        (results) => results.map(stored)
      )
      return Effect.tap(settle(op, attempt), (results) =>
        Effect.sync(() => appends.forEach((append, i) => learn(store, append, results?.[i] ?? null)))
      )
    })

  /** In the caller's transaction: in any order of streams, with pauses, savepoints undone, and rolled back now and then. */
  const transaction = (store: StoreName) =>
    Effect.suspend(() => {
      const appends = Array.from({ length: random.between(1, 3) }, () => {
        const undone = random.chance(0.2)
        return { ...plan(store, random.chance(0.6) ? "any" : undefined), undone }
      })
      const rollsBack = random.chance(0.2)
      const op = begin(store, "transaction", appends)
      const step = (append: Planned) => {
        const sent = Effect.catchTag(send(store, append), "WrongExpectedRevision", () => Effect.succeed<Stored>(null))
        if (!append.undone) return sent
        const undone = Effect.andThen(sent, Effect.fail("undone" as const))
        return Effect.catch(sql.withTransaction(undone), (failure) =>
          failure === "undone" ? Effect.succeed<Stored>(null) : Effect.fail(failure)
        )
      }
      const body = Effect.gen(function* () {
        const results: Array<Stored> = []
        for (const append of appends) {
          results.push(yield* step(append))
          yield* Effect.sleep(random.between(0, 25))
        }
        if (rollsBack) return yield* Effect.fail("rolled back" as const)
        write({ k: "commit", op, results })
        return results
      })
      return Effect.map(Effect.exit(sql.withTransaction(body)), (exit) => {
        if (Exit.isSuccess(exit)) {
          write({ k: "ok", op, results: exit.value })
          appends.forEach((append, i) => learn(store, append, exit.value[i] ?? null))
          // After COMMIT was sent nobody knows; before, the judge sees that it was not.
        } else if (rollsBack) write({ k: "no", op, why: "rolled back" })
      })
    })

  const operation = Effect.suspend((): Effect.Effect<unknown> => {
    const store = random.chance(0.8) ? stores[0] : stores[1]
    switch (random.weighted(weights)) {
      case "append":
        return one(store, plan(store))
      case "group":
        return Effect.all(
          Array.from({ length: random.between(4, 24) }, () => one(store, plan(store))),
          { concurrency: "unbounded" }
        )
      case "all":
        return all(store)
      case "transaction":
        return transaction(store)
      case "repeat": {
        const [first, ...rest] = shared.done
        if (first === undefined) return Effect.void
        const { append, store } = random.pick([first, ...rest])
        // Under another expectation too: what is stored is the answer.
        return one(
          store,
          random.chance(0.5) ? append : { ...append, expected: expectation(store, append.stream) },
          "repeat"
        )
      }
      case "twins": {
        const twin = plan(store)
        return Effect.all([one(store, twin, "twin"), one(store, twin, "twin")], { concurrency: "unbounded" })
      }
      case "race": {
        // Every process that comes here within the same moment brings the same ids.
        const moment = `${shared.seed} ${Math.floor(Date.now() / 300)}`
        const stream = streamOf(chances(moment))
        const ids = [0, 1].map((i) => EventId.derive("soak", moment, i))
        return one("one", { stream, ids, expected: "any", undone: false }, "race")
      }
      case "interrupt":
        return Effect.gen(function* () {
          const append = plan(store)
          const op = begin(store, "interrupt", [append])
          const fiber = yield* Effect.forkChild(Effect.exit(send(store, append)))
          yield* Effect.sleep(random.between(0, 6))
          yield* Effect.forkChild(Fiber.interrupt(fiber))
          const exit = yield* Fiber.await(fiber)
          if (Exit.isSuccess(exit) && Exit.isSuccess(exit.value)) write({ k: "ok", op, results: [exit.value.value] })
        })
      case "misuse": {
        const [first, ...rest] = shared.done
        if (first === undefined) return Effect.void
        const { append, store } = random.pick([first, ...rest])
        // The same id for another stream, or together with a new one.
        const wrong = random.chance(0.5)
          ? { ...append, stream: streamOf(random) }
          : { ...append, ids: [...append.ids, ...idsOf(random, 1)] }
        return wrong.stream === append.stream && wrong.ids === append.ids ? Effect.void : one(store, wrong, "misuse")
      }
      case "empty":
        return one(store, { ...plan(store), ids: [] })
    }
  })
  return operation
}
