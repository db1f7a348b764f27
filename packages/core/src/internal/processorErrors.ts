// How a processor says that it stopped, and how waiting for it can end.
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import type { Recorded } from "../EventData.ts"

/** A handler failed on an event; what it failed with decides whether it is tried again. */
export class EventFailed<E> extends Data.TaggedError("EventFailed")<{
  readonly event: Recorded
  /** The handler's own error, or undefined when it died: a bug is not retried. */
  readonly failure: { readonly error: E } | undefined
  readonly problem: string
}> {}

/** A processor stopped: it could not handle an event, or its store refused it. Its checkpoint stands before that event. */
export class ProcessorStopped extends Schema.TaggedError<ProcessorStopped>()("ProcessorStopped", {
  processor: Schema.String,
  eventId: Schema.UndefinedOr(Schema.String),
  stream: Schema.UndefinedOr(Schema.String),
  position: Schema.UndefinedOr(Schema.Int),
  problem: Schema.String
}) {
  override get message(): string {
    const where =
      this.eventId === undefined ? "" : ` on event ${this.eventId} of stream ${this.stream} (position ${this.position})`
    return (
      `Processor "${this.processor}" stopped${where}: ${this.problem.replace(/\.$/, "")}. Its checkpoint stands before ` +
      `that; once the cause is mended, start it again and it goes on from there.`
    )
  }
}

/** A processor did not reach a position in time. */
export class WaitTimedOut extends Schema.TaggedError<WaitTimedOut>()("WaitTimedOut", {
  processor: Schema.String,
  position: Schema.Int,
  reached: Schema.Int
}) {
  override get message(): string {
    return (
      `Processor "${this.processor}" reached position ${this.reached}, not ${this.position}, within the time given. ` +
      `It is not running, or lags behind: see Processor.status.`
    )
  }
}
