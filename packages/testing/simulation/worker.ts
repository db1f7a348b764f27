// worker: simulates, in a thread of its own, every so manyth seed, and tells what came of each.
import { parentPort, workerData } from "node:worker_threads"
import { breaks } from "./breaks.ts"
import { simulate } from "./simulate.ts"

const { before, breaking, first, step } = workerData as {
  readonly first: number
  readonly before: number
  readonly step: number
  readonly breaking: string | undefined
}
const by = breaking === undefined ? undefined : breaks[breaking]?.by

for (let seed = first; seed < before; seed += step) {
  const verdict = await simulate(seed, { breaking: by })
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window's
  parentPort?.postMessage(verdict)
}
