// EventStoreError: how an event store says no; a conflict and a reused id are facts of their own, the rest has a reason.
import * as Schema from "effect/Schema"
import { InvalidStreamName } from "./StreamName.ts"

const orNone = (revision: number | undefined): string =>
  revision === undefined ? "the stream has no events" : `the stream is at revision ${revision}`

/**
 * Someone was faster: the stream is not where the append expected it.
 *
 * `actual` is the stream's revision when the append was refused, undefined when it has no events. Nothing was written.
 * Load what is new and decide again; `Aggregate.execute` does so by itself.
 */
export class WrongExpectedRevision extends Schema.TaggedError<WrongExpectedRevision>()("WrongExpectedRevision", {
  stream: Schema.String,
  expected: Schema.Union([Schema.Int, Schema.String]),
  actual: Schema.UndefinedOr(Schema.Int)
}) {
  override get message(): string {
    const expected = typeof this.expected === "number" ? `revision ${this.expected}` : `"${this.expected}"`
    return (
      `The append to stream ${this.stream} expected ${expected}, but ${orNone(this.actual)}. ` +
      `Nothing was written: load what is new and decide again.`
    )
  }
}

/**
 * An event id that the store already knows came with other content, or only some ids of an append were known.
 *
 * The content is stream, type, schemaVersion and data, never metadata. Nothing was written.
 */
export class EventIdReused extends Schema.TaggedError<EventIdReused>()("EventIdReused", {
  stream: Schema.String,
  id: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return (
      `The append to stream ${this.stream} brought event id ${this.id}, which is already stored: ${this.problem}. ` +
      `Nothing was written: an id is used once; repeat an append with the same events or give new ids.`
    )
  }
}

/** The store could not be reached or gave up; the same call may go through later. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.problem}. The same call may go through later.`
  }
}

/** The append is larger than the backend takes. */
export class AppendTooLarge extends Schema.TaggedError<AppendTooLarge>()("AppendTooLarge", {
  stream: Schema.String,
  bytes: Schema.Int,
  maxBytes: Schema.Int
}) {
  override get message(): string {
    return (
      `The append to stream ${this.stream} has ${this.bytes} bytes of data and metadata, but this store takes ` +
      `${this.maxBytes} at once. Split it, or keep large content elsewhere and store its address.`
    )
  }
}

/** Content that the backend cannot give back unchanged. */
export class UnstorableContent extends Schema.TaggedError<UnstorableContent>()("UnstorableContent", {
  stream: Schema.String,
  type: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `An event of type ${JSON.stringify(this.type)} for stream ${this.stream} cannot be stored: ${this.problem}.`
  }
}

/** A stored event that no schema of this process understands. */
export class UndecodableEvent extends Schema.TaggedError<UndecodableEvent>()("UndecodableEvent", {
  stream: Schema.String,
  revision: Schema.Int,
  position: Schema.Int,
  type: Schema.String,
  schemaVersion: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return (
      `The event of type "${this.type}", schema version ${this.schemaVersion}, in stream ${this.stream} at revision ` +
      `${this.revision} (position ${this.position}) cannot be decoded: ${this.problem}. The event is unchanged in the store.`
    )
  }
}

/** A stored event that newer code than this wrote: its type is known here, but not this version of it. */
export class NewerVersion extends Schema.TaggedError<NewerVersion>()("NewerVersion", {
  stream: Schema.String,
  revision: Schema.Int,
  position: Schema.Int,
  type: Schema.String,
  schemaVersion: Schema.Int,
  newest: Schema.Int
}) {
  override get message(): string {
    return (
      `The event of type "${this.type}" in stream ${this.stream} at revision ${this.revision} (position ${this.position}) ` +
      `has schema version ${this.schemaVersion}, and this process knows that type up to version ${this.newest}: newer ` +
      `code wrote it. Deploy that code here; the event is unchanged in the store.`
    )
  }
}

/** A reader has seen events that the store does not hold: it was restored or failed over to an older state. */
export class CheckpointAheadOfStore extends Schema.TaggedError<CheckpointAheadOfStore>()("CheckpointAheadOfStore", {
  after: Schema.Int,
  head: Schema.Int
}) {
  override get message(): string {
    const found =
      this.after > this.head
        ? `the store's head is ${this.head}`
        : `the store (its head is ${this.head}) does not hold what the reader saw last`
    return (
      `The reader wants to go on after position ${this.after}, but ${found}. The store has lost events that this reader ` +
      `has seen (a restore, a failover): rebuild what the reader made of them.`
    )
  }
}

/** The stream was archived: its events are in an archive and no longer in the store, and it takes no more of them. */
export class StreamArchived extends Schema.TaggedError<StreamArchived>()("StreamArchived", {
  stream: Schema.String,
  /** The revision of its tombstone. */
  revision: Schema.Int,
  archive: Schema.UndefinedOr(Schema.String)
}) {
  override get message(): string {
    const where = this.archive === undefined ? "an archive" : `the archive ${this.archive}`
    return (
      `The stream ${this.stream} was archived (its tombstone is revision ${this.revision}): its events are in ${where} and ` +
      `no longer in the store, and it takes no more of them. Provide the archive to read them (Archive.layerSource), or ` +
      `restore the stream to go on with it (Archive.restore).`
    )
  }
}

/** The stream was deleted for good: its events are gone, and it takes no more of them. */
export class StreamDeleted extends Schema.TaggedError<StreamDeleted>()("StreamDeleted", {
  stream: Schema.String,
  /** The revision of its tombstone. */
  revision: Schema.Int,
  reason: Schema.UndefinedOr(Schema.String)
}) {
  override get message(): string {
    const why = this.reason === undefined ? "" : ` (${this.reason})`
    return (
      `The stream ${this.stream} was deleted for good${why}: its events are gone, its tombstone is revision ` +
      `${this.revision}, and it takes no more of them. Whatever begins anew needs an id of its own.`
    )
  }
}

/** The backend does not have this feature; `capabilities` says so beforehand. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", {
  feature: Schema.String
}) {
  override get message(): string {
    return `This backend does not support ${this.feature}.`
  }
}

/** The arguments contradict each other or are out of range. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  problem: Schema.String
}) {
  override get message(): string {
    return `The call cannot be carried out: ${this.problem}.`
  }
}

/** Why an event store could not do what was asked. */
export const Reason = Schema.Union([
  Unavailable,
  AppendTooLarge,
  UnstorableContent,
  InvalidStreamName,
  UndecodableEvent,
  NewerVersion,
  CheckpointAheadOfStore,
  StreamArchived,
  StreamDeleted,
  Unsupported,
  InvalidRequest
])
export type Reason = typeof Reason.Type

/**
 * The store could not do what was asked; `reason` says why, `isRetryable` whether the same call may go through later.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as EventFilter from "evolvent/EventFilter"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Stream from "effect/Stream"
 *
 * const count = EventStore.use((store) => Stream.runCount(store.read(EventFilter.all()))).pipe(
 *   Effect.catchReason("EventStoreError", "Unavailable", () => Effect.succeed(0))
 * )
 * ```
 */
export class EventStoreError extends Schema.TaggedError<EventStoreError>()("EventStoreError", {
  operation: Schema.String,
  reason: Reason
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}

/** The error of an operation and a reason. */
export const because = (operation: string, reason: Reason): EventStoreError =>
  new EventStoreError({ operation, reason })
