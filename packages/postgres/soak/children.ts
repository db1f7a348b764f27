// children: the processes of the soak as their parent sees them: started, asked to be quiet, killed, ended.
import { fork, type ChildProcess } from "node:child_process"
import type { Task } from "./child.ts"
import type { Order, Report } from "./gate.ts"

const file = new URL("child.ts", import.meta.url)

/** A process of the soak. */
export interface Child {
  readonly task: Task
  readonly tell: (order: Order) => void
  /** Resolves when it is connected and begins. */
  readonly ready: Promise<void>
  /** Resolves when its writers have finished what they were at, or it has ended, or after so many milliseconds. */
  readonly quiet: (order: Order, millis: number) => Promise<boolean>
  readonly kill: () => Promise<void>
  readonly ended: Promise<void>
  readonly isAlive: () => boolean
}

/** What a process lets its parent know. */
export interface On {
  readonly report: (report: Report) => void
  /** It ended, and nobody had asked for that. */
  readonly accident: (problem: string) => void
}

/** Starts a process. */
export const start = (task: Task, on: On): Child => {
  const child: ChildProcess = fork(file, [JSON.stringify(task)], { stdio: ["ignore", "ignore", "pipe", "ipc"] })
  const isAlive = () => child.exitCode === null && child.signalCode === null
  let asked = false
  let said = ""
  const waits = new Set<(quiet: boolean) => void>()
  const settle = (quiet: boolean) => {
    for (const wait of waits) wait(quiet)
    waits.clear()
  }
  child.stderr?.on("data", (text: Buffer) => (said = `${said}${text.toString("utf8")}`.slice(-2000)))
  child.on("error", () => undefined)
  child.on("message", (report: Report) => (report._tag === "Quiet" ? settle(true) : on.report(report)))
  const ready = new Promise<void>((done) => {
    child.on("message", (report: Report) => report._tag === "Ready" && done())
    child.once("exit", () => done())
  })
  const ended = new Promise<void>((done) => {
    child.once("exit", () => {
      settle(true)
      if (!asked) on.accident(`${task.role} ${task.name} ended by itself: ${said.trim()}`)
      done()
    })
  })
  const tell = (order: Order) => {
    if (order === "stop") asked = true
    if (child.connected) child.send(order, () => undefined)
  }
  return {
    task,
    tell,
    ready,
    ended,
    isAlive,
    quiet: (order, millis) =>
      new Promise((done) => {
        if (!isAlive()) return done(true)
        const timer = setTimeout(() => done(false), millis)
        waits.add((quiet) => {
          clearTimeout(timer)
          done(quiet)
        })
        tell(order)
      }),
    kill: () => {
      asked = true
      if (isAlive()) child.kill("SIGKILL")
      return ended
    }
  }
}
