// The typed checkpoint store over a driver: checks what goes in and tells watchers of this process what changed.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { CheckpointStoreError, LeaseHeld } from "../CheckpointStoreError.ts"
import type { Checkpoint, CheckpointStore, Driver, Lease, Move } from "../CheckpointStore.ts"
import { InvalidRequest } from "../EventStoreError.ts"
import * as Position from "../Position.ts"

const listOf = <A>(one: A | ReadonlyArray<A>): ReadonlyArray<A> => (Array.isArray(one) ? one : [one as A])

/** The checkpoint store of a driver. */
export const make = (driver: Driver): CheckpointStore["Service"] => {
  const watchers = { checkpoint: watching(), lease: watching() }
  const announced = new Map<string, Array<string>>()
  const deferred = new Map<string, Set<Effect.Effect<void>>>()
  const attending = new Set<string>()

  const notify = (what: "checkpoint" | "lease", names: ReadonlyArray<string>) =>
    Effect.sync(() => watchers[what].notify(names))

  const transact = <A, E, R>(moving: Move | ReadonlyArray<Move>, writes: Effect.Effect<A, E, R>) => {
    const moves = listOf(moving)
    const problem = moves.length === 0 ? "there is no checkpoint to move" : problemOf(moves)
    return problem === undefined
      ? Effect.tap(
          driver.commit(moves, writes),
          notify(
            "checkpoint",
            moves.map(({ name }) => name)
          )
        )
      : Effect.fail(
          new CheckpointStoreError({ operation: "CheckpointStore.transact", reason: new InvalidRequest({ problem }) })
        )
  }

  const acquireAll = (names: ReadonlyArray<string>, holder: string, duration: Duration.Input) =>
    names.length === 0
      ? Effect.succeed([])
      : Effect.tap(driver.acquire(names, holder, Duration.fromInputUnsafe(duration)), (leases) =>
          // A lease that is taken clears what its consumer had stopped on.
          Effect.andThen(notify("checkpoint", namesOf(leases)), notify("lease", namesOf(leases)))
        )

  const acquire = (
    name: string,
    holder: string,
    duration: Duration.Input
  ): Effect.Effect<Lease, LeaseHeld | CheckpointStoreError> =>
    Effect.flatMap(acquireAll([name], holder, duration), ([lease]) =>
      lease === undefined
        ? Effect.flatMap(driver.holders([name]), ([other]) =>
            // It ran out or was given back between the two: then it can be had after all.
            other === undefined ? acquire(name, holder, duration) : Effect.fail(new LeaseHeld({ name, holder: other }))
          )
        : Effect.succeed(lease)
    )

  return {
    capabilities: driver.capabilities,
    load: (name) => Effect.map(driver.load([name]), ([found]) => found ?? unseen),
    loadAll: (names) => (names.length === 0 ? Effect.succeed([]) : driver.load(names)),
    names: Effect.map(driver.names, (names) => names.toSorted()),
    transact,
    advance: (moves) => transact(moves, Effect.void),
    stop: (name, stopped, lease) => Effect.tap(driver.stop(name, stopped, lease), notify("checkpoint", [name])),
    acquire,
    acquireAll,
    renew: (leases) => driver.renew(listOf(leases)),
    release: (leases) => {
      const all = listOf(leases)
      return all.length === 0 ? Effect.void : Effect.tap(driver.release(all), notify("lease", namesOf(all)))
    },
    holders: (names) => (names.length === 0 ? Effect.succeed([]) : driver.holders(names)),
    attend: (name, member, duration) =>
      Effect.tap(driver.attend(name, member, Duration.fromInputUnsafe(duration)), () => {
        const key = `${name}\n${member.holder}`
        if (attending.has(key)) return Effect.void
        attending.add(key)
        return notify("lease", [name])
      }),
    leave: (name, holder) =>
      Effect.ensuring(
        driver.leave(name, holder),
        Effect.sync(() => {
          attending.delete(`${name}\n${holder}`)
          watchers.lease.notify([name])
        })
      ),
    announce: (name, what) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const here = announced.get(name) ?? []
          announced.set(name, [...here, what])
          return here.find((other) => other !== what)
        }),
        () =>
          Effect.suspend(() => {
            const here = announced.get(name) ?? []
            const rest = here.toSpliced(here.indexOf(what), 1)
            if (rest.length === 0) announced.delete(name)
            else announced.set(name, rest)
            return notify("checkpoint", [name])
          })
      ),
    isAnnounced: (name) => Effect.sync(() => announced.has(name)),
    defer: (name, settle) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const all = deferred.get(name) ?? new Set()
          deferred.set(name, all.add(settle))
          return () => watchers.checkpoint.isWatched(name)
        }),
        () =>
          Effect.sync(() => {
            const all = deferred.get(name)
            all?.delete(settle)
            if (all?.size === 0) deferred.delete(name)
          })
      ),
    watch: (name, what = "checkpoint") => {
      if (what === "lease") return watchers.lease.watch(name)
      return Effect.tap(watchers.checkpoint.watch(name), () =>
        Effect.forEach(deferred.get(name) ?? [], (settle) => settle, { concurrency: "unbounded", discard: true })
      )
    }
  }
}

const unseen: Checkpoint = { position: Position.beginning, stopped: undefined }

const namesOf = (leases: ReadonlyArray<Lease>): ReadonlyArray<string> => leases.map(({ name }) => name)

/** Those who watch names, each with a queue that holds one wake-up. */
const watching = () => {
  const watchers = new Map<string, Set<Queue.Queue<void>>>()

  const wake = (name: string): void => {
    for (const watcher of watchers.get(name) ?? []) Queue.offerUnsafe(watcher, undefined)
  }

  return {
    isWatched: (name: string): boolean => watchers.has(name),
    notify: (names: ReadonlyArray<string>): void => {
      const above = new Set(names.map((name) => name.slice(0, Math.max(0, name.lastIndexOf("/")))))
      for (const name of names) wake(name)
      for (const name of above) wake(name)
    },
    watch: Effect.fnUntraced(function* (name: string) {
      const queue = yield* Queue.sliding<void>(1)
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const set = watchers.get(name) ?? new Set()
          watchers.set(name, set.add(queue))
        }),
        () =>
          Effect.sync(() => {
            const set = watchers.get(name)
            set?.delete(queue)
            if (set?.size === 0) watchers.delete(name)
          })
      )
      return Queue.take(queue)
    })
  }
}

const problemOf = (moves: ReadonlyArray<Move>): string | undefined => {
  for (const move of moves) {
    const problem = moveProblem(move)
    if (problem !== undefined) return problem
  }
  const twice = moves.find(({ name }, i) => moves.findIndex((other) => other.name === name) !== i)
  return twice === undefined ? undefined : `the checkpoint of "${twice.name}" cannot move twice at once`
}

const moveProblem = ({ from, lease, name, to }: Move): string | undefined => {
  if (name === "") return "a checkpoint needs a name"
  if (to < from) return `the checkpoint of "${name}" cannot go back from position ${from} to ${to}`
  if (lease !== undefined && lease.name !== name) return `a lease of "${lease.name}" cannot move "${name}"`
  return undefined
}
