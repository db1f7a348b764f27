// Broken leases and broken waiting, one for each law of runners and of those who wait for them.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Lease, Member } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import { listOf } from "./Mutant.ts"
import type { Break, Checkpoints, Mutant } from "./Mutant.ts"

/** Breaks a checkpoint store. */
export const checkpoints = (change: (whole: Checkpoints) => Partial<Checkpoints>): Break => ({
  checkpoints: (whole) => ({ ...whole, ...change(whole) })
})

/** Knows which lease of a name was given out last, and who takes part in the work of a name. */
const knowing = (
  change: (
    whole: Checkpoints,
    current: Map<string, Lease>,
    members: Map<string, Map<string, Member>>
  ) => Partial<Checkpoints>
): Break =>
  checkpoints((whole) => {
    const current = new Map<string, Lease>()
    const members = new Map<string, Map<string, Member>>()
    const known: Checkpoints = {
      ...whole,
      acquireAll: (names, holder, duration) =>
        Effect.tap(whole.acquireAll(names, holder, duration), (leases) =>
          Effect.sync(() => leases.forEach((lease) => current.set(lease.name, lease)))
        ),
      release: (leases) =>
        Effect.tap(whole.release(leases), () =>
          Effect.sync(() => {
            for (const { name, token } of listOf(leases)) if (current.get(name)?.token === token) current.delete(name)
          })
        ),
      attend: (name, member, duration) => {
        const all = members.get(name) ?? new Map<string, Member>()
        members.set(name, all.set(member.holder, member))
        return whole.attend(name, member, duration)
      }
    }
    return { ...known, ...change(known, current, members) }
  })

const crowded = knowing(({ acquireAll, attend, holders }, current, members) => {
  const isCrowd = (name: string) => {
    const all = [...(members.get(name)?.values() ?? [])]
    return all.length >= 3 && all.every(({ partitions }) => partitions === 1)
  }
  const above = (name: string) => name.slice(0, name.lastIndexOf("/"))
  return {
    attend: (name, member, duration) =>
      Effect.map(attend(name, member, duration), (all) => (isCrowd(name) ? [member] : all)),
    holders: (names) =>
      Effect.map(holders(names), (all) =>
        names.some((name) => isCrowd(above(name))) ? all.map(() => undefined) : all
      ),
    acquireAll: (names, holder, duration) =>
      Effect.suspend(() => {
        const held = names.flatMap((name) => (isCrowd(above(name)) ? (current.get(name) ?? []) : []))
        return held.length > 0 ? Effect.succeed(held) : acquireAll(names, holder, duration)
      })
  }
})

const forced = checkpoints(({ loadAll, transact }) => ({
  transact: (moving, writes) => {
    const moves = listOf(moving)
    return Effect.catchIf(
      transact(moves, writes),
      (error) => error instanceof Error && Reflect.get(error, "_tag") === "LeaseLost",
      () =>
        Effect.flatMap(loadAll(moves.map(({ name }) => name)), (found) =>
          transact(
            moves.map(({ name, to }, i) => {
              const from = found[i]?.position ?? Position.beginning
              return { name, from, to: Position.max(from, to) }
            }),
            writes
          )
        )
    )
  }
}))

const forEver = knowing(({ acquireAll }, current) => ({
  acquireAll: (names, holder, duration) =>
    Effect.suspend(() =>
      acquireAll(
        names.filter((name) => (current.get(name)?.holder ?? holder) === holder),
        holder,
        duration
      )
    ),
  holders: (names) => Effect.sync(() => names.map((name) => current.get(name)?.holder))
}))

const notRenewed = checkpoints(() => {
  const members = new Map<string, Map<string, { readonly member: Member; readonly until: number }>>()
  return {
    renew: () => Effect.void,
    attend: (name, member, duration) =>
      Effect.sync(() => {
        const all = members.get(name) ?? new Map<string, { readonly member: Member; readonly until: number }>()
        members.set(name, all)
        const now = performance.now()
        const me = all.get(member.holder) ?? { member, until: now + Duration.toMillis(duration) }
        all.set(member.holder, me)
        const here = [...all.values()].filter((one) => one === me || one.until > now)
        return here.map((one) => one.member).sort((a, b) => (a.holder < b.holder ? -1 : 1))
      }),
    leave: (name, holder) => Effect.sync(() => void members.get(name)?.delete(holder))
  }
})

const atOnce = (): Break => {
  const waits = new Map<string, number>()
  return {
    functions: (functions) => ({
      ...functions,
      waitFor: (target, position, options) =>
        Effect.suspend(() => {
          const count = (waits.get(target.name) ?? 0) + 1
          waits.set(target.name, count)
          return count >= 10 ? Effect.void : Processor.waitFor(target, position, options)
        })
    })
  }
}

/** Broken runners. */
export const leasing: ReadonlyArray<Mutant> = [
  { law: "Processor 14.1", breaks: "the third runner gets the lease of the first as well", by: crowded },
  { law: "Processor 14.2", breaks: "a lost lease does not keep a commit back", by: forced },
  { law: "Processor 14.3", breaks: "a lease never runs out", by: forEver, also: ["Processor 14.2", "Processor 14.9"] },
  {
    law: "Processor 14.4",
    breaks: "a long lease is not given back",
    by: checkpoints(({ release }) => ({
      release: (leases) => release(listOf(leases).filter(({ duration }) => Duration.toHours(duration) < 1))
    }))
  },
  { law: "Processor 14.5", breaks: "neither a lease nor who takes part is renewed", by: notRenewed },
  { law: "Processor 16.1", breaks: "the tenth who waits is not kept waiting", by: atOnce },
  {
    law: "Processor 16.2",
    breaks: "who waited in vain is not told how far it came",
    by: {
      functions: (functions) => ({
        ...functions,
        waitFor: (target, position, options) =>
          Effect.mapError(Processor.waitFor(target, position, options), (error) =>
            error._tag === "WaitTimedOut" ? new Processor.WaitTimedOut({ ...error, reached: 0 }) : error
          )
      })
    }
  },
  {
    law: "Processor 16.3",
    breaks: "waiting for a processor that stopped times out",
    by: {
      functions: (functions) => ({
        ...functions,
        waitFor: (target, position, options) =>
          Effect.catchTag(Processor.waitFor(target, position, options), "ProcessorStopped", () =>
            Effect.fail(new Processor.WaitTimedOut({ processor: target.name, position, reached: 0 }))
          )
      })
    }
  },
  {
    law: "Processor 16.4",
    breaks: "status never tells of a lag",
    by: {
      functions: (functions) => ({
        ...functions,
        status: (target) => Effect.map(Processor.status(target), (now) => ({ ...now, lag: undefined }))
      })
    }
  }
]
