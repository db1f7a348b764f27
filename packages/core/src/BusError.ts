// BusError: how a bus says no.
import * as Schema from "effect/Schema"
import { Reason } from "./EventStoreError.ts"

/**
 * A message id that was published before with other content, and keeps it. Of its key nothing behind it in the call is
 * published either, so that the order holds; messages of other keys are.
 */
export class MessageIdReused extends Schema.TaggedError<MessageIdReused>()("MessageIdReused", {
  id: Schema.String
}) {
  override get message(): string {
    return `Message ${this.id} was published before with other content. A message id belongs to one message.`
  }
}

/** The bus could not do what was asked. */
export class BusError extends Schema.TaggedError<BusError>()("BusError", {
  operation: Schema.String,
  reason: Schema.Union([...Reason.members, MessageIdReused])
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}
