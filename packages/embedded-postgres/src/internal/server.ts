// A running server: started under its watchdog, ready when it takes connections, and stopped.
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { PortTaken, ServerFailed } from "../EmbeddedPostgresError.ts"
import { type Account, spawnAs } from "./account.ts"
import type { Binaries } from "./binaries.ts"
import { environment } from "./environment.ts"
import { pause } from "./pause.ts"
import { commandOf, signal, workersIn } from "./processes.ts"
import { watched } from "./watchdog.ts"

/** How a server is started. */
export interface Command {
  readonly binaries: Binaries
  readonly account: Account | undefined
  /** The data's real path, and the path by which the account reaches it. */
  readonly data: string
  readonly reach: string
  readonly settings: Readonly<Record<string, string>>
  readonly log: string
  readonly port: number | undefined
  /** What the watchdog removes when the owner has died: the folders that the owner would have. */
  readonly orphaned: ReadonlyArray<string>
}

/** How a server is asked to end: clients may go on, are cut off, or are cut off and nothing is written any more. */
export type StopMode = "smart" | "fast" | "immediate"

const signals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const

/** A server that was started. */
export interface Running {
  readonly pid: number
  readonly isAlive: () => boolean
  readonly ended: Promise<unknown>
  readonly send: (signal: NodeJS.Signals) => void
  /** Whether this process waits for the server before it ends by itself. */
  readonly hold: (held: boolean) => void
  /** Where its log began. */
  readonly logStart: number
}

/** Starts the server's process; it is alive, but takes no connections yet. */
export const spawnServer = (command: Command): Effect.Effect<Running, ServerFailed> =>
  Effect.uninterruptible(
    Effect.callback((resume) => {
      const { account, binaries, data, log, orphaned, reach, settings } = command
      const args = ["-D", reach, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])]
      const windows = process.platform === "win32"
      const failed = (cause?: unknown) =>
        Effect.fail(
          new ServerFailed({
            problem: `The program ${binaries.postgres} cannot be started`,
            hint: "See that it can be run by the server's user.",
            log: tail(log, logStart),
            ...(cause === undefined ? {} : { cause })
          })
        )
      const logStart = fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0
      let out: number | undefined
      try {
        out = fs.openSync(log, "a", 0o600)
        // It belongs with the data, also when root runs the server for the data's user.
        if (account !== undefined) fs.fchownSync(out, account.uid, account.gid)
        const call = windows ? { command: binaries.postgres, args } : watched(binaries.postgres, args, orphaned)
        const child = spawn(call.command, call.args, {
          cwd: data,
          env: environment(),
          stdio: ["pipe", "pipe", out],
          // A group of its own, so that Ctrl-C in a terminal reaches the owner only, who then stops it in order.
          detached: !windows,
          windowsHide: true,
          ...spawnAs(account)
        })
        const isAlive = () => child.exitCode === null && child.signalCode === null
        const ended = new Promise<void>((done) => child.once("exit", () => done()))
        const began = (pid: number) =>
          resume(
            Effect.succeed({
              pid,
              isAlive,
              ended,
              logStart,
              send: (name) => {
                if (!isAlive()) return
                if (windows) pgCtl(binaries.pgCtl, data, name)
                else signal(pid, name)
              },
              hold: (held) => (held ? child.ref() : child.unref())
            })
          )
        child.once("error", (cause) => resume(failed(cause)))
        child.once("exit", () => resume(failed()))
        child.stdin?.on("error", () => undefined)
        // The two pipes never keep this process from ending: when it ends, so does the server.
        for (const pipe of [child.stdin, child.stdout])
          if (pipe !== null && "unref" in pipe && typeof pipe.unref === "function") pipe.unref()
        if (windows && child.pid !== undefined) began(child.pid)
        else child.stdout?.once("data", (line: Buffer) => began(Number.parseInt(line.toString("utf8"), 10)))
      } catch (cause) {
        resume(failed(cause))
      } finally {
        if (out !== undefined) fs.closeSync(out)
      }
    })
  )

// Windows has no signals: the server's own tool talks to it.
const pgCtl = (program: string, data: string, signal: NodeJS.Signals): void => {
  const mode = signal === "SIGTERM" ? "smart" : signal === "SIGINT" ? "fast" : "immediate"
  spawnSync(program, ["stop", "--no-wait", "-m", mode, "-D", data], { stdio: "ignore", windowsHide: true })
}

/** The last lines of a log from this place on. */
const tail = (log: string, from: number): ReadonlyArray<string> =>
  fs.existsSync(log) ? fs.readFileSync(log).subarray(from).toString("utf8").split("\n").filter(Boolean).slice(-20) : []

/** Waits until the server takes connections. */
export const ready = Effect.fnUntraced(function* (running: Running, command: Command, timeoutMillis: number) {
  const began = performance.now()
  const status = path.join(command.data, "postmaster.pid")
  for (;;) {
    const lines = fs.existsSync(status) ? fs.readFileSync(status, "utf8").split("\n") : []
    if (Number(lines[0]) === running.pid && lines[7]?.trim() === "ready") return
    const lost = !running.isAlive()
    if (lost || performance.now() - began > timeoutMillis) {
      const log = tail(command.log, running.logStart)
      if (lost && command.port !== undefined && log.some((line) => /could not bind IPv4 .*in use/.test(line))) {
        return yield* new PortTaken({ port: command.port })
      }
      return yield* new ServerFailed({
        problem: lost ? "The server ended while it started" : `The server was not ready after ${timeoutMillis} ms`,
        hint: "Correct what its log names: a setting, the disk, the data.",
        log
      })
    }
    yield* pause(10)
  }
})

/** Whether the server died of parts of the one before it, which was killed and whose parts end one by one. */
export const isTooEarly = (error: unknown): boolean =>
  error instanceof ServerFailed && error.log.some((line) => line.includes("pre-existing shared memory block"))

/** Asks the server to end and waits until it has; one that hangs is cut off, except when asked to wait for clients. */
export const stopServer = Effect.fnUntraced(function* (running: Running, mode: StopMode) {
  running.hold(true)
  const began = performance.now()
  const asked = signals[mode]
  while (running.isAlive()) {
    const waited = performance.now() - began
    const patience = mode === "smart" ? Infinity : waited
    // Asked again and again: a server that has just begun may not hear the first time.
    running.send(patience === Infinity || waited < 20_000 ? asked : waited < 30_000 ? "SIGQUIT" : "SIGKILL")
    yield* Effect.raceFirst(
      Effect.promise(() => running.ended),
      pause(250)
    )
  }
})

/** Kills the server as a power cut does: it and all its parts, with no word to anyone. */
export const killServer = Effect.fnUntraced(function* (running: Running, data: string) {
  running.hold(true)
  running.send("SIGKILL")
  yield* Effect.promise(() => running.ended)
  for (;;) {
    const parts = workersIn(data).filter((pid) => commandOf(pid).startsWith("postgres: "))
    if (parts.length === 0) return
    for (const pid of parts) signal(pid, "SIGKILL")
    yield* pause(5)
  }
})
