// evolvent: the command line as a process of its own, with what it printed and its exit code.
import { spawn } from "node:child_process"
import * as path from "node:path"

const main = path.join(import.meta.dirname, "../../src/main.ts")

/** What became of a call. */
export interface Called {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a call: no store unless it is given, no colours. */
const environment = (env: Readonly<Record<string, string>>): NodeJS.ProcessEnv => {
  const { DATABASE_URL: _, NATS_URL: __, FORCE_COLOR: ___, ...rest } = process.env
  return { ...rest, ...env }
}

/** A call that goes on; `said` waits until its output matches. */
export const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [main, ...args], { env: environment(env) })
  const [out, err] = [[] as Array<Buffer>, [] as Array<Buffer>]
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
  child.stdin.end()
  const text = (chunks: ReadonlyArray<Buffer>): string => Buffer.concat(chunks).toString("utf8")
  const ended = new Promise<Called>((done) =>
    child.once("close", (status) => done({ status, stdout: text(out), stderr: text(err) }))
  )
  return {
    child,
    ended,
    said: async (words: RegExp): Promise<void> => {
      const isOver = ended.then(() => true)
      while (!words.test(text(out))) {
        const moment = new Promise<boolean>((done) => setTimeout(() => done(false), 20))
        if (await Promise.race([isOver, moment])) break
      }
      if (!words.test(text(out))) throw new Error(`it ended, and said ${text(out)}${text(err)}`)
    }
  }
}

/** A call to its end. */
export const evolvent = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>): Promise<Called> =>
  start(args, env).ended
