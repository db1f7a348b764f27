// How a processor says that it stopped, and how waiting for it can end.
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import type { Recorded } from "../EventData.ts"
import { EventStoreError } from "../EventStoreError.ts"
import type { Undecoded } from "../Processor.ts"

/** A handler failed on an event; what it failed with decides whether it is tried again. */
export class EventFailed<E> extends Data.TaggedError("EventFailed")<{
  readonly event: Recorded
  /** The handler's own error, or undefined when it died: a bug is not retried. */
  readonly failure: { readonly error: E } | undefined
  readonly problem: string
  readonly undecoded?: Undecoded | undefined
}> {
  /** Whether newer code will do better: it wrote what was not understood here, by the processor or by its handler. */
  get isNewer(): boolean {
    return this.undecoded === "NewerVersion" || isNewerVersion(this.failure?.error)
  }
}

/** Whether an error is that newer code wrote an event. */
export const isNewerVersion = (error: unknown): boolean =>
  error instanceof EventStoreError && error.reason._tag === "NewerVersion"

// Backends keep the words of a stop: these come first where newer code is all that it waits for.
const newerVersion = "NewerVersion: "

/** What a processor stopped for, as it is kept. */
export const problemOf = (problem: string, isNewer: boolean): string =>
  isNewer ? `${newerVersion}${problem}` : problem

/** A processor stopped: it could not handle an event, or its store refused it. Its checkpoint stands before that event. */
export class ProcessorStopped extends Schema.TaggedError<ProcessorStopped>()("ProcessorStopped", {
  processor: Schema.String,
  eventId: Schema.UndefinedOr(Schema.String),
  stream: Schema.UndefinedOr(Schema.String),
  position: Schema.UndefinedOr(Schema.Int),
  problem: Schema.String
}) {
  /**
   * "NewerVersion" where newer code wrote the event: it is not at fault, and a process with that code goes on from it.
   */
  get reason(): "NewerVersion" | "Failed" {
    return this.problem.startsWith(newerVersion) ? "NewerVersion" : "Failed"
  }

  override get message(): string {
    const where =
      this.eventId === undefined ? "" : ` on event ${this.eventId} of stream ${this.stream} (position ${this.position})`
    return (
      `Processor "${this.processor}" stopped${where}: ${this.problem.replace(/\.$/, "")}. Its checkpoint stands before ` +
      `that; once the cause is mended, start it again and it goes on from there.`
    )
  }
}

/** The rows of a read model were made by another definition than the processor's: to go on would mix the two. */
export class ProjectionChanged extends Schema.TaggedError<ProjectionChanged>()("ProjectionChanged", {
  projection: Schema.String,
  version: Schema.Int
}) {
  override get message(): string {
    return (
      `The rows of "${this.projection}" (version ${this.version}) were made by another definition: other fields, indexes, ` +
      `events or keys. Where this code is the newer one, run Processor.rebuild with it, which replaces them while they are ` +
      `being read, or give the projection a new version, which is built beside them; where it is the older one, deploy the newer`
    )
  }

  readonly isRetryable = false
}

/** The read model has moved on to another definition, or was given up, while a processor with the old one still ran. */
export class ProjectionMoved extends Schema.TaggedError<ProjectionMoved>()("ProjectionMoved", {
  projection: Schema.String,
  version: Schema.Int,
  isRetired: Schema.Boolean
}) {
  override get message(): string {
    return this.isRetired
      ? `The read model "${this.projection}" (version ${this.version}) was given up, and this process still keeps it; ` +
          `deploy the code that no longer does, or run Processor.rebuild to have it again`
      : `The read model "${this.projection}" (version ${this.version}) was rebuilt by another definition than the one ` +
          `that this process holds; deploy the newer code`
  }

  readonly isRetryable = false
}

/** A processor has set the event aside that was waited for. */
export class EventParked extends Schema.TaggedError<EventParked>()("EventParked", {
  processor: Schema.String,
  eventId: Schema.String,
  key: Schema.String,
  position: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return (
      `Processor "${this.processor}" parked event ${this.eventId} of key "${this.key}" (position ${this.position}): ` +
      `${this.problem.replace(/\.$/, "")}. Once the cause is mended, Processor.retry has it handled.`
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
