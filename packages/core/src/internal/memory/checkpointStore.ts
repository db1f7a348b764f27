// The checkpoint store in memory: a record for each name, with the lease that guards it.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Driver, Lease, Move, Stopped } from "../../CheckpointStore.ts"
import { CheckpointMoved, LeaseHeld, LeaseLost } from "../../CheckpointStoreError.ts"
import * as Position from "../../Position.ts"
import * as Transaction from "./transaction.ts"

interface Entry {
  position: Position.Position
  stopped: Stopped | undefined
  /** The last lease given out; tokens grow, so it stays when it is over. */
  token: number
  holder: string | undefined
  until: number
}

/** A new, empty store. */
export const make = (): Driver => {
  const entries = new Map<string, Entry>()

  const entry = (name: string): Entry => {
    let found = entries.get(name)
    if (found === undefined) {
      found = { position: Position.beginning, stopped: undefined, token: 0, holder: undefined, until: 0 }
      entries.set(name, found)
    }
    return found
  }

  const lost = (lease: Lease | undefined): LeaseLost | undefined => {
    if (lease === undefined) return undefined
    const { holder, token } = entry(lease.name)
    return holder === lease.holder && token === lease.token ? undefined : new LeaseLost(lease)
  }

  /** Checks and moves in one go: nothing waits between the check, the writes and the move. */
  const commit = (move: Move, writes: ReadonlyArray<() => void>): LeaseLost | CheckpointMoved | undefined => {
    const stored = entry(move.name)
    const leaseLost = lost(move.lease)
    if (leaseLost !== undefined) return leaseLost
    if (stored.position !== move.from) {
      return new CheckpointMoved({ name: move.name, expected: move.from, actual: stored.position })
    }
    for (const write of writes) write()
    stored.position = move.to
    stored.stopped = undefined
    return undefined
  }

  return {
    capabilities: { transaction: false },
    load: (name) =>
      Effect.sync(() => {
        const { position, stopped } = entry(name)
        return { position, stopped }
      }),
    commit: (move, writes) =>
      Effect.suspend(() => {
        const transaction: Transaction.Transaction = { writes: [], open: true }
        return writes.pipe(
          Effect.provideService(Transaction.Current, transaction),
          Effect.tap(() => {
            transaction.open = false
            const refused = commit(move, transaction.writes)
            return refused === undefined ? Effect.void : Effect.fail(refused)
          }),
          Effect.ensuring(
            Effect.sync(() => {
              transaction.open = false
            })
          )
        )
      }),
    stop: (name, stopped, lease) =>
      Effect.suspend(() => {
        const leaseLost = lost(lease)
        if (leaseLost !== undefined) return Effect.fail(leaseLost)
        entry(name).stopped = stopped
        return Effect.void
      }),
    acquire: (name, holder, duration) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const stored = entry(name)
        if (stored.holder !== undefined && stored.holder !== holder && now < stored.until) {
          return Effect.fail(new LeaseHeld({ name, holder: stored.holder }))
        }
        stored.token += 1
        stored.holder = holder
        stored.until = now + Duration.toMillis(duration)
        stored.stopped = undefined
        return Effect.succeed({ name, holder, token: stored.token, duration })
      }),
    renew: (lease) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const leaseLost = lost(lease)
        if (leaseLost !== undefined) return Effect.fail(leaseLost)
        entry(lease.name).until = now + Duration.toMillis(lease.duration)
        return Effect.void
      }),
    release: (lease) =>
      Effect.sync(() => {
        if (lost(lease) === undefined) entry(lease.name).holder = undefined
      })
  }
}
