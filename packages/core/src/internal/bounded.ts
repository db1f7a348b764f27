// bounded: a map that keeps so many entries, each for so long since it was put; what was used longest ago goes first.

/** The bounds of a cache: how many entries, and for how many milliseconds. */
export interface Bounds {
  readonly capacity: number
  readonly timeToLive: number
}

/** Entries by key; `now` is the time in milliseconds. */
export interface Bounded<Key, Value> {
  readonly get: (key: Key, now: number) => Value | undefined
  readonly put: (key: Key, value: Value, now: number) => void
  readonly remove: (key: Key) => void
  readonly clear: () => void
  readonly size: () => number
}

interface Entry<Value> {
  readonly value: Value
  readonly until: number
}

/** A new, empty one. */
export const make = <Key, Value>({ capacity, timeToLive }: Bounds): Bounded<Key, Value> => {
  // In the order of their last use. Whoever stands in front of one was put before that: a time to live later none of them
  // is any good.
  const entries = new Map<Key, Entry<Value>>()

  const makeRoom = (now: number): void => {
    for (const [key, { until }] of entries) {
      if (entries.size <= capacity && until > now) return
      entries.delete(key)
    }
  }

  return {
    get: (key, now) => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      if (entry.until <= now) return undefined
      entries.set(key, entry)
      return entry.value
    },
    put: (key, value, now) => {
      entries.delete(key)
      entries.set(key, { value, until: now + timeToLive })
      makeRoom(now)
    },
    remove: (key) => void entries.delete(key),
    clear: () => entries.clear(),
    size: () => entries.size
  }
}
