// turns: those who append to one stream in this process do so one after another; nobody is made to lose a race at home.
import * as Effect from "effect/Effect"

/** Runs effects one at a time for each key, in the order in which they came. */
export const make = () => {
  const waiting = new Map<string, Array<() => void>>()

  const enter = (key: string): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const line = waiting.get(key)
      if (line === undefined) {
        waiting.set(key, [])
        return resume(Effect.void)
      }
      const turn = () => resume(Effect.void)
      line.push(turn)
      return Effect.sync(() => {
        const at = line.indexOf(turn)
        // Its turn had come already.
        if (at < 0) leave(key)
        else line.splice(at, 1)
      })
    })

  const leave = (key: string): void => {
    const next = waiting.get(key)?.shift()
    if (next === undefined) waiting.delete(key)
    else next()
  }

  return <A, E, R>(key: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(enter(key)), () =>
        Effect.ensuring(
          restore(effect),
          Effect.sync(() => leave(key))
        )
      )
    )
}
