// processes: the relays and shipping as their parent sees them: started, killed, replaced in their place.
import { fork } from "node:child_process"
import * as os from "node:os"
import * as path from "node:path"
import type { Report, Task } from "./worker.ts"

const file = new URL("worker.ts", import.meta.url)

/** A process. */
export interface Worker {
  readonly task: Task
  /** Resolves when it begins, or has ended. */
  readonly ready: Promise<void>
  readonly kill: () => Promise<void>
}

/** Starts a process. */
export const start = (
  task: Task,
  report: (report: Report) => void,
  /** It ended, and nobody had asked for that. */
  accident: (problem: string) => void
): Worker => {
  const child = fork(file, [JSON.stringify(task)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // A process that comes in the place of another one shall be there soon.
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(os.tmpdir(), "evolvent-soak-compiled") }
  })
  let asked = false
  let said = ""
  child.stderr?.on("data", (text: Buffer) => (said = `${said}${text.toString("utf8")}`.slice(-2000)))
  child.on("error", () => undefined)
  const ended = new Promise<void>((done) => {
    child.once("exit", () => {
      if (!asked) accident(`process ${task.name} ended by itself: ${said.trim()}`)
      done()
    })
  })
  const ready = new Promise<void>((done) => {
    child.on("message", (one: Report) => {
      if (one._tag === "Ready") done()
      report(one)
    })
    child.once("exit", () => done())
  })
  return {
    task,
    ready,
    kill: () => {
      asked = true
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
      return ended
    }
  }
}
