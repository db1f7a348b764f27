// chaos: kills processes and puts others in their place, stops some past their leases and lets them go on.
import * as Effect from "effect/Effect"
import type { Forked } from "../forked.ts"
import type { Random } from "../random.ts"
import type { Order, Task } from "./worker.ts"

/** A time at which a process did not run as it should: killed at its end, stopped for all of it, or without the machine. */
export interface Cut {
  readonly process: string
  readonly kind: "kill" | "stop" | "stall"
  readonly from: number
  readonly to: number
}

/** A process in its place. */
export interface Worker {
  readonly task: Task
  readonly forked: Forked<Order>
  /** Since when it is stopped. */
  stoppedAt: number | undefined
}

/** What chaos did. */
export interface Done {
  kills: number
  stops: number
  partitionChanges: number
}

/** What there is to disturb. */
export interface Prey {
  readonly workers: Array<Worker>
  readonly start: (partitions: number) => Worker
  readonly cut: (cut: Cut) => void
  readonly done: Done
  /** The length of leases in milliseconds. */
  readonly lease: number
}

// So many must have been at work for so many milliseconds before one is disturbed.
const enough = 2
const warm = 500

const numbers = [1, 2, 3, 5, 7, 16] as const

/** Lets a stopped process go on. */
export const wake = ({ cut }: Pick<Prey, "cut">, worker: Worker): void => {
  if (worker.stoppedAt === undefined) return
  worker.forked.signal("SIGCONT")
  cut({ process: worker.task.name, kind: "stop", from: worker.stoppedAt, to: Date.now() })
  worker.stoppedAt = undefined
}

/** Goes on until `isOver`; then all that is stopped goes on. */
export const run = (prey: Prey, random: Random, isOver: () => boolean): Effect.Effect<void> => {
  const { done, lease, start, workers } = prey
  let partitions = 4

  const isAtWork = ({ forked, stoppedAt }: Worker) =>
    stoppedAt === undefined && Date.now() - (forked.readyAt() ?? Infinity) > warm
  /**
   * A place whose process is at work, or stopped at it; undefined while too few are. Where the machine is slow to start
   * them, all would be killed before they did anything.
   */
  const anyAtWork = () => {
    const [first, ...rest] = workers.flatMap((worker, at) => (worker.forked.readyAt() === undefined ? [] : [at]))
    return first === undefined || workers.filter(isAtWork).length < enough ? undefined : random.pick([first, ...rest])
  }

  const kill = Effect.promise(async () => {
    const at = anyAtWork()
    const worker = workers[at ?? -1]
    if (at === undefined || worker === undefined) return
    const { name } = worker.task
    if (worker.stoppedAt !== undefined)
      prey.cut({ process: name, kind: "stop", from: worker.stoppedAt, to: Date.now() })
    worker.stoppedAt = undefined
    const from = Date.now()
    await worker.forked.kill()
    prey.cut({ process: name, kind: "kill", from, to: Date.now() })
    done.kills += 1
    const next = random.chance(0.4) ? random.pick([4, ...numbers]) : partitions
    if (next !== partitions) done.partitionChanges += 1
    partitions = next
    workers[at] = start(next)
  })

  const stop = Effect.gen(function* () {
    const worker = workers[anyAtWork() ?? -1]
    if (worker === undefined || worker.stoppedAt !== undefined) return
    worker.stoppedAt = Date.now()
    worker.forked.signal("SIGSTOP")
    done.stops += 1
    // Past its lease, and now and then for long.
    yield* Effect.sleep(
      lease + (random.chance(0.25) ? random.between(2 * lease, 3 * lease) : random.between(200, lease))
    )
    wake(prey, worker)
  })

  const sleep = Effect.fnUntraced(function* (low: number, high: number) {
    for (let left = random.between(low, high); left > 0 && !isOver(); left -= 100) {
      yield* Effect.sleep(Math.min(left, 100))
    }
  })
  const every = (low: number, high: number, effect: Effect.Effect<void>) =>
    Effect.gen(function* () {
      yield* sleep(low, high)
      while (!isOver()) {
        yield* effect
        yield* sleep(low, high)
      }
    })
  return Effect.all([every(600, 1800, kill), every(1000, 3000, stop)], { concurrency: "unbounded", discard: true })
}
