// In which order one row was read by several who follow it: of two answers the later read counts, whichever is told first.
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** The reads of those who follow one row. */
export interface Reads {
  /** One after the other; with its answer comes a function that says what is told because of it. */
  readonly inTurn: <A, E, R>(read: Effect.Effect<A, E, R>) => Effect.Effect<Answer<A>, E, R>
  /** Whether nothing was told yet that was read later; said of each in the order in which they are told. */
  readonly isNews: (told: object) => boolean
}

/** What was read, and what marks something as read then. */
export interface Answer<out A> {
  readonly found: A
  readonly mark: (told: object) => void
}

/** Of those who follow it alone. */
export const alone: Reads = {
  inTurn: Effect.map((found) => ({ found, mark: () => {} })),
  isNews: () => true
}

/** Of several, none of whom waits for what the others have to tell. */
export const shared: Effect.Effect<Reads> = Effect.map(Semaphore.make(1), (turn) => {
  const readAs = new WeakMap<object, number>()
  let reads = 0
  let told = 0
  return {
    inTurn: (read) =>
      turn.withPermits(1)(
        Effect.map(read, (found) => {
          reads += 1
          const nth = reads
          return { found, mark: (change: object) => void readAs.set(change, nth) }
        })
      ),
    isNews: (change) => {
      const nth = readAs.get(change) ?? told
      if (nth < told) return false
      told = nth
      return true
    }
  }
})
