// worker: simulates, in a thread of its own, the seeds that it is asked for, one after the other.
import { parentPort, workerData } from "node:worker_threads"
import { breaks } from "./breaks.ts"
import { simulate } from "./simulate.ts"

const { breaking } = workerData as { readonly breaking: string | undefined }
const by = breaking === undefined ? undefined : breaks[breaking]?.by

parentPort?.on("message", (seed: number) => {
  void simulate(seed, { breaking: by }).then((verdict) => parentPort?.postMessage(verdict))
})
