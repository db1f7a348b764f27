// What the tests share: a scratch folder, an environment of their own, owners in other processes, and waiting.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { birthOf } from "../../src/internal/processes.ts"

/** A new folder that goes with the scope. */
export const scratch = Effect.acquireRelease(
  Effect.sync(() => fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ns-test-")))),
  (folder) => Effect.promise(() => fs.promises.rm(folder, { recursive: true, force: true }))
)

const set = (name: string, value: string | undefined) => {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

/** Sets variables of this process's environment until the scope closes. */
export const environment = (values: Readonly<Record<string, string | undefined>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
      for (const [name, value] of Object.entries(values)) set(name, value)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const [name, value] of before) set(name, value)
      })
  )

/** Waits until it holds, at most ten seconds. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    const began = performance.now()
    while (!holds()) {
      if (performance.now() - began > 10_000) throw new Error(`Not within 10 s: ${what}`)
      await new Promise((resume) => setTimeout(resume, 20))
    }
  })

/** Whether a server's process has ended. */
export const isGone = (pid: number | undefined): boolean => pid !== undefined && birthOf(pid) === undefined

/** The command lines of all processes that hold this word. */
export const processesWith = (word: string): ReadonlyArray<string> =>
  execFileSync("ps", ["-A", "-ww", "-o", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(word))

/** What an owner in a process of its own says of its server. */
export interface Owned {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  readonly directory: string
}

/** A process that starts a server and holds it; killed with the scope. */
export const owner = (options: object) =>
  Effect.acquireRelease(
    Effect.callback<Owned, string>((resume) => {
      const file = path.join(import.meta.dirname, "owner.ts")
      const child = spawn(process.execPath, [file, JSON.stringify(options)], { stdio: ["ignore", "pipe", "pipe"] })
      let out = ""
      let problems = ""
      child.stderr.on("data", (text: Buffer) => (problems += text.toString("utf8")))
      child.stdout.on("data", (text: Buffer) => {
        out += text.toString("utf8")
        if (out.endsWith("\n")) resume(Effect.succeed({ child, ...JSON.parse(out) }))
      })
      child.once("exit", () => resume(Effect.fail(`The owner ended: ${out}${problems}`)))
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )
