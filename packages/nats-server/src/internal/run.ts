// Runs another program to its end and hands back what it wrote.
import { execFile } from "node:child_process"
import * as Effect from "effect/Effect"

/** What a program wrote, or why it did not do its work. */
export interface Ran {
  readonly ok: boolean
  readonly out: string
  /** The last lines of its complaints; "" when it did its work. */
  readonly problem: string
  readonly cause: unknown
}

/** Runs a program; it never fails, is killed after the time, and when this is interrupted. */
export const run = (
  program: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly timeoutMillis?: number } = {}
): Effect.Effect<Ran> =>
  Effect.callback((resume) => {
    const child = execFile(
      program,
      args,
      {
        encoding: "utf8",
        timeout: options.timeoutMillis ?? 30_000,
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, LC_ALL: "C" },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd })
      },
      (cause, out, complaints) =>
        resume(
          Effect.succeed({
            ok: cause === null,
            out,
            cause,
            problem: cause === null ? "" : problemOf(cause, complaints)
          })
        )
    )
    return Effect.sync(() => void child.kill())
  })

const problemOf = (cause: { readonly message: string; readonly killed?: boolean }, complaints: string): string => {
  const last = complaints.trim().split("\n").slice(-3).join(" ")
  return cause.killed === true ? `it took too long. ${last}` : last === "" ? cause.message : last
}
