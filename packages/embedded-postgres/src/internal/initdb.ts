// Makes a new server's data: whole or not at all, though it be killed half-way.
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import { FolderNotAccessible, ServerFailed } from "../EmbeddedPostgresError.ts"
import { type Account, spawnAs } from "./account.ts"
import type { Binaries } from "./binaries.ts"
import { environment } from "./environment.ts"
import { anotherDataDir, type Folder, handOver, isPartial, reach } from "./folder.ts"
import { signal } from "./processes.ts"
import { watched } from "./watchdog.ts"

/** The server's superuser. */
export const username = "postgres"

/** What new data is made with. */
export interface Options {
  readonly binaries: Binaries
  readonly account: Account | undefined
  /** A folder of the account, for the password on its way. */
  readonly runtime: string
  /** Whether the data is thrown away at the end, so that nothing need reach the disk by now. */
  readonly temporary: boolean
}

/**
 * Text is UTF-8 and sorts by code point, the same on every system and in every version, and as fast as bytes compare;
 * from 17 on the server itself knows upper and lower case beyond ASCII.
 */
const locale = (major: string): ReadonlyArray<string> => [
  "--encoding=UTF8",
  "--locale=C",
  ...(Number(major) >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : [])
]

/** Makes the data and the password. */
export const initialize = Effect.fnUntraced(function* (folder: Folder, options: Options) {
  const { account, binaries, runtime, temporary } = options
  const password = randomBytes(18).toString("base64url")
  const passwordFile = path.join(runtime, "initdb.password")
  yield* Effect.tryPromise({
    try: async () => {
      // What another process left half-made when it was killed.
      for (const name of fs.readdirSync(folder.root).filter(isPartial)) {
        await fs.promises.rm(path.join(folder.root, name), { recursive: true, force: true, maxRetries: 5 })
      }
      fs.mkdirSync(folder.partial, { mode: 0o700 })
      fs.writeFileSync(passwordFile, password, { mode: 0o600 })
      fs.writeFileSync(folder.password, `${password}\n`, { mode: 0o600 })
    },
    catch: (cause) => notWritable(folder, cause)
  })
  if (account !== undefined) {
    yield* handOver(folder.partial, account)
    fs.chownSync(passwordFile, account.uid, account.gid)
  }
  const place = yield* reach(folder.partial, account)
  const args = [
    ["-D", place, `--username=${username}`, "--auth-local=trust", "--auth-host=scram-sha-256"],
    [`--pwfile=${passwordFile}`, "--no-instructions", ...locale(binaries.major)],
    temporary ? ["--no-sync"] : []
  ].flat()
  const orphaned = [runtime, temporary ? folder.root : folder.partial]
  yield* run({ program: binaries.initdb, args, orphaned, cwd: folder.partial, account })
  yield* Effect.try({
    try: () => {
      fs.rmSync(passwordFile, { force: true })
      fs.renameSync(folder.partial, folder.data)
    },
    catch: (cause) => notWritable(folder, cause)
  })
})

const notWritable = (folder: Folder, cause: unknown) =>
  new FolderNotAccessible({
    folder: folder.root,
    problem: `New data cannot be written to the folder ${folder.root}`,
    hint: anotherDataDir,
    cause
  })

/** Runs a program to its end; interruption ends it and waits until it is gone. */
const run = (options: {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly account: Account | undefined
  readonly orphaned: ReadonlyArray<string>
}): Effect.Effect<void, ServerFailed> =>
  Effect.callback((resume) => {
    const { account, args, cwd, orphaned, program } = options
    const failed = (problem: string, cause?: unknown) =>
      Effect.fail(
        new ServerFailed({
          problem,
          hint: /could not look up effective user/.test(output)
            ? "PostgreSQL wants its user to have a name: run as a user with a line in /etc/passwd, or as root."
            : "Correct what its output names, or give another dataDir.",
          log: output.split("\n").filter(Boolean).slice(-20),
          ...(cause === undefined ? {} : { cause })
        })
      )
    let output = ""
    const windows = process.platform === "win32"
    const call = windows ? { command: program, args } : watched(program, args, orphaned)
    let child: ChildProcessByStdio<Writable, null, Readable>
    try {
      child = spawn(call.command, call.args, {
        cwd,
        env: environment(),
        stdio: ["pipe", "ignore", "pipe"],
        detached: !windows,
        ...spawnAs(account)
      })
    } catch (cause) {
      return resume(failed(`The program ${program} cannot be run`, cause))
    }
    child.stdin.on("error", () => undefined)
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text))
    const ended = new Promise<void>((done) => {
      child.once("error", (cause) => {
        resume(failed(`The program ${program} cannot be run`, cause))
        done()
      })
      child.once("close", (code, signal) => {
        resume(code === 0 ? Effect.void : failed(`initdb ended with ${signal ?? `exit code ${code}`}`))
        done()
      })
    })
    // It runs a server of its own: the whole group goes.
    return Effect.promise(() => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        if (windows) child.kill()
        else signal(-child.pid, "SIGKILL")
      }
      return ended
    })
  })
