// Broken checkpoint stores, one for each law of a checkpoint store.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Driver, Lease, Move, Stopped } from "evolvent/CheckpointStore"
import { LeaseLost } from "evolvent/CheckpointStoreError"
import * as Position from "evolvent/Position"
import type { Break, Checkpoints, Mutant } from "./Mutant.ts"

const driver = (change: (driver: Driver) => Partial<Driver>): Break => ({
  checkpointDriver: (whole) => ({ ...whole, ...change(whole) })
})

const service = (change: (checkpoints: Checkpoints) => Partial<Checkpoints>): Break => ({
  checkpoints: (whole) => ({ ...whole, ...change(whole) })
})

/** A driver that loads another position. */
const loads = (change: (position: number) => number): Break =>
  driver(({ load }) => ({
    load: (name) => Effect.map(load(name), (found) => ({ ...found, position: Position.make(change(found.position)) }))
  }))

const lower = ({ name, ...rest }: Move): Move => ({ ...rest, name: name.toLowerCase() })

const moving: ReadonlyArray<Mutant> = [
  { law: "CheckpointStore 1", breaks: "positions have 32 bits", by: loads((position) => position % 2 ** 32) },
  {
    law: "CheckpointStore 2",
    breaks: "a move from beyond the checkpoint is taken",
    by: driver(({ commit, load }) => ({
      commit: (move, writes) =>
        Effect.flatMap(load(move.name), ({ position }) =>
          commit(move.from > position ? { ...move, from: position } : move, writes)
        )
    }))
  },
  {
    law: "CheckpointStore 3",
    breaks: "the checkpoint is compared before the write, not under it",
    by: driver(({ commit, load }) => ({
      commit: (move, writes) =>
        Effect.gen(function* () {
          const before = yield* load(move.name)
          if (before.position !== move.from) return yield* commit(move, writes)
          const value = yield* writes
          yield* Effect.yieldNow
          const { position } = yield* load(move.name)
          return yield* commit({ ...move, from: position }, Effect.succeed(value))
        })
    }))
  },
  {
    law: "CheckpointStore 4",
    breaks: "the writes run twice",
    by: driver(({ commit }) => ({ commit: (move, writes) => Effect.andThen(writes, commit(move, writes)) }))
  },
  {
    law: "CheckpointStore 5",
    breaks: "the checkpoint moves though the writes failed",
    by: driver(({ commit }) => ({
      commit: (move, writes) => Effect.tapError(commit(move, writes), () => Effect.ignore(commit(move, Effect.void)))
    }))
  },
  {
    law: "CheckpointStore 6",
    breaks: "names are compared in lower case",
    by: driver(({ commit, load }) => ({
      load: (name) => load(name.toLowerCase()),
      commit: (move, writes) => commit(lower(move), writes)
    }))
  },
  {
    law: "CheckpointStore 7",
    breaks: "another's lease moves a checkpoint",
    by: service(({ transact }) => ({
      transact: ({ lease, ...move }, writes) =>
        transact(lease === undefined || lease.name !== move.name ? move : { ...move, lease }, writes)
    }))
  },
  {
    law: "CheckpointStore 8",
    breaks: "moving the checkpoint leaves the stop beside it",
    by: driver(({ acquire, load, stop }) => {
      const stops = new Map<string, Stopped>()
      return {
        load: (name) => Effect.map(load(name), (found) => ({ ...found, stopped: stops.get(name) })),
        stop: (name, stopped, lease) =>
          Effect.tap(stop(name, stopped, lease), () => Effect.sync(() => stops.set(name, stopped))),
        acquire: (name, holder, duration) => {
          stops.delete(name)
          return acquire(name, holder, duration)
        }
      }
    })
  },
  {
    law: "CheckpointStore 9",
    breaks: "watchers never wake",
    by: service(() => ({ watch: () => Effect.succeed(Effect.never) }))
  },
  {
    law: "CheckpointStore 10",
    breaks: "it says that appends commit with the checkpoint, which they do not",
    by: driver(() => ({ capabilities: { transaction: true } }))
  }
]

/** A driver that knows which lease of a name was given out last. */
const knowing = (change: (driver: Driver, current: Map<string, Lease>) => Partial<Driver>): Break =>
  driver((whole) => {
    const current = new Map<string, Lease>()
    const known: Driver = {
      ...whole,
      acquire: (name, holder, duration) =>
        Effect.tap(whole.acquire(name, holder, duration), (lease) => Effect.sync(() => current.set(name, lease))),
      release: (lease) =>
        Effect.tap(whole.release(lease), () =>
          Effect.sync(() => {
            if (current.get(lease.name)?.token === lease.token) current.delete(lease.name)
          })
        )
    }
    return { ...known, ...change(known, current) }
  })

/** Uses another lease than the one that was given. */
const swaps = (swap: (lease: Lease, current: Lease | undefined) => Lease): Break =>
  knowing(({ commit, renew, stop }, current) => {
    const one = (lease: Lease) => swap(lease, current.get(lease.name))
    return {
      commit: (move, writes) => commit(move.lease === undefined ? move : { ...move, lease: one(move.lease) }, writes),
      renew: (lease) => renew(one(lease)),
      stop: (name, stopped, lease) => stop(name, stopped, lease === undefined ? lease : one(lease))
    }
  })

