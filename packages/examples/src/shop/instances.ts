// instances: the shop as processes of their own, which can be ended in order or killed.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"

/** A process that serves the shop. */
export interface Instance {
  readonly port: number
  /** What it has written until now. */
  readonly lines: ReadonlyArray<string>
  /** Sends it a signal, waits until it has ended, and gives its exit code; null where the signal ended it. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
}

/** Starts an instance, and gives it when it serves; it is killed when the scope closes. */
export const start = (port: number, env: Readonly<Record<string, string>>, args: ReadonlyArray<string> = []) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Instance> => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "--port", String(port), ...args], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const exited = once(child, "exit")
      const lines: Array<string> = []
      const serves = new Promise<void>((resume) => {
        for (const output of [child.stdout, child.stderr]) {
          createInterface({ input: output }).on("line", (line) => {
            lines.push(line)
            if (line.includes("The code:")) resume()
          })
        }
      })
      const end = async (signal: NodeJS.Signals): Promise<number | null> => {
        if (child.exitCode === null && child.signalCode === null) child.kill(signal)
        await exited
        return child.exitCode
      }
      await Promise.race([
        serves,
        exited.then(() => Promise.reject(new Error(`The shop ended by itself:\n${lines.join("\n")}`)))
      ])
      return { port, lines, end }
    }),
    ({ end }) => Effect.promise(() => end("SIGKILL"))
  )
