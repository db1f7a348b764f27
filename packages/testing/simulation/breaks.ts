// breaks: stores that are broken on purpose, so that one can see the simulation notice.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Driver, Lease } from "evolvent/CheckpointStore"
import type { Shared } from "./stores.ts"

/** Something broken: what, in words, and how. */
export interface Breaking {
  readonly breaks: string
  readonly by: (shared: Shared) => Shared
}

const checkpoints =
  (change: (driver: Driver) => Partial<Driver>) =>
  (shared: Shared): Shared => ({
    ...shared,
    checkpointStore: { ...shared.checkpointStore, ...change(shared.checkpointStore) }
  })

/** A driver that remembers the lease that each name has. */
const taking =
  (driver: Driver, last: Map<string, Lease>): Driver["acquire"] =>
  (names, holder, duration) =>
    Effect.tap(driver.acquire(names, holder, duration), (leases) =>
      Effect.sync(() => leases.forEach((lease) => last.set(lease.name, lease)))
    )

/** All that can be broken. */
export const breaks: { readonly [name: string]: Breaking } = {
  "checkpoint-first": {
    breaks: "the checkpoint moves before the writes, not with them",
    by: checkpoints((driver) => ({
      commit: (moves, writes) => Effect.andThen(driver.commit(moves, Effect.void), writes)
    }))
  },
  "lost-lease-commits": {
    breaks: "one that lost its lease commits all the same",
    by: checkpoints((driver) => ({
      commit: (moves, writes) =>
        Effect.flatMap(driver.load(moves.map(({ name }) => name)), (stored) =>
          driver.commit(
            moves.map(({ name, to }, i) => {
              const from = stored[i]?.position ?? to
              return { name, from, to: to > from ? to : from }
            }),
            writes
          )
        )
    }))
  },
  "parked-forgotten": {
    breaks: "who starts forgets what was parked before",
    by: (shared) => ({
      ...shared,
      eventStore: {
        ...shared.eventStore,
        read: (request) =>
          Effect.map(shared.eventStore.read(request), (page) =>
            request.filter._tag === "Stream" && request.filter.stream.startsWith("$parked-") && !request.follows
              ? { ...page, events: [] }
              : page
          )
      }
    })
  },
  "dropped-page": {
    breaks: "who gives slots away says that it has handled what was still waiting for it",
    by: (shared) =>
      checkpoints((driver) => ({
        release: (leases) =>
          Effect.gen(function* () {
            const head = yield* Effect.orDie(shared.eventStore.head)
            for (const lease of leases) {
              const [stored] = yield* driver.load([lease.name])
              if (stored === undefined || stored.position >= head) continue
              const move = { name: lease.name, from: stored.position, to: head, lease }
              yield* Effect.ignore(driver.commit([move], Effect.void))
            }
            yield* driver.release(leases)
          })
      }))(shared)
  },
  "reactor-commit-skipped": {
    breaks: "now and then the checkpoint of a reactor stays where it is, and nobody is told",
    by: checkpoints((driver) => {
      let commits = 0
      return {
        commit: (moves, writes) =>
          moves[0]?.name.startsWith("reactor/") === true && ++commits % 7 === 0 ? writes : driver.commit(moves, writes)
      }
    })
  },
  "taken-while-held": {
    breaks: "slots are given to another one while their holder still works on them",
    by: checkpoints((driver) => {
      const last = new Map<string, Lease>()
      const take = taking(driver, last)
      return {
        holders: (names) => Effect.succeed(names.map(() => undefined)),
        acquire: (names, holder, duration) =>
          Effect.andThen(driver.release(names.flatMap((name) => last.get(name) ?? [])), take(names, holder, duration))
      }
    })
  },
  "lease-for-ever": {
    breaks: "a lease never runs out, so what the dead held is nobody's",
    by: checkpoints((driver) => ({
      acquire: (names, holder) => driver.acquire(names, holder, Duration.days(1))
    }))
  },
  "deadline-forgotten": {
    breaks: "now and then a deadline that was set is not kept",
    by: (shared) => {
      let sets = 0
      const { apply } = shared.readModelStore
      return {
        ...shared,
        readModelStore: {
          ...shared.readModelStore,
          apply: (table, rows) =>
            table.name.startsWith("$timers") && rows.some(({ row }) => row !== undefined) && ++sets % 5 === 0
              ? Effect.void
              : apply(table, rows)
        }
      }
    }
  },
  "ids-forgotten": {
    breaks: "an append that comes again is written again",
    by: (shared) => {
      let fresh = 0
      return {
        ...shared,
        eventStore: {
          ...shared.eventStore,
          find: () => Effect.undefined,
          append: (appends) =>
            shared.eventStore.append(
              appends.map((append) => ({
                ...append,
                expected: "any" as const,
                events: append.events.map((event) => ({
                  ...event,
                  id: `${event.id.slice(0, 24)}${String(fresh++).padStart(12, "0")}` as typeof event.id
                }))
              }))
            )
        }
      }
    }
  }
}
