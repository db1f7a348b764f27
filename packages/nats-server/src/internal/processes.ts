// What can be known of a process by its number: whether it lives, since when, and whether it is stopped.
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"

/** What stands for a birth that this user may not see: such a process lives, and more is not known. */
const unknown = "unknown"

/** Signals a process that may just have ended. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

const ps = (pid: number, column: string): string => {
  try {
    return execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    }).trim()
  } catch {
    return ""
  }
}

const statOf = (place: string): string | undefined => {
  try {
    return fs.readFileSync(`/proc/${place}/stat`, "utf8")
  } catch {
    return undefined
  }
}

/** The fields from the third on, the state: the second, the name in brackets, may hold anything. */
const fieldsOf = (stat: string | undefined): ReadonlyArray<string> | undefined =>
  stat?.slice(stat.lastIndexOf(")") + 2).split(" ")

/** Whether a process is stopped, with all its threads: the signal reaches one after the other. */
export const isStopped = (pid: number): boolean => {
  if (process.platform !== "linux") return ps(pid, "stat").startsWith("T")
  const tasks = `/proc/${pid}/task`
  if (!fs.existsSync(tasks)) return false
  return fs.readdirSync(tasks).every((task) => fieldsOf(statOf(`${pid}/task/${task}`))?.[0]?.toUpperCase() === "T")
}

/**
 * When a living process began, in words that only compare for equality; undefined when it is dead.
 *
 * Numbers are given out again: only number and birth together name a process. One that has ended and was not yet
 * fetched by its parent is dead.
 */
export const birthOf = (pid: number): string | undefined => {
  if (!exists(pid)) return undefined
  // The twenty-second field is the start.
  const fields = fieldsOf(statOf(String(pid)))
  const state = fields?.[0] ?? ps(pid, "stat")
  if (state.startsWith("Z") || state.startsWith("X")) return undefined
  return fields?.[19] ?? (ps(pid, "lstart") || unknown)
}

/** Whether the process of this number is still the one that was born then. */
export const isSame = (pid: number, birth: string): boolean => {
  const now = birthOf(pid)
  return now !== undefined && (now === birth || now === unknown || birth === unknown)
}
