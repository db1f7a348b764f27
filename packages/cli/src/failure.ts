// Failure: why a command did not do what was asked, in a sentence, and the exit code that says so to programs.
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/**
 * What the exit codes say: refused or failed, wrong use, and a store that cannot be used from here. That nobody reads the
 * output any more (`| head`) is no failure.
 */
export const exitCodes = { gone: 0, failed: 1, misused: 2, unusable: 3 } as const

/** A command failed; the message is for whoever called it. */
export class Failure extends Schema.TaggedError<Failure>()("Failure", {
  kind: Schema.Literals(["gone", "failed", "misused", "unusable"]),
  problem: Schema.String
}) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = exitCodes[this.kind]

  override get message(): string {
    return this.problem
  }
}

/** It was refused, or did not go through, or what was looked for is not there. */
export const failed = (problem: string): Failure => new Failure({ kind: "failed", problem })

/** It was asked for in a way that cannot be carried out; nothing was done. */
export const misused = (problem: string): Failure => new Failure({ kind: "misused", problem })

/** The store cannot be reached, or cannot be used by this version. */
export const unusable = (problem: string): Failure => new Failure({ kind: "unusable", problem })

/** Whoever read the output has gone away. */
export const gone = new Failure({ kind: "gone", problem: "" })

const isUnavailable = (reason: unknown): boolean =>
  typeof reason === "object" && reason !== null && "_tag" in reason && reason._tag === "Unavailable"

/** Errors of the library say in their messages what was tried, on what, and what to do. */
export const fromError = (error: Error): Failure => {
  if (error instanceof Failure) return error
  // The store went away while the command ran.
  return "reason" in error && isUnavailable(error.reason) ? unusable(error.message) : failed(error.message)
}
