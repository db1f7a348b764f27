// NatsServerError: why a NATS server of our own could not start or go on, and what to do about it.
import * as Schema from "effect/Schema"

/** There is no server program on this machine, or none of the version that was asked for. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {
  problem: Schema.String,
  /** The places that were looked at, and what was there. */
  looked: Schema.Array(Schema.String),
  hint: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const looked = this.looked.length === 0 ? "" : ` Looked at: ${this.looked.join("; ")}.`
    return `${this.problem}.${looked} ${this.hint}`
  }
}

/** A server program could not be fetched, or what was fetched is not what its publisher says. */
export class DownloadFailed extends Schema.TaggedError<DownloadFailed>()("DownloadFailed", {
  problem: Schema.String,
  /** Each way that was tried, and why it failed. */
  tried: Schema.Array(Schema.String),
  hint: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const tried = this.tried.length === 0 ? "" : ` Tried:\n  ${this.tried.join("\n  ")}\n`
    return `${this.problem}.${tried}${tried === "" ? " " : ""}${this.hint}`
  }
}

/** A folder that cannot be made or written, or that someone else's server uses. */
export class FolderNotUsable extends Schema.TaggedError<FolderNotUsable>()("FolderNotUsable", {
  folder: Schema.String,
  problem: Schema.String,
  hint: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.problem}. ${this.hint}`
  }
}

/** Another program listens on the port. */
export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  port: Schema.Int
}) {
  get hint(): string {
    return "Give another port, or none: then a free one is chosen."
  }
  override get message(): string {
    return `Port ${this.port} of 127.0.0.1 is taken by another program. ${this.hint}`
  }
}

/** An option that cannot be carried out. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  problem: Schema.String,
  hint: Schema.String
}) {
  override get message(): string {
    return `The option ${this.option} ${this.problem}. ${this.hint}`
  }
}

/** The server ended while it started, or was not ready in time; `log` holds the last lines that it wrote. */
export class DidNotStart extends Schema.TaggedError<DidNotStart>()("DidNotStart", {
  problem: Schema.String,
  hint: Schema.String,
  log: Schema.Array(Schema.String),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const log = this.log.length === 0 ? "It wrote nothing." : `It wrote last:\n  ${this.log.join("\n  ")}`
    return `${this.problem}. ${this.hint} ${log}`
  }
}

/** Why the server did not do what was asked. */
export const Reason = Schema.Union([NotFound, DownloadFailed, FolderNotUsable, PortTaken, InvalidOption, DidNotStart])
export type Reason = typeof Reason.Type

/**
 * The server could not do what was asked: `reason` says why, `hint` what to do about it.
 *
 * ```ts
 * import * as NatsServer from "@evolvent/nats-server/NatsServer"
 * import * as Effect from "effect/Effect"
 *
 * // Another program has the usual port: be content with any.
 * const server = NatsServer.make({ port: 4222 }).pipe(
 *   Effect.catchReason("NatsServerError", "PortTaken", () => NatsServer.make())
 * )
 * ```
 */
export class NatsServerError extends Schema.TaggedError<NatsServerError>()("NatsServerError", {
  operation: Schema.String,
  reason: Reason
}) {
  /** What to do about it. */
  get hint(): string {
    return this.reason.hint
  }
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }
}
