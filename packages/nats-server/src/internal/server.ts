// A running server: started under its watchdog, ready when JetStream is, and stopped.
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { DidNotStart, PortTaken } from "../NatsServerError.ts"
import { info, isHealthy } from "./monitor.ts"
import { pause } from "./pause.ts"
import { isStopped, signal } from "./processes.ts"
import { watched } from "./watchdog.ts"

/** How a server is started. */
export interface Command {
  readonly program: string
  readonly configFile: string
  readonly log: string
  readonly folder: string
  /** What the watchdog removes when the owner has died: the folders that the owner would have. */
  readonly orphaned: ReadonlyArray<string>
}

/** Where a server listens, and by what name it is known there. */
export interface Address {
  readonly name: string
  readonly port: number
  readonly monitorPort: number
  readonly monitorUrl: string
}

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
export const spawnServer = (command: Command): Effect.Effect<Running, DidNotStart> =>
  Effect.uninterruptible(
    Effect.callback((resume) => {
      const { configFile, folder, log, orphaned, program } = command
      const logStart = fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0
      const failed = (cause?: unknown) =>
        Effect.fail(
          new DidNotStart({
            problem: `The program ${program} cannot be started`,
            hint: "See that this user can run it, and /bin/sh, which watches over it.",
            log: tail(log, logStart),
            ...(cause === undefined ? {} : { cause })
          })
        )
      let out: number | undefined
      try {
        out = fs.openSync(log, "a", 0o600)
        const call = watched(program, ["-c", configFile], orphaned)
        const child = spawn(call.command, call.args, {
          cwd: folder,
          stdio: ["pipe", "pipe", out],
          // A group of its own, so that Ctrl-C in a terminal reaches the owner only, who then stops it in order.
          detached: true
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
                if (isAlive()) signal(pid, name)
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
        child.stdout?.once("data", (line: Buffer) => began(Number.parseInt(line.toString("utf8"), 10)))
      } catch (cause) {
        resume(failed(cause))
      } finally {
        if (out !== undefined) fs.closeSync(out)
      }
    })
  )

/** The last lines of a log from this place on. */
export const tail = (log: string, from: number): ReadonlyArray<string> =>
  fs.existsSync(log) ? fs.readFileSync(log).subarray(from).toString("utf8").split("\n").filter(Boolean).slice(-20) : []

/**
 * Waits until the server takes connections and JetStream is enabled.
 *
 * A server of its own is ready when all that it stores is, too. One of a cluster cannot promise that by itself.
 */
export const ready = Effect.fnUntraced(function* (
  running: Running,
  options: {
    readonly command: Command
    readonly address: Address
    readonly alone: boolean
    readonly timeoutMillis: number
  }
) {
  const { address, alone, command, timeoutMillis } = options
  const began = performance.now()
  for (;;) {
    const greeting = yield* info(address.port)
    // The name proves that it is ours: a stranger may have taken the port a moment ago.
    const isUp = greeting?.server_name === address.name && greeting.jetstream === true
    if (isUp && (!alone || (yield* isHealthy(address.monitorUrl))) && running.isAlive()) return
    const lost = !running.isAlive()
    if (lost || performance.now() - began > timeoutMillis) {
      const log = tail(command.log, running.logStart)
      const taken = lost ? takenPort(log) : undefined
      if (taken !== undefined) return yield* new PortTaken({ port: taken })
      return yield* new DidNotStart({
        problem: lost ? "The server ended while it started" : `The server was not ready after ${timeoutMillis} ms`,
        hint: "Correct what its log names: a setting that its version does not know, the disk, the data.",
        log
      })
    }
    yield* pause(10)
  }
})

const takenPort = (log: ReadonlyArray<string>): number | undefined => {
  const line = log.find((line) => /address already in use/i.test(line))
  const port = line === undefined ? undefined : /127\.0\.0\.1:(\d+): bind/.exec(line)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** Asks the server to end and waits until it has; one that hangs is killed after five seconds. */
export const stopServer = Effect.fnUntraced(function* (running: Running) {
  running.hold(true)
  const began = performance.now()
  while (running.isAlive()) {
    // Asked again and again: a server that has just begun may not hear the first time, and a paused one hears nothing.
    running.send(performance.now() - began < 5000 ? "SIGTERM" : "SIGKILL")
    running.send("SIGCONT")
    yield* Effect.raceFirst(
      Effect.promise(() => running.ended),
      pause(250)
    )
  }
})

/** Kills the server as a power cut of its machine's process does, with no word to anyone. */
export const killServer = Effect.fnUntraced(function* (running: Running) {
  running.hold(true)
  running.send("SIGKILL")
  yield* Effect.promise(() => running.ended)
})

/** Freezes the server; it is still when this is done, unless someone lets it go on at once. */
export const pauseServer = Effect.fnUntraced(function* (running: Running) {
  running.send("SIGSTOP")
  for (let look = 0; look < 500 && running.isAlive() && !isStopped(running.pid); look++) yield* pause(2)
})

/** Lets a frozen server go on. */
export const resumeServer = (running: Running): Effect.Effect<void> => Effect.sync(() => running.send("SIGCONT"))
