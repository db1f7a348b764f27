// A transaction in memory: writes that wait in a list until the checkpoint that they belong to moves.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** The writes of the running transaction, or undefined outside of one. */
export const Current = Context.Reference<Array<() => void> | undefined>("evolvent/internal/memory/transaction", {
  defaultValue: () => undefined
})

/** Writes at once, or when the running transaction commits. */
export const write = (apply: () => void): Effect.Effect<void> =>
  Effect.flatMap(Current, (writes) =>
    Effect.sync(() => {
      if (writes === undefined) apply()
      else writes.push(apply)
    })
  )
