// What the tests share: a scratch folder, owners in processes of their own, and waiting by the machine's clock.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { barrier } from "../../src/internal/account.ts"

/** A new folder that goes with the scope; all may enter it and write to it, as to the system's own. */
export const scratch = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ep-test-")))
    fs.chmodSync(folder, 0o1777)
    return folder
  }),
  (folder) => Effect.promise(() => fs.promises.rm(folder, { recursive: true, force: true }))
)

/** Has temporary files made in this folder until the scope closes, by this process. */
export const temporaryFilesIn = (folder: string) => {
  const before = process.env["TMPDIR"]
  return Effect.acquireRelease(
    Effect.sync(() => (process.env["TMPDIR"] = folder)),
    () =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["TMPDIR"]
        else process.env["TMPDIR"] = before
      })
  )
}

/** Waits until it holds, at most ten seconds. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    const began = performance.now()
    while (!holds()) {
      if (performance.now() - began > 10_000) throw new Error(`Not within 10 s: ${what}`)
      await new Promise((resume) => setTimeout(resume, 20))
    }
  })

/** The command lines of all processes that hold this word. */
export const processesWith = (word: string): ReadonlyArray<string> =>
  execFileSync("ps", ["-A", "-ww", "-o", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(word))

/** What an owner in a process of its own says of its server. */
export interface Owned {
  readonly child: ChildProcess
  readonly pid: number
  readonly host: string
  readonly dataDir: string
}

const ownerFile = path.join(import.meta.dirname, "owner.ts")

/** A process that starts a server and holds it; killed with the scope. `uid` runs it as that user. */
export const owner = (options: object, uid?: number) =>
  Effect.acquireRelease(
    Effect.callback<Owned, string>((resume) => {
      const as = uid === undefined ? {} : { uid, gid: uid }
      const child = spawn(process.execPath, [ownerFile, JSON.stringify(options)], {
        stdio: ["ignore", "pipe", "pipe"],
        ...as
      })
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

/** A process that is about to start a server; killed with the scope. */
export const starting = (options: object) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [ownerFile, JSON.stringify(options)], { stdio: "ignore" })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Why a user without rights cannot run this checkout's code, if it cannot. */
export const closedCheckout = (uid: number): string | undefined => {
  const closed = [ownerFile, process.execPath].map((file) => barrier(path.dirname(file), { uid, gid: uid }))
  const first = closed.find((folder) => folder !== undefined)
  return first === undefined ? undefined : `user ${uid} cannot enter ${first}`
}