const long = (duration: Duration.Duration) => Duration.toMillis(duration) >= 60_000

/** Gives out tokens that shrink, and takes them for the store's own. */
const shrinking = (whole: Driver): Partial<Driver> => {
  const turn = (lease: Lease): Lease => (long(lease.duration) ? { ...lease, token: 1000 - lease.token } : lease)
  const told = <A, E, R>(
    lease: Lease | undefined,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | LeaseLost, R> =>
    Effect.mapError(effect, (error) =>
      lease !== undefined && error instanceof LeaseLost ? new LeaseLost(lease) : error
    )
  return {
    acquire: (name, holder, duration) => Effect.map(whole.acquire(name, holder, duration), turn),
    commit: (move, writes) =>
      told(move.lease, whole.commit(move.lease === undefined ? move : { ...move, lease: turn(move.lease) }, writes)),
    renew: (lease) => told(lease, whole.renew(turn(lease))),
    release: (lease) => whole.release(turn(lease)),
    stop: (name, stopped, lease) => told(lease, whole.stop(name, stopped, lease === undefined ? lease : turn(lease)))
  }
}

const takenAtOnce = knowing(({ acquire, release }, current) => ({
  acquire: (name, holder, duration) =>
    Effect.gen(function* () {
      const held = current.get(name)
      if (held !== undefined && held.holder !== holder && long(duration)) yield* release(held)
      return yield* acquire(name, holder, duration)
    })
}))

const racing = knowing(({ acquire, release }, current) => ({
  acquire: (name, holder, duration) =>
    Effect.gen(function* () {
      if (current.has(name)) return yield* acquire(name, holder, duration)
      yield* Effect.yieldNow
      const held = current.get(name)
      if (held !== undefined) yield* release(held)
      return yield* acquire(name, holder, duration)
    })
}))

const leasing: ReadonlyArray<Mutant> = [
  {
    law: "CheckpointStore 11",
    breaks: "a lease of a minute counts as run out",
    by: takenAtOnce,
    also: ["CheckpointStore 12", "CheckpointStore 14"]
  },
  { law: "CheckpointStore 12", breaks: "the holder is looked at before the write, not under it", by: racing },
  { law: "CheckpointStore 13", breaks: "tokens shrink", by: driver(shrinking) },
  {
    law: "CheckpointStore 14",
    breaks: "releasing a lost lease releases its successor's",
    by: knowing(({ release }, current) => ({ release: (lease) => release(current.get(lease.name) ?? lease) }))
  },
  {
    law: "CheckpointStore 15",
    breaks: "a lease runs out after half its time",
    by: driver(({ acquire }) => ({
      acquire: (name, holder, duration) =>
        Effect.map(acquire(name, holder, Duration.divideUnsafe(duration, 2)), (lease) => ({ ...lease, duration }))
    }))
  },
  {
    law: "CheckpointStore 16",
    breaks: "renewing only checks",
    by: driver(({ commit, load }) => ({
      renew: (lease) =>
        Effect.flatMap(load(lease.name), ({ position }) =>
          // The position was just read, and nothing moves it meanwhile.
          Effect.catchTag(
            commit({ name: lease.name, from: position, to: position, lease }, Effect.void),
            "CheckpointMoved",
            Effect.die
          )
        )
    }))
  },
  {
    law: "CheckpointStore 17",
    breaks: "a lease is told by its holder, not by its token",
    by: swaps((lease, current) => (current !== undefined && current.holder === lease.holder ? current : lease))
  },
  {
    law: "CheckpointStore 18",
    breaks: "a released lease still counts while nobody has another",
    by: driver((whole) => {
      const released = new Map<string, number>()
      const isFree = (lease: Lease | undefined) => lease !== undefined && released.get(lease.name) === lease.token
      return {
        release: (lease) =>
          Effect.tap(whole.release(lease), () => Effect.sync(() => released.set(lease.name, lease.token))),
        commit: ({ lease, ...move }, writes) =>
          whole.commit(lease === undefined || isFree(lease) ? move : { ...move, lease }, writes)
      }
    })
  },
  {
    law: "CheckpointStore 19",
    breaks: "the lease is checked before the writes, not with the move",
    by: driver(({ commit }) => ({
      commit: ({ lease, ...move }, writes) =>
        lease === undefined
          ? commit(move, writes)
          : Effect.andThen(commit({ ...move, to: move.from, lease }, Effect.void), commit(move, writes))
    }))
  },
  {
    law: "CheckpointStore 20",
    breaks: "a released lease takes the checkpoint with it",
    by: driver((whole) => {
      const released = new Set<string>()
      return {
        acquire: (name, holder, duration) => {
          released.delete(name)
          return whole.acquire(name, holder, duration)
        },
        release: (lease) => Effect.tap(whole.release(lease), () => Effect.sync(() => released.add(lease.name))),
        load: (name) =>
          Effect.map(whole.load(name), (found) =>
            found.position === 4 && released.has(name) ? { ...found, position: Position.beginning } : found
          )
      }
    })
  }
]

export const checkpointStore: ReadonlyArray<Mutant> = [...moving, ...leasing]
