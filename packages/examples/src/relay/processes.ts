// processes: scripts of this folder as processes of their own, which can be killed and started again.
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import * as net from "node:net"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A script that runs. */
export interface Running {
  /** Fails when it has ended by itself. */
  readonly ended: Effect.Effect<never, EndedByItself>
  /** Kills it by SIGKILL, and starts it again. */
  readonly crash: Effect.Effect<void>
}

/** A process that was to run until it is killed has ended. */
export class EndedByItself extends Schema.TaggedError<EndedByItself>()("EndedByItself", { script: Schema.String }) {
  override get message(): string {
    return `The process ${this.script} has ended by itself; what it wrote last says why.`
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

/** Runs a script until the scope closes; `hear` is called with every line that it writes. */
export const start = Effect.fnUntraced(function* (
  script: string,
  env: Readonly<Record<string, string>>,
  hear: (line: string) => void
) {
  const ended = yield* Deferred.make<never, EndedByItself>()
  const killed = new Set<ChildProcess>()
  const begin = (): ChildProcess => {
    const child = spawn(process.execPath, [join(import.meta.dirname, `${script}.ts`)], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on("line", hear)
    child.once("exit", () => {
      if (!killed.has(child)) Deferred.doneUnsafe(ended, Effect.fail(new EndedByItself({ script })))
    })
    return child
  }
  const end = (child: ChildProcess) =>
    Effect.promise(async () => {
      if (!isRunning(child)) return
      const gone = once(child, "exit")
      killed.add(child)
      child.kill("SIGKILL")
      await gone
    })
  let child: ChildProcess = yield* Effect.acquireRelease(Effect.sync(begin), () => end(child))
  const running: Running = {
    ended: Deferred.await(ended),
    crash: Effect.suspend(() => end(child)).pipe(
      Effect.andThen(
        Effect.sync(() => {
          child = begin()
        })
      )
    )
  }
  return running
})

/** A port of 127.0.0.1 that nobody listens on. */
export const freePort: Effect.Effect<number> = Effect.promise(async () => {
  const server = net.createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})
