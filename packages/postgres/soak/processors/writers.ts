// writers: append to all accounts all the time, and now and then an event that nobody can handle until it is mended.
import * as Effect from "effect/Effect"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import type { Random } from "../random.ts"
import { Account, accounts, everything, targets } from "./domain.ts"

/** Troubles: how many were appended, and up to which they are over. */
export interface Troubles {
  appended: number
  mended: number
  /** Events that were parked, as seen when they were to be tried again. */
  parked: number
}

const writers = 4

/** Appends until it is over; the pace is that of the slowest consumer on a small machine. */
export const run = (
  random: Random,
  count: { events: number },
  isOver: () => boolean
): Effect.Effect<void, never, EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const eventOf = () => {
      if (random.chance(0.02)) return { type: "Withdrawn", data: { amount: everything, trouble: 0 } }
      const type = random.chance(0.3) ? "Withdrawn" : "Deposited"
      return { type, data: { amount: random.between(1, 999), trouble: 0 } }
    }
    const turn = Effect.gen(function* () {
      while (!isOver()) {
        const stream = StreamName.make(Account.name, String(random.between(0, accounts - 1)))
        const events = Array.from({ length: random.between(1, 3) }, eventOf)
        yield* Effect.orDie(store.append(stream, events))
        count.events += events.length
        yield* Effect.sleep(random.between(40, 120))
      }
    })
    yield* Effect.all(
      Array.from({ length: writers }, () => turn),
      { concurrency: "unbounded", discard: true }
    )
  })

/** Now and then appends an event that fails, and a while later it is mended and tried again. */
export const trouble = (
  random: Random,
  count: { events: number },
  troubles: Troubles,
  tell: (mended: number) => void,
  isOver: () => boolean
): Effect.Effect<void, never, EventStore | CheckpointStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    while (!isOver()) {
      yield* Effect.sleep(random.between(500, 2000))
      const stream = StreamName.make(Account.name, String(random.between(0, accounts - 1)))
      troubles.appended += 1
      const data = { amount: random.between(1, 999), trouble: troubles.appended }
      yield* Effect.orDie(store.append(stream, [{ type: "Deposited", data }]))
      count.events += 1
      yield* Effect.sleep(random.between(1500, 3500))
      troubles.mended = troubles.appended
      tell(troubles.mended)
      yield* again(troubles)
    }
  })

/** Asks for everything that is parked to be tried again; says how much that is. */
export const again = (troubles: Troubles): Effect.Effect<number, never, EventStore> =>
  Effect.gen(function* () {
    let parked = 0
    for (const target of parkingTargets) {
      const { length } = yield* Effect.orDie(Processor.parked(target))
      parked += length
      if (length > 0) yield* Effect.orDie(Processor.retry(target))
    }
    troubles.parked = Math.max(troubles.parked, parked)
    return parked
  })

const filter = { _tag: "Categories", categories: [{ category: Account.name }] } as const

/** The three as `Processor.status` takes them. */
export const parkingTargets = targets.map(({ checkpoint, name }) => ({ name, filter, checkpoint }))
