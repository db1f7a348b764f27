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
  let next = from
  const work = (): Promise<void> =>
    new Promise((done, failed) => {
      const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: { breaking } })
      const give = (): void => {
        const isOver = next >= from + seeds || report.broken.length >= (breaking === undefined ? enough : 1)
        if (isOver) void worker.terminate().then(() => done())
        else worker.postMessage(next++)
      }
      worker.on("message", (verdict: Verdict) => {
        add(report, verdict)
        show(report.worlds, report.broken.length)
        give()
      })
      worker.on("error", failed)
      give()
    })
  await Promise.all(Array.from({ length: Math.min(8, seeds, availableParallelism()) }, work))
  report.broken.sort((a, b) => a.seed - b.seed)
  report.seconds = (performance.now() - begin) / 1000
  return report
}
