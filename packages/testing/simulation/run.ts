// run: many seeds, on as many threads as there are cores.
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import type { Options } from "./options.ts"
import { add, emptyReport } from "./report.ts"
import type { Report } from "./report.ts"
import type { Verdict } from "./simulate.ts"

/** How many worlds in which a law was broken are enough to stop. */
const enough = 5

/** Simulates the seeds of the options; `show` is told how far it has come. */
export const run = async (
  { breaking, from, seeds }: Pick<Options, "breaking" | "from" | "seeds">,
  show: (done: number, broken: number) => void
): Promise<Report> => {
  const begin = performance.now()
  const report = emptyReport(from, breaking)
  const threads = Math.min(8, seeds, availableParallelism())
  const work = (thread: number): Promise<void> =>
    new Promise((done, failed) => {
      const workerData = { first: from + thread, before: from + seeds, step: threads, breaking }
      const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData })
      worker.on("message", (verdict: Verdict) => {
        add(report, verdict)
        show(report.worlds, report.broken.length)
        if (report.broken.length >= (breaking === undefined ? enough : 1)) void worker.terminate()
      })
      worker.on("error", failed)
      worker.on("exit", () => done())
    })
  await Promise.all(Array.from({ length: threads }, (_, thread) => work(thread)))
  report.broken.sort((a, b) => a.seed - b.seed)
  report.seconds = (performance.now() - begin) / 1000
  return report
}
