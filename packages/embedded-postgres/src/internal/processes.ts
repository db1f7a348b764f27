// What can be known of a process by its number: whether it lives, since when, and what it runs.
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"

/** What stands for a birth that this user may not see: such a process lives, and more is not known. */
const unknown = "unknown"

/** Signals a process, or a group by its negative number, that may just have ended. */
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

const read = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/**
 * When a living process began, in words that only compare for equality; undefined when it is dead.
 *
 * Numbers are given out again: only number and birth together name a process. One that has ended and was not yet
 * fetched by its parent is dead.
 */
export const birthOf = (pid: number): string | undefined => {
  if (!exists(pid)) return undefined
  if (process.platform === "win32") return unknown
  const stat = read(`/proc/${pid}/stat`)
  // The second field, the name in brackets, may hold anything; the third is the state, the twenty-second the start.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
  const state = fields?.[0] ?? ps(pid, "stat")
  if (state.startsWith("Z") || state.startsWith("X")) return undefined
  return fields?.[19] ?? (ps(pid, "lstart") || unknown)
}

/** Whether the process of this number is still the one that was born then. */
export const isSame = (pid: number, birth: string): boolean => {
  const now = birthOf(pid)
  return now !== undefined && (now === birth || now === unknown || birth === unknown)
}

/** The words that a process was started with, "" when they cannot be seen. */
export const commandOf = (pid: number): string =>
  read(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") ?? (process.platform === "win32" ? "" : ps(pid, "command"))

/** Whether a process works in this folder, as a server and all its parts do; undefined when that cannot be seen. */
export const worksIn = (pid: number | string, folder: string): boolean | undefined => {
  if (process.platform !== "linux") return undefined
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`) === folder
  } catch {
    return false
  }
}

/** The processes that work in this folder, where that can be seen. */
export const workersIn = (folder: string): ReadonlyArray<number> =>
  process.platform === "linux"
    ? fs
        .readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && worksIn(name, folder) === true)
        .map(Number)
    : []
