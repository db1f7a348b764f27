// Measures a closed loop in a peer: how many operations, how long each took, what they cost of the processor.
import type { Answer } from "./protocol.ts"

/** Runs from its making on. */
export interface Stopwatch {
  /** Whether the time that was given has not passed yet. */
  readonly isRunning: () => boolean
  /** Counts one operation that began at a time of `performance.now()`. */
  readonly done: (began: number) => void
  /** What was measured, up to now; `count` where operations were not counted one by one. */
  readonly answer: (proof: number, count?: number) => Answer
}

/** Starts measuring. */
export const start = (seconds = Number.POSITIVE_INFINITY): Stopwatch => {
  const latencies: Array<number> = []
  const cpu = process.cpuUsage()
  const began = performance.now()
  const end = began + seconds * 1000
  return {
    isRunning: () => performance.now() < end,
    done: (began) => void latencies.push(performance.now() - began),
    answer: (proof, count = latencies.length) => {
      const took = performance.now() - began
      const { system, user } = process.cpuUsage(cpu)
      const sorted = Float64Array.from(latencies).sort()
      const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
      return {
        count,
        seconds: took / 1000,
        p50: quantile(0.5),
        p99: quantile(0.99),
        cpuMicros: user + system,
        proof
      }
    }
  }
}

/** Runs callers in a closed loop, each its next operation when the last one is done. */
export const drive = async (seconds: number, callers: ReadonlyArray<() => Promise<unknown>>): Promise<Answer> => {
  const watch = start(seconds)
  await Promise.all(
    callers.map(async (operation) => {
      while (watch.isRunning()) {
        const began = performance.now()
        await operation()
        watch.done(began)
      }
    })
  )
  return watch.answer(0)
}
