// StorageUnusable: why an example has nowhere to keep what happens, in a sentence for whoever started it.
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as CliError from "effect/cli/CliError"

/** The storage cannot be used; the message says which, why, and what to do. */
export class StorageUnusable extends Schema.TaggedError<StorageUnusable>()("StorageUnusable", {
  problem: Schema.String,
  cause: Schema.Defect()
}) {
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.problem
  }
  override get [CliError.userMessage](): string {
    return this.problem
  }
}
