// NatsError: why a server of NATS did not do what was asked, and why the services cannot begin on one.
import * as Schema from "effect/Schema"

/**
 * A request went wrong: there is no telling whether it was carried out ("TimedOut"), nobody was there to carry it out
 * ("NoResponders", which a stream without a leader looks like, too), the connection is closed for good ("Closed"), the user
 * may not do it ("Refused"), or it could not even be sent ("Unsendable").
 */
export class RequestFailed extends Schema.TaggedError<RequestFailed>()("RequestFailed", {
  subject: Schema.String,
  why: Schema.Literals(["TimedOut", "NoResponders", "Closed", "Refused", "Unsendable"]),
  problem: Schema.String
}) {
  override get message(): string {
    return `The request ${this.subject} failed: ${this.problem}`
  }

  /** Whether the same request may go through later. */
  get isRetryable(): boolean {
    return this.why === "TimedOut" || this.why === "NoResponders"
  }
}

/** JetStream's own error: its HTTP-like code, its number, and its words. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  subject: Schema.String,
  code: Schema.Int,
  number: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `JetStream refused ${this.subject}: ${this.problem} (${this.number})`
  }

  /**
   * Whether the same request may go through later: the server is busy, starting, or without a leader, or its cluster is still
   * storing a message with the same id (10158), most likely this one, whose answer was lost.
   */
  get isRetryable(): boolean {
    return this.code === 503 || this.code === 500 || this.code === 408 || this.number === 10158
  }
}

/** No server could be reached, or none let us in. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", {
  servers: Schema.Array(Schema.String),
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return (
      `No connection to NATS at ${this.servers.join(", ")}: ${this.problem}. Look whether a server listens there, ` +
      `and which credentials it wants.`
    )
  }
}

/** A stream or bucket that the services need is not there, cannot be made, or has settings that they cannot keep their promises on. */
export class StreamUnusable extends Schema.TaggedError<StreamUnusable>()("StreamUnusable", {
  stream: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The stream "${this.stream}" cannot be used: ${this.problem}.`
  }
}

/** An option of the layer that cannot be used. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The option "${this.option}" of Nats.layer cannot be used: ${this.problem}.`
  }
}
