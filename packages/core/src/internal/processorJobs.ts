// What a worker is given to do, one thing after the other.
import type * as Position from "../Position.ts"
import type { Step } from "../Processor.ts"

/** What a worker is given to do: some steps, behind which nothing of its slots is left up to a position; a parked key to try again; or what is due now. */
export type Job =
  | { readonly _tag: "Page"; readonly steps: ReadonlyArray<Step>; readonly through: Position.Position }
  | { readonly _tag: "Again"; readonly key: string }
  | { readonly _tag: "Due" }

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
