// forked: a process of a soak seen from both sides: its parent starts, tells, stops and kills it; it takes its task and reports.
import { fork } from "node:child_process"
import * as os from "node:os"
import * as path from "node:path"

/** What every process reports: that it begins, that it stood still for a time, or that it cannot go on. */
export type Common =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Stalled"; readonly from: number; readonly to: number }
  | { readonly _tag: "Failed"; readonly problem: string }

/** A process, as its parent sees it. */
export interface Forked<in Order> {
  readonly tell: (order: Order) => void
  /** Resolves when it begins, or has ended. */
  readonly ready: Promise<void>
  /** Since when it is at work, by `Date.now()`; undefined before. */
  readonly readyAt: () => number | undefined
  readonly kill: () => Promise<void>
  /** Stops it in its tracks, or lets it go on. */
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => void
  readonly isAlive: () => boolean
}

/** What a process lets its parent know. */
export interface On<Report> {
  readonly report: (report: Report) => void
  /** It ended, and nobody had asked for that. */
  readonly accident: (problem: string) => void
}

/** Starts a process from a file, with a task. */
export const start = <Task extends { readonly name: string }, Order, Report extends { readonly _tag: string }>(
  file: URL,
  task: Task,
  on: On<Report | Common>
): Forked<Order> => {
  const child = fork(file, [JSON.stringify(task)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // A process that comes in the place of another one shall be there soon.
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(os.tmpdir(), "evolvent-soak-compiled") }
  })
  const isAlive = () => child.exitCode === null && child.signalCode === null
  let asked = false
  let said = ""
  let readyAt: number | undefined
  child.stderr?.on("data", (text: Buffer) => (said = `${said}${text.toString("utf8")}`.slice(-2000)))
  child.on("error", () => undefined)
  const ended = new Promise<void>((done) => {
    child.once("exit", () => {
      if (!asked) on.accident(`process ${task.name} ended by itself: ${said.trim()}`)
      done()
    })
  })
  const ready = new Promise<void>((done) => {
    child.on("message", (report: Report | Common) => {
      if (report._tag === "Ready") {
        readyAt = Date.now()
        done()
      }
      on.report(report)
    })
    child.once("exit", () => done())
  })
  return {
    ready,
    readyAt: () => readyAt,
    isAlive,
    tell: (order) => {
      if (child.connected) child.send(order as object, () => undefined)
    },
    signal: (signal) => {
      if (isAlive()) child.kill(signal)
    },
    kill: () => {
      asked = true
      if (isAlive()) child.kill("SIGKILL")
      return ended
    }
  }
}

/** The task of this process. */
export const task = <Task>(): Task => JSON.parse(process.argv[2] ?? "{}") as Task

/** Tells the parent; it may be gone. */
export const tell = <Report extends { readonly _tag: string }>(report: Report | Common): void => {
  if (process.connected) process.send?.(report, () => undefined)
}

/** Hears the parent; without it nobody would ever end this process. */
export const hear = <Order>(listen: (order: Order) => void): void => {
  process.on("message", (order: Order) => listen(order))
  process.on("disconnect", () => process.exit(0))
}

const look = 100
const stall = 400

/** Tells when this process stood still: stopped, or without its share of the machine. */
export const feelStalls = (): void => {
  let last = Date.now()
  setInterval(() => {
    const now = Date.now()
    if (now - last > look + stall) tell({ _tag: "Stalled", from: last, to: now })
    last = now
  }, look).unref()
}
