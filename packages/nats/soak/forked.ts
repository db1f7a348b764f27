// forked: a process of the soak seen from both sides: its parent starts, tells, stops and kills it; it takes its task and reports.
import { fork } from "node:child_process"
import * as os from "node:os"
import * as path from "node:path"

/** What a process is to do. */
export interface Task {
  readonly role: "writer" | "reader"
  /** Names its journals and its chances; a process that comes in the place of another has a name of its own. */
  readonly name: string
  /** Which of its kind it is: one that comes in the place of another has the same. */
  readonly place: number
  readonly seed: string
  readonly servers: ReadonlyArray<string>
  readonly prefix: string
  readonly replicas: number
  readonly folder: string
  /** The longest pause of a writer between two operations, in milliseconds. */
  readonly pace: number
}

/** What a process reports: that it begins, and how far its readers and groups have come. */
export type Report =
  | { readonly _tag: "Ready" }
  | {
      readonly _tag: "Passed"
      readonly readers: Readonly<Record<string, number>>
      /** The greatest number that was handled, by group and key, where it changed. */
      readonly groups: Readonly<Record<string, number>>
    }

/** A process, as its parent sees it. */
export interface Forked {
  readonly task: Task
  /** Asks it to finish what it is at, and end. */
  readonly stop: () => void
  /** Resolves when it begins, or has ended. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  readonly kill: () => Promise<void>
  /** Stops it in its tracks, or lets it go on. */
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => void
}

/** What a process lets its parent know. */
export interface On {
  readonly report: (report: Report) => void
  /** It ended, and nobody had asked for that. */
  readonly accident: (problem: string) => void
}

const file = new URL("worker.ts", import.meta.url)

/** Starts a process. */
export const start = (task: Task, on: On): Forked => {
  const child = fork(file, [JSON.stringify(task)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // A process that comes in the place of another one shall be there soon.
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(os.tmpdir(), "evolvent-soak-compiled") }
  })
  const isAlive = () => child.exitCode === null && child.signalCode === null
  let asked = false
  let said = ""
  child.stderr?.on("data", (text: Buffer) => (said = `${said}${text.toString("utf8")}`.slice(-2000)))
  child.on("error", () => undefined)
  const ready = new Promise<void>((done) => {
    child.on("message", (report: Report) => {
      if (report._tag === "Ready") done()
      on.report(report)
    })
    child.once("exit", () => done())
  })
  const ended = new Promise<void>((done) => {
    child.once("exit", () => {
      if (!asked) on.accident(`process ${task.name} ended by itself: ${said.trim()}`)
      done()
    })
  })
  return {
    task,
    ready,
    ended,
    stop: () => {
      asked = true
      if (child.connected) child.send("stop", () => undefined)
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
export const task = (): Task => JSON.parse(process.argv[2] ?? "{}") as Task

/** Tells the parent; it may be gone. */
export const tell = (report: Report): void => {
  if (process.connected) process.send?.(report, () => undefined)
}

/** Whether the parent has asked this process to end; without it nobody would ever end it. */
export const hearStop = (): (() => boolean) => {
  let isStopped = false
  process.on("message", () => {
    isStopped = true
  })
  process.on("disconnect", () => process.exit(0))
  return () => isStopped
}
