// Random choices that a seed repeats, for laws; a test that cannot be run again is worth little.

/** A source of random choices. */
export interface Random {
  /** A whole number from 0 up to, but not including, a limit. */
  readonly below: (limit: number) => number
  /** True this often, of 1. */
  readonly chance: (probability: number) => boolean
  /** One of some items; undefined of none. */
  readonly pick: <A>(items: ReadonlyArray<A>) => A | undefined
}

/** The choices of a seed. */
export const make = (seed: string | number): Random => {
  let state = hash(`${typeof seed}:${seed}`)
  // mulberry32, by Tommy Ettinger, in the public domain.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)]
  }
}

const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value
}
