// Broken leases and broken waiting, one for each law of runners and of those who wait for them.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Lease } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import type { Break, Checkpoints, Mutant } from "./Mutant.ts"

const checkpoints = (change: (whole: Checkpoints) => Partial<Checkpoints>): Break => ({
  checkpoints: (whole) => ({ ...whole, ...change(whole) })
})

const crowded = checkpoints(({ acquire, release }) => {
  const current = new Map<string, Lease>()
  const asked = new Map<string, Set<string>>()
  return {
    acquire: (name, holder, duration) =>
      Effect.gen(function* () {
        const holders = asked.get(name) ?? new Set()
        asked.set(name, holders.add(holder))
        const held = current.get(name)
        if (held !== undefined && held.holder !== holder && holders.size >= 3) yield* release(held)
        const lease = yield* acquire(name, holder, duration)
        current.set(name, lease)
        return lease
      })
  }
})

const forced = checkpoints(({ load, transact }) => ({
  transact: (move, writes) =>
    Effect.catchIf(
      transact(move, writes),
      (error) => error instanceof Error && Reflect.get(error, "_tag") === "LeaseLost",
      () =>
        Effect.flatMap(load(move.name), ({ position }) =>
          transact({ name: move.name, from: position, to: Position.max(position, move.to) }, writes)
        )
    )
}))

const forEver = checkpoints(({ acquire, release }) => {
  const current = new Map<string, Lease>()
  return {
    acquire: (name, holder, duration) =>
      Effect.gen(function* () {
        const held = current.get(name)
        if (held !== undefined && held.holder !== holder) {
          // As if it never ran out: asks until the whole one says so, too.
          return yield* acquire(name, `${holder} waits`, Duration.zero).pipe(
            Effect.tap(release),
            Effect.andThen(Effect.never)
          )
        }
        const lease = yield* acquire(name, holder, duration)
        current.set(name, lease)
        return lease
      }),
    release: (lease) => Effect.tap(release(lease), () => Effect.sync(() => current.delete(lease.name)))
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
  { law: "Processor 14.1", breaks: "the third runner takes the lease from the first", by: crowded },
  { law: "Processor 14.2", breaks: "a lost lease does not keep a commit back", by: forced },
  { law: "Processor 14.3", breaks: "a lease never runs out", by: forEver, also: ["Processor 14.2"] },
  {
    law: "Processor 14.4",
    breaks: "a long lease is not given back",
    by: checkpoints(({ release }) => ({
      release: (lease) => (Duration.toHours(lease.duration) >= 1 ? Effect.void : release(lease))
    }))
  },
  {
    law: "Processor 14.5",
    breaks: "a lease is not renewed",
    by: checkpoints(() => ({ renew: () => Effect.void }))
  },
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
