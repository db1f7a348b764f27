// What a worker is given to do, one thing after the other.
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Position from "../Position.ts"
import type { Step } from "../Processor.ts"

/**
 * What a worker is given to do: some steps, behind which nothing of its slots is left up to a position; a parked key to try
 * again; what is due now; or to write down how far it has come.
 */
export type Job =
  | { readonly _tag: "Page"; readonly steps: ReadonlyArray<Step>; readonly through: Position.Position }
  | { readonly _tag: "Again"; readonly key: string }
  | { readonly _tag: "Due" }
  | { readonly _tag: "CatchUp" }

/** What waits for a worker. */
export interface Jobs {
  readonly queue: Queue.Queue<Job>
  readonly takeAll: Effect.Effect<Arr.NonEmptyArray<Job>>
  /** Waits until the worker took something since this last returned. */
  readonly room: Effect.Effect<void>
}

/** As many pages wait for a worker: enough to keep a store and its reader busy, and little enough to hold in memory. */
export const pagesAhead = 4

/** Nothing to do yet. */
export const make = Effect.fnUntraced(function* (ahead: number): Effect.fn.Return<Jobs> {
  const queue = yield* Queue.bounded<Job>(ahead)
  const taken = yield* Queue.sliding<void>(1)
  return {
    queue,
    takeAll: Effect.tap(Queue.takeAll(queue), () => Queue.offer(taken, undefined)),
    room: Queue.take(taken)
  }
})

/** Pages that follow each other as one: who lags behind takes larger steps. */
export const together = (jobs: ReadonlyArray<Job>): ReadonlyArray<Job> => {
  const joined: Array<Job> = []
  for (const job of jobs) {
    const last = joined.at(-1)
    if (job._tag === "Page" && last?._tag === "Page") {
      const steps = last.steps.length === 0 ? job.steps : [...last.steps, ...job.steps]
      joined[joined.length - 1] = { _tag: "Page", steps, through: job.through }
    } else joined.push(job)
  }
  return joined
}
