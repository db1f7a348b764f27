// faults: what can go wrong in a simulation, how often in this one, and how often it did.
import type { Random } from "../src/internal/random.ts"

/** Every kind of fault. */
export const kinds = [
  "fail before",
  "answer lost",
  "late write",
  "delay before",
  "delay after",
  "crash before",
  "crash after",
  "crash in handler",
  "failure in handler",
  "pause",
  "shutdown",
  "missed wake-up",
  "duplicate delivery",
  "reordered delivery"
] as const

/** A kind of fault. */
export type Kind = (typeof kinds)[number]

/** How often each kind fired. */
export type Fired = Record<Kind, number>

/** Nothing has gone wrong yet. */
export const none = (): Fired => Object.fromEntries(kinds.map((kind) => [kind, 0])) as Fired

/** The faults of one world. */
export interface Faults {
  readonly fired: Fired
  /** Whether a fault fires now, of those that are possible here; at most one does. */
  readonly roll: (possible: ReadonlyArray<Kind>) => Kind | undefined
  /** Counts one that was decided on elsewhere. */
  readonly count: (kind: Kind) => void
  /** From now on nothing goes wrong any more. */
  readonly stop: () => void
  readonly isOver: () => boolean
  /** How long a delay takes, in milliseconds: short for the most part, now and then longer than a lease. */
  readonly delay: () => number
}

// Calm worlds find what storms hide: in a storm hardly anything runs long enough to go wrong in a special way.
const weathers = {
  "fail before": [0, 0.003, 0.01, 0.04],
  "answer lost": [0, 0.003, 0.01, 0.04],
  "late write": [0, 0.005, 0.02],
  "delay before": [0, 0.02, 0.1],
  "delay after": [0, 0.02, 0.1],
  "crash before": [0, 0.0005, 0.003, 0.008],
  "crash after": [0, 0.0005, 0.003, 0.008],
  "crash in handler": [0, 0.01, 0.05],
  "failure in handler": [0, 0.05, 0.2],
  "missed wake-up": [0, 0.02, 0.2],
  "duplicate delivery": [0.05, 0.3],
  "reordered delivery": [0.05, 0.3]
} satisfies Partial<Record<Kind, ReadonlyArray<number>>>

/** The faults of a seed. */
export const make = (random: Random): Faults => {
  const rates = Object.fromEntries(Object.entries(weathers).map(([kind, some]) => [kind, random.pick(some)])) as {
    readonly [K in Kind]?: number
  }
  const fired = none()
  let over = false
  return {
    fired,
    roll: (possible) => {
      if (over) return undefined
      let left = random.below(1_000_000) / 1_000_000
      for (const kind of possible) {
        left -= rates[kind] ?? 0
        if (left >= 0) continue
        fired[kind] += 1
        return kind
      }
      return undefined
    },
    count: (kind) => {
      fired[kind] += 1
    },
    stop: () => {
      over = true
    },
    isOver: () => over,
    delay: () => {
      const size = random.below(100)
      return 1 + random.below(size < 75 ? 30 : size < 97 ? 1000 : 8000)
    }
  }
}
