// lanes: a lane for each document, on which the changes of this process wait for each other and do not fight.
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Json } from "effect/Schema"

/** A document as it was found or written last. */
export interface Known {
  readonly value: Json | undefined
  readonly revision: number
  readonly by: ReadonlyArray<string>
}

/** A change that waits; `run` gives the value it was given where it changes nothing. */
export interface Job {
  readonly run: (value: Json | undefined) => Json | undefined
}

/** What this process knows of a document, and what it wants of it. */
export interface Lane<J extends Job> {
  readonly key: string
  readonly turn: Semaphore.Semaphore
  waiting: Array<J>
  known: Known | undefined
  knownAt: number
  users: number
}

// A server that lost its last writes draws their numbers again: what was known before must not pass for what is there.
const knownFor = 5000
const lanesKept = 1000

export const make = <J extends Job>() => {
  const lanes = new Map<string, Lane<J>>()

  const lane = (key: string): Lane<J> => {
    const found = lanes.get(key)
    if (found !== undefined) {
      // The last that was used stands at the end.
      lanes.delete(key)
      lanes.set(key, found)
      return found
    }
    if (lanes.size >= lanesKept) forget()
    const made: Lane<J> = {
      key,
      turn: Semaphore.makeUnsafe(1),
      waiting: [],
      known: undefined,
      knownAt: 0,
      users: 0
    }
    lanes.set(key, made)
    return made
  }

  const forget = (): void => {
    for (const [key, { users, waiting }] of lanes) {
      if (users > 0 || waiting.length > 0) continue
      lanes.delete(key)
      if (lanes.size < lanesKept) return
    }
  }

  /** Runs an effect when it is its turn on a lane. */
  const inTurn = <A, E, R>(key: string, run: (lane: Lane<J>) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const mine = lane(key)
      mine.users += 1
      return Effect.ensuring(
        mine.turn.withPermit(Effect.suspend(() => run(mine))),
        Effect.sync(() => {
          mine.users -= 1
        })
      )
    })

  return {
    lane,
    inTurn,
    /** Runs an effect when it is its turn on several lanes; in the order of their keys, so that nobody waits in a circle. */
    inTurns: <A, E, R>(
      keys: ReadonlyArray<string>,
      run: (lanes: ReadonlyArray<Lane<J>>) => Effect.Effect<A, E, R>
    ): Effect.Effect<A, E, R> => {
      const from = (i: number, held: ReadonlyArray<Lane<J>>): Effect.Effect<A, E, R> => {
        const key = keys[i]
        return key === undefined ? run(held) : inTurn(key, (lane) => from(i + 1, [...held, lane]))
      }
      return from(0, [])
    },
    /** A document was read: what is known of it may be older. */
    saw: (key: string, found: Known): void => {
      const there = lanes.get(key)
      if (there !== undefined && found.revision > (there.known?.revision ?? 0)) learn(there, found)
    },
    /** What is known of a document, where that is worth a try without asking. */
    known: (key: string): Known | undefined => {
      const found = lanes.get(key)
      return found?.known !== undefined && performance.now() - found.knownAt < knownFor ? found.known : undefined
    }
  }
}

export type Lanes<J extends Job> = ReturnType<typeof make<J>>

/** Remembers what was found or written. */
export const learn = <J extends Job>(lane: Lane<J>, known: Known): void => {
  lane.known = known
  lane.knownAt = performance.now()
}
