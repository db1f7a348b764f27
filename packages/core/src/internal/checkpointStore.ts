// The typed checkpoint store over a driver: checks what goes in and tells watchers of this process what changed.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { CheckpointStore, Driver, Move } from "../CheckpointStore.ts"
import { InvalidRequest } from "../EventStoreError.ts"

/** The checkpoint store of a driver. */
export const make = (driver: Driver): CheckpointStore["Service"] => {
  const watchers = new Map<string, Set<Queue.Queue<void>>>()

  const announced = new Map<string, Array<string>>()

  const notify = (name: string) =>
    Effect.sync(() => {
      for (const watcher of watchers.get(name) ?? []) Queue.offerUnsafe(watcher, undefined)
    })

  const transact = <A, E, R>(move: Move, writes: Effect.Effect<A, E, R>) => {
    const problem = moveProblem(move)
    return problem === undefined
      ? Effect.tap(driver.commit(move, writes), notify(move.name))
      : Effect.fail(
          new CheckpointStoreError({ operation: "CheckpointStore.transact", reason: new InvalidRequest({ problem }) })
        )
  }

  return {
    capabilities: driver.capabilities,
    load: driver.load,
    transact,
    advance: (move) => transact(move, Effect.void),
    stop: (name, stopped, lease) => Effect.tap(driver.stop(name, stopped, lease), notify(name)),
    acquire: (name, holder, duration) =>
      Effect.tap(driver.acquire(name, holder, Duration.fromInputUnsafe(duration)), notify(name)),
    renew: driver.renew,
    release: (lease) => Effect.tap(driver.release(lease), notify(lease.name)),
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
            return notify(name)
          })
      ),
    isAnnounced: (name) => Effect.sync(() => announced.has(name)),
    watch: Effect.fnUntraced(function* (name) {
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

const moveProblem = ({ from, lease, name, to }: Move): string | undefined => {
  if (name === "") return "a checkpoint needs a name"
  if (to < from) return `the checkpoint of "${name}" cannot go back from position ${from} to ${to}`
  if (lease !== undefined && lease.name !== name) return `a lease of "${lease.name}" cannot move "${name}"`
  return undefined
}
