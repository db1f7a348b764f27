// The recent states of entities: what a command found or left is where the next one begins.
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Aggregate } from "../Aggregate.ts"
import type { EventStore, History } from "../EventStore.ts"
import type { StreamName } from "../StreamName.ts"
import * as bounded from "./bounded.ts"
import { frozenAnew } from "./frozen.ts"
import { cacheHits, cacheMisses } from "./metrics.ts"
import type { Start } from "./snapshot.ts"

/** The bounds of a cache. */
export interface CacheOptions {
  /** How many entries it keeps at most; 10 000 unless given. Those that were used longest ago go first. */
  readonly capacity?: number
  /** How long it keeps one since it was loaded or written; 5 minutes unless given. */
  readonly timeToLive?: Duration.Input
}

type States = bounded.Bounded<string, Start<unknown>>

/** The recent states of this process; none unless a layer keeps them. */
const Current: Context.Reference<States | undefined> = Context.Reference<States | undefined>(
  "evolvent/Aggregate/states",
  {
    defaultValue: () => undefined
  }
)

/** The bounds as numbers. Throws a RangeError for those that are none. */
export const boundsOf = ({ capacity = 10_000, timeToLive = "5 minutes" }: CacheOptions): bounded.Bounds => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(timeToLive))
  if (!(Number.isSafeInteger(capacity) && capacity >= 1)) {
    throw new RangeError(`A cache keeps up to ${capacity} entries, but a whole number from 1 is needed.`)
  }
  if (!(Number.isFinite(millis) && millis > 0)) {
    throw new RangeError(`A cache keeps an entry for ${millis} ms, but a finite time above zero is needed.`)
  }
  return { capacity, timeToLive: millis }
}

/**
 * Keeps the states of entities that were used lately, in the memory of this process: a command on one of them is a single
 * round trip, which is its append.
 *
 * A state that is out of date costs a conflict, after which only what is new is loaded, and changes no answer: before a
 * command is refused, or decides nothing, the store is asked for what is new. `load` asks it always. Plain objects and
 * arrays of a kept state are frozen. Commands and loads in a transaction of the caller neither use nor feed the cache.
 *
 * A store that was restored to an older state, or lost its newest events in a failover, is a store that these states are not
 * of: restart the processes that keep some, or wait for `timeToLive` before it is written to.
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 *
 * const Live = Layer.mergeAll(Memory.layer, Aggregate.layerCache({ capacity: 5000, timeToLive: "1 minute" }))
 * ```
 */
export const layerCache = (options: CacheOptions = {}): Layer.Layer<never> => {
  const bounds = boundsOf(options)
  return Layer.effect(
    Current,
    Effect.sync(() => bounded.make<string, Start<unknown>>(bounds))
  )
}

const hits = cacheHits.of("state")
const misses = cacheMisses.of("state")

/** What is kept of one entity. */
export interface Kept<State> {
  readonly state: Start<State> | undefined
  /** Keeps what was found, or what a command left, unless something newer was kept meanwhile. */
  readonly put: (found: Start<State>) => void
  /** Keeps what was loaded, whose last event it reads where its id is unknown: a place alone may be another store's, too. */
  readonly putLoaded: (found: Start<State>) => Effect.Effect<void>
}

/** What is kept of an entity in a store; undefined where nothing may be. */
export const keptOf = <Name extends string, Id, Command, Event, State, Rejection>(
  store: EventStore["Service"],
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName
): Effect.Effect<Kept<State> | undefined> =>
  Effect.withFiber((fiber) => {
    const states = fiber.getRef(Current)
    if (states === undefined) return Effect.undefined
    return Effect.flatMap(store.joinsTransaction, (isJoined) => {
      if (isJoined) return Effect.undefined
      // Two stores of one process, and two definitions of one name, have nothing in common.
      const key = `${numberOf(store)}.${numberOf(aggregate.codecs)}.${numberOf(aggregate.evolve)} ${stream}`
      const now = () => fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      // What stands under this key was put by this aggregate, whose codecs and fold the key names.
      const state = states.get(key, now()) as Start<State> | undefined
      const put = (found: Start<State>): void => {
        const present = states.get(key, now())
        if (present !== undefined && present !== state && isBefore(found, present)) return
        frozenAnew(found.state)
        states.put(key, { ...found, isClaim: true }, now())
      }
      const putLoaded = (found: Start<State>): Effect.Effect<void> => {
        const { lastEvent, position, revision } = found
        if (revision === undefined || lastEvent !== undefined) return Effect.sync(() => put(found))
        const take = ({ first }: History) =>
          Effect.sync(() => {
            if (first.position === position) put({ ...found, lastEvent: first.id })
            return false
          })
        return Effect.ignore(store.history(stream, take, { from: revision, limit: 1 }))
      }
      const kept: Kept<State> = { state, put, putLoaded }
      const found = state === undefined ? misses : hits
      found.updateUnsafe(1, fiber.context)
      return Effect.succeed(kept)
    })
  })

const isBefore = (one: Start<unknown>, other: Start<unknown>): boolean => (one.revision ?? -1) < (other.revision ?? -1)

let numbers = 0
const numbered = new WeakMap<object, number>()

/** A number for an object, which no other has. */
const numberOf = (object: object): number => {
  const known = numbered.get(object)
  if (known !== undefined) return known
  numbers += 1
  numbered.set(object, numbers)
  return numbers
}
