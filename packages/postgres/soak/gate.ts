// gate: stops and goes on with the writers of a process when the soak says so, between two operations.
import * as Effect from "effect/Effect"

/** What the soak tells a process. */
export type Order = "pause" | "resume" | "stop"

/** What a process tells the soak. */
export type Report =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Quiet" }
  | { readonly _tag: "Passed"; readonly passed: Readonly<Record<string, number>> }

/** Lets operations through, one after the other, until the soak stops them. */
export interface Gate {
  /** Runs an operation when the gate is open; false when there shall be no more. */
  readonly through: <E, R>(operation: Effect.Effect<unknown, E, R>) => Effect.Effect<boolean, E, R>
  readonly isStopped: () => boolean
}

/** Tells the soak; it may be gone. */
export const tell = (report: Report): void => {
  if (process.connected) process.send?.(report, () => undefined)
}

/** The gate of this process, moved by the messages of its parent. */
export const make = (): Gate => {
  let order: Order = "resume"
  let under = 0
  let isAsked = false
  const isPaused = () => order === "pause"
  const answer = () => {
    if (!isAsked || under > 0) return
    isAsked = false
    tell({ _tag: "Quiet" })
  }
  process.on("message", (message: Order) => {
    order = message
    isAsked = message !== "resume"
    answer()
  })
  // Without its parent nobody would ever end it.
  process.on("disconnect", () => process.exit(0))
  return {
    isStopped: () => order === "stop",
    through: (operation) =>
      Effect.gen(function* () {
        while (isPaused()) yield* Effect.sleep(5)
        if (order === "stop") return false
        under += 1
        yield* Effect.ensuring(
          operation,
          Effect.sync(() => {
            under -= 1
            answer()
          })
        )
        return true
      })
  }
}
