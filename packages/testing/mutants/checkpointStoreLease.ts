// Broken leases, one for each law of leases.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Driver, Lease, Move } from "evolvent/CheckpointStore"
import { LeaseLost } from "evolvent/CheckpointStoreError"
import * as Position from "evolvent/Position"
import type { Break, Mutant } from "./Mutant.ts"

/** Changes some of a driver. */
export const driver = (change: (driver: Driver) => Partial<Driver>): Break => ({
  checkpointDriver: (whole) => ({ ...whole, ...change(whole) })
})

/** A move that no lease is asked for. */
export const withoutLease = ({ from, name, to }: Move): Move => ({ name, from, to })

/** A driver that knows which lease of a name was given out last. */
const knowing = (change: (driver: Driver, current: Map<string, Lease>) => Partial<Driver>): Break =>
  driver((whole) => {
    const current = new Map<string, Lease>()
    const known: Driver = {
      ...whole,
      acquire: (names, holder, duration) =>
        Effect.tap(whole.acquire(names, holder, duration), (leases) =>
          Effect.sync(() => leases.forEach((lease) => current.set(lease.name, lease)))
        ),
      release: (leases) =>
        Effect.tap(whole.release(leases), () =>
          Effect.sync(() => {
            for (const { name, token } of leases) if (current.get(name)?.token === token) current.delete(name)
          })
        )
    }
    return { ...known, ...change(known, current) }
  })

/** The moves, each under another lease where it has one. */
const under = (moves: ReadonlyArray<Move>, swap: (lease: Lease) => Lease): ReadonlyArray<Move> =>
  moves.map((move) => (move.lease === undefined ? move : { ...move, lease: swap(move.lease) }))

/** Uses another lease than the one that was given. */
const swaps = (swap: (lease: Lease, current: Lease | undefined) => Lease): Break =>
  knowing(({ commit, renew, stop }, current) => {
    const one = (lease: Lease) => swap(lease, current.get(lease.name))
    return {
      commit: (moves, writes) => commit(under(moves, one), writes),
      renew: (leases) => renew(leases.map(one)),
      stop: (name, stopped, lease) => stop(name, stopped, lease === undefined ? lease : one(lease))
    }
  })

const long = (duration: Duration.Duration) => Duration.toMillis(duration) >= 60_000

/** Gives out tokens that shrink, and takes them for the store's own. */
const shrinking = (whole: Driver): Partial<Driver> => {
  const turn = (lease: Lease): Lease => (long(lease.duration) ? { ...lease, token: 1000 - lease.token } : lease)
  const told = <A, E, R>(
    leases: ReadonlyArray<Lease | undefined>,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | LeaseLost, R> =>
    Effect.mapError(effect, (error) => {
      const lost = error instanceof LeaseLost ? leases.find((lease) => lease?.name === error.name) : undefined
      return lost === undefined ? error : new LeaseLost(lost)
    })
  return {
    acquire: (names, holder, duration) =>
      Effect.map(whole.acquire(names, holder, duration), (leases) => leases.map(turn)),
    commit: (moves, writes) =>
      told(
        moves.map(({ lease }) => lease),
        whole.commit(under(moves, turn), writes)
      ),
    renew: (leases) => told(leases, whole.renew(leases.map(turn))),
    release: (leases) => whole.release(leases.map(turn)),
    stop: (name, stopped, lease) => told([lease], whole.stop(name, stopped, lease === undefined ? lease : turn(lease)))
  }
}

const takenAtOnce = knowing(({ acquire, release }, current) => ({
  acquire: (names, holder, duration) =>
    Effect.suspend(() => {
      const held = names.flatMap((name) => current.get(name) ?? [])
      const others = long(duration) ? held.filter((lease) => lease.holder !== holder) : []
      return Effect.andThen(release(others), acquire(names, holder, duration))
    })
}))

const racing = knowing(({ acquire, release }, current) => ({
  acquire: (names, holder, duration) =>
    Effect.gen(function* () {
      if (names.some((name) => current.has(name))) return yield* acquire(names, holder, duration)
      yield* Effect.yieldNow
      yield* release(names.flatMap((name) => current.get(name) ?? []))
      return yield* acquire(names, holder, duration)
    })
}))

/** Broken leases. */
export const leasing: ReadonlyArray<Mutant> = [
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
    by: knowing(({ release }, current) => ({
      release: (leases) => release(leases.map((lease) => current.get(lease.name) ?? lease))
    }))
  },
  {
    law: "CheckpointStore 15",
    breaks: "a lease runs out after half its time",
    by: driver(({ acquire }) => ({
      acquire: (names, holder, duration) =>
        Effect.map(acquire(names, holder, Duration.divideUnsafe(duration, 2)), (leases) =>
          leases.map((lease) => ({ ...lease, duration }))
        )
    }))
  },
  {
    law: "CheckpointStore 16",
    breaks: "renewing only checks",
    by: driver(({ commit, load }) => ({
      renew: (leases) =>
        Effect.flatMap(load(leases.map(({ name }) => name)), (found) => {
          const moves = leases.map((lease, i): Move => {
            const position = found[i]?.position ?? Position.beginning
            return { name: lease.name, from: position, to: position, lease }
          })
          // The positions were just read, and nothing moves them meanwhile.
          return Effect.catchTag(commit(moves, Effect.void), "CheckpointMoved", Effect.die)
        })
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
      const isFree = ({ lease }: Move) => lease !== undefined && released.get(lease.name) === lease.token
      return {
        release: (leases) =>
          Effect.tap(whole.release(leases), () =>
            Effect.sync(() => leases.forEach(({ name, token }) => released.set(name, token)))
          ),
        commit: (moves, writes) =>
          whole.commit(
            moves.map((move) => (isFree(move) ? withoutLease(move) : move)),
            writes
          )
      }
    })
  },
  {
    law: "CheckpointStore 19",
    breaks: "the lease is checked before the writes, not with the move",
    by: driver(({ commit }) => ({
      commit: (moves, writes) =>
        Effect.andThen(
          commit(
            moves.map((move) => ({ ...move, to: move.from })),
            Effect.void
          ),
          commit(moves.map(withoutLease), writes)
        )
    }))
  },
  {
    law: "CheckpointStore 20",
    breaks: "a released lease takes the checkpoint with it",
    by: driver((whole) => {
      const released = new Set<string>()
      return {
        acquire: (names, holder, duration) => {
          for (const name of names) released.delete(name)
          return whole.acquire(names, holder, duration)
        },
        release: (leases) =>
          Effect.tap(whole.release(leases), () => Effect.sync(() => leases.forEach(({ name }) => released.add(name)))),
        load: (names) =>
          Effect.map(whole.load(names), (all) =>
            all.map((found, i) =>
              found.position === 4 && released.has(names[i] ?? "") ? { ...found, position: Position.beginning } : found
            )
          )
      }
    })
  }
]
