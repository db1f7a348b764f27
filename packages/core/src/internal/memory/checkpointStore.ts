// The checkpoint store in memory: a record for each name, with the lease that guards it, and who shares its work.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Driver, Lease, Member, Move, Stopped } from "../../CheckpointStore.ts"
import { CheckpointMoved, LeaseLost } from "../../CheckpointStoreError.ts"
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
  const attending = new Map<string, Map<string, { readonly member: Member; readonly until: number }>>()

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

  const firstLost = (leases: ReadonlyArray<Lease>): LeaseLost | undefined => {
    for (const lease of leases) {
      const leaseLost = lost(lease)
      if (leaseLost !== undefined) return leaseLost
    }
    return undefined
  }

  /** Why moves cannot be made. */
  const refusal = (moves: ReadonlyArray<Move>): LeaseLost | CheckpointMoved | undefined => {
    const leaseLost = firstLost(moves.flatMap(({ lease }) => lease ?? []))
    if (leaseLost !== undefined) return leaseLost
    for (const { from, name } of moves) {
      const { position } = entry(name)
      if (position !== from) return new CheckpointMoved({ name, expected: from, actual: position })
    }
    return undefined
  }

  /** Checks and moves in one go: nothing waits between the checks, the writes and the moves. */
  const commit = (
    moves: ReadonlyArray<Move>,
    writes: ReadonlyArray<() => void>
  ): LeaseLost | CheckpointMoved | undefined => {
    const refused = refusal(moves)
    if (refused !== undefined) return refused
    for (const write of writes) write()
    for (const { name, to } of moves) {
      const stored = entry(name)
      stored.position = to
      stored.stopped = undefined
    }
    return undefined
  }

  return {
    capabilities: { transaction: false },
    load: (names) =>
      Effect.sync(() =>
        names.map((name) => {
          const { position, stopped } = entry(name)
          return { position, stopped }
        })
      ),
    names: Effect.sync(() =>
      [...entries].flatMap(([name, { position, token }]) => (position > 0 || token > 0 ? [name] : []))
    ),
    commit: (moves, writes) =>
      Effect.suspend(() => {
        const leases = moves.flatMap(({ lease }) => lease ?? [])
        const transaction: Transaction.Transaction = {
          writes: [],
          refused: () => refusal(moves),
          lost: () => firstLost(leases),
          open: true
        }
        return writes.pipe(
          Effect.provideService(Transaction.Current, transaction),
          Effect.tap(() => {
            transaction.open = false
            const refused = commit(moves, transaction.writes)
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
    acquire: (names, holder, duration) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        names.flatMap((name): ReadonlyArray<Lease> => {
          const stored = entry(name)
          if (stored.holder !== undefined && stored.holder !== holder && now < stored.until) return []
          stored.token += 1
          stored.holder = holder
          stored.until = now + Duration.toMillis(duration)
          stored.stopped = undefined
          return [{ name, holder, token: stored.token, duration }]
        })
      ),
    renew: (leases) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const leaseLost = firstLost(leases)
        if (leaseLost !== undefined) return Effect.fail(leaseLost)
        for (const { duration, name } of leases) entry(name).until = now + Duration.toMillis(duration)
        return Effect.void
      }),
    release: (leases) =>
      Effect.sync(() => {
        for (const lease of leases) if (lost(lease) === undefined) entry(lease.name).holder = undefined
      }),
    holders: (names) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        names.map((name) => {
          const { holder, until } = entry(name)
          return now < until ? holder : undefined
        })
      ),
    attend: (name, member, duration) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const members = attending.get(name) ?? new Map<string, { readonly member: Member; readonly until: number }>()
        attending.set(name, members.set(member.holder, { member, until: now + Duration.toMillis(duration) }))
        for (const [holder, { until }] of members) if (until <= now) members.delete(holder)
        return [...members.values()].map(({ member }) => member).sort((a, b) => (a.holder < b.holder ? -1 : 1))
      }),
    leave: (name, holder) => Effect.sync(() => void attending.get(name)?.delete(holder))
  }
}
