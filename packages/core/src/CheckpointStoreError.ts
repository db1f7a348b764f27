// CheckpointStoreError: how a checkpoint store says no; a moved checkpoint and a lost lease are facts of their own.
import * as Schema from "effect/Schema"
import { InvalidRequest, Unavailable } from "./EventStoreError.ts"

/** The checkpoint is not where its runner left it: another runner moved it. Nothing was committed. */
export class CheckpointMoved extends Schema.TaggedError<CheckpointMoved>()("CheckpointMoved", {
  name: Schema.String,
  expected: Schema.Int,
  actual: Schema.Int
}) {
  override get message(): string {
    return (
      `The checkpoint of "${this.name}" was expected at position ${this.expected} but stands at ${this.actual}: another ` +
      `runner moved it. Nothing was committed; this runner must start again from the stored checkpoint.`
    )
  }
}

/** Someone else holds the lease. */
export class LeaseHeld extends Schema.TaggedError<LeaseHeld>()("LeaseHeld", {
  name: Schema.String,
  holder: Schema.String
}) {
  override get message(): string {
    return `"${this.name}" is run by ${this.holder}. Its lease can be taken when it is released or runs out.`
  }
}

/** The lease was taken over by another holder; what this runner wanted to commit was refused. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  name: Schema.String,
  holder: Schema.String,
  token: Schema.Int
}) {
  override get message(): string {
    return (
      `${this.holder} no longer holds lease ${this.token} of "${this.name}": it ran out and was taken over, or was ` +
      `released. Nothing was committed.`
    )
  }
}

/** The checkpoint store could not do what was asked. */
export class CheckpointStoreError extends Schema.TaggedError<CheckpointStoreError>()("CheckpointStoreError", {
  operation: Schema.String,
  reason: Schema.Union([Unavailable, InvalidRequest])
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}
