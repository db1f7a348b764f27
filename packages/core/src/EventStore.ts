// EventStore: append to streams under an expectation, read them back in order, follow what comes. Written once, over a driver.
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { EventData, Recorded } from "./EventData.ts"
import type { EventFilter } from "./EventFilter.ts"
import type { EventId } from "./EventId.ts"
import type { EncodedImport, EncodedRecorded, Imported } from "./internal/eventStoreDriver.ts"
import type { EventIdReused, EventStoreError, WrongExpectedRevision } from "./EventStoreError.ts"
import type { Position } from "./Position.ts"
import type { Revision } from "./Revision.ts"
import type { StreamName } from "./StreamName.ts"

/** Where an append expects its stream: at a revision, anywhere, without events, or with some. */
export type Expected = Revision | "any" | "noStream" | "streamExists"

/** Whether a stream at a revision is where an append expects it. */
export const isMet = (expected: Expected, actual: Revision | undefined): boolean => {
  switch (expected) {
    case "any":
      return true
    case "noStream":
      return actual === undefined
    case "streamExists":
      return actual !== undefined
    default:
      return actual === expected
  }
}

/** Events for one stream, and where that stream is expected; "any" unless said. */
export interface Append {
  readonly stream: StreamName
  readonly events: ReadonlyArray<EventData>
  readonly expected?: Expected
  /** Whether the ids that were given were made for this append, so that nobody can have stored them: a short way may be taken. */
  readonly idsAreNew?: boolean
}

/**
 * Where the last event of an append stands.
 *
 * An empty append writes nothing: `revision` is then the stream's own (undefined without events) and `position` is
 * `Position.beginning`.
 */
export interface Appended {
  readonly revision: Revision | undefined
  readonly position: Position
  /** Whether another call had stored these events: then nothing was written, and this is where they stand. */
  readonly repeated: boolean
}

/** Where a read begins, this place included. Revisions are for one stream only. */
export type From =
  | { readonly revision: Revision; readonly position?: never; readonly time?: never }
  | { readonly position: Position; readonly revision?: never; readonly time?: never }
  | { readonly time: DateTime.Utc; readonly revision?: never; readonly position?: never }

/**
 * How to read.
 *
 * Forwards from a time means: from the first event recorded then or later; backwards: from the last event recorded
 * then or earlier. `limit` counts events.
 */
export interface ReadOptions {
  readonly from?: From
  readonly direction?: "forwards" | "backwards"
  readonly limit?: number
}

/**
 * Events of one stream that follow each other without holes, with as much of them as folding needs, by column.
 *
 * The first stands at `revision`. It never is empty.
 */
export interface History {
  readonly revision: Revision
  readonly types: ReadonlyArray<string>
  readonly schemaVersions: ReadonlyArray<number>
  readonly data: ReadonlyArray<Json>
  readonly first: { readonly id: EventId; readonly position: Position }
  /** The position of the last one. */
  readonly last: Position
}

/**
 * A step of a subscription: the events, in order, and the position through which nothing more can appear.
 *
 * `events` may be empty: then the filter matched nothing, and a checkpoint may still move to `through`.
 */
export interface Page<Event = Recorded> {
  readonly events: ReadonlyArray<Event>
  readonly through: Position
}

/** Which events of a stream are to be removed: those below a position that were recorded before a time. */
export interface Truncation {
  readonly before: Position
  readonly recordedBefore: DateTime.Utc
}

/**
 * How a stream is removed: archived, so that a copy of it is elsewhere, or deleted for good; and what its tombstone is to
 * say. `expected` is the revision of its last event: who removes a stream has seen all of it.
 */
export interface Removal {
  readonly as: "archived" | "deleted"
  readonly expected: Revision
  /** Where the copy is. */
  readonly archive?: string
  readonly reason?: string
}

/** An append that is not through yet: readers wait behind it, so that nothing can appear where they have passed. */
export interface Obstacle {
  /** Behind which position. */
  readonly position: Position
  /** Who appends, as the backend knows it: for PostgreSQL the process id of the server's backend. */
  readonly by: string
  /** How long its transaction has been open. */
  readonly age: Duration.Duration
}

/** What a backend promises beyond the laws that all keep. */
export interface Capabilities {
  /** How long a repeated append is recognised by its event ids. */
  readonly idempotency: "forever" | Duration.Duration
  /** Whether several streams can be appended to at once, all or nothing. */
  readonly appendAll: boolean
  /** Whether old messages of a bus that is made of the log can be removed. */
  readonly truncate: boolean
  /** Whether streams can be removed. */
  readonly remove: boolean
  /** Whether archived streams can come back, each event to where it stood. */
  readonly restore: boolean
  /** Whether the events of another store can be imported (`StoreCopy`). */
  readonly import: boolean
  /** How many bytes of data and metadata one append may hold. */
  readonly maxAppendBytes: number
}

/**
 * The event store: streams of events, appended under an expectation and read in order.
 *
 * Provided by a backend's layer (`Memory.layer`, …). Most programs never call it: `Aggregate.execute` and `Processor`
 * do.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as EventFilter from "evolvent/EventFilter"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   const ada = StreamName.make("Account", "ada")
 *   yield* store.append(ada, [{ type: "Opened", data: {} }], { expected: "noStream" })
 *   yield* store.append(ada, [{ type: "Deposited", data: { amount: 5 } }])
 *   const events = yield* Stream.runCollect(store.read(EventFilter.stream(ada)))
 *   return events.map((event) => `${event.revision} ${event.type}`)
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => ["0 Opened", "1 Deposited"]
 * ```
 */
export class EventStore extends Context.Service<
  EventStore,
  {
    /** What this backend promises beyond the laws. */
    readonly capabilities: Capabilities
    /**
     * Appends events to one stream, all or none of them.
     *
     * Repeating an append with the same event ids writes nothing and returns the first result.
     */
    readonly append: (
      stream: StreamName,
      events: ReadonlyArray<EventData>,
      options?: Omit<Append, "stream" | "events">
    ) => Effect.Effect<Appended, WrongExpectedRevision | EventIdReused | EventStoreError>
    /** Appends to several streams, all or nothing; a conflict in one leaves all of them untouched. */
    readonly appendAll: (
      appends: ReadonlyArray<Append>
    ) => Effect.Effect<ReadonlyArray<Appended>, WrongExpectedRevision | EventIdReused | EventStoreError>
    /** Reads what is stored now, in pages; the stream ends, also while others append. */
    readonly read: (filter: EventFilter, options?: ReadOptions) => Stream.Stream<Recorded, EventStoreError>
    /**
     * Reads one stream from a revision on and gives it to `take`, page by page, with as much of each event as folding needs;
     * what `Aggregate.load` reads. `take` says whether it wants more.
     *
     * All that is stored; what others append meanwhile may be among it or not, and is not chased. No Stream: most histories
     * are one page, and a page is to cost one round trip and nothing else.
     */
    readonly history: <E, R>(
      stream: StreamName,
      take: (history: History) => Effect.Effect<boolean, E, R>,
      options?: { readonly from?: Revision; readonly limit?: number }
    ) => Effect.Effect<void, E | EventStoreError, R>
    /** Reads what comes after a position, then follows; the stream does not end. No gap, no repeat. */
    readonly subscribe: (
      filter: EventFilter,
      options?: { readonly after?: Position }
    ) => Stream.Stream<Page, EventStoreError>
    /** The event of a stream with an id, or undefined. */
    readonly find: (stream: StreamName, id: EventId) => Effect.Effect<Recorded | undefined, EventStoreError>
    /** The greatest position that a reader may pass now; `Position.beginning` in an empty store. */
    readonly head: Effect.Effect<Position, EventStoreError>
    /** The revision of a stream's last event, or undefined when it has none. */
    readonly streamRevision: (stream: StreamName) => Effect.Effect<Revision | undefined, EventStoreError>
    /**
     * Removes the oldest events of a stream of the bus: those below a position that were recorded before a time, but never
     * its last one. What is left keeps its place; ids that were removed may come again.
     */
    readonly truncate: (stream: StreamName, upTo: Truncation) => Effect.Effect<void, EventStoreError>
    /**
     * Removes a stream: in one step a `Tombstone` takes the place of its last event's successor, and all events before
     * it are gone. Whoever appends is refused from then on (`StreamArchived`, `StreamDeleted`), whatever is expected; readers
     * find the tombstone, at its own place in the order.
     *
     * Asked for again, it gives where the tombstone stands. What is archived may be deleted later; deleted is final.
     */
    readonly remove: (
      stream: StreamName,
      removal: Removal
    ) => Effect.Effect<Appended, WrongExpectedRevision | EventStoreError>
    /**
     * Brings an archived stream back: its events stand where they stood, and behind the tombstone an event of type
     * `$restored` says so; then the stream goes on. They are to be all that it had, as its archive has them.
     */
    readonly restore: (
      stream: StreamName,
      events: ReadonlyArray<EncodedRecorded>
    ) => Effect.Effect<Appended, EventStoreError>
    /** What `read` gives, as it is stored: for copies, which are to lose nothing. */
    readonly readEncoded: (
      filter: EventFilter,
      options?: ReadOptions
    ) => Stream.Stream<EncodedRecorded, EventStoreError>
    /**
     * Stores events of another store behind the end of the log, with their ids, revisions and times: a page of an import.
     * `StoreCopy` is made of it; nobody else should have a use for it.
     */
    readonly importEncoded: (events: EncodedImport) => Effect.Effect<Imported, EventStoreError>
    /** Whether what this fiber appends joins a transaction of its caller, which may undo it yet. */
    readonly joinsTransaction: Effect.Effect<boolean>
    /** The append, not through yet, that those who follow the log have to wait for; undefined where nothing holds them up. */
    readonly obstacle: Effect.Effect<Obstacle | undefined, EventStoreError>
  }
>()("evolvent/EventStore") {}

export type {
  Driver,
  EncodedAppend,
  EncodedEvent,
  EncodedImport,
  EncodedPage,
  EncodedRecorded,
  EncodedRemoval,
  EncodedRestoration,
  HistoryPage,
  Imported,
  Outcome,
  ReadRequest
} from "./internal/eventStoreDriver.ts"
export { make } from "./internal/eventStore.ts"
export { decodePage, historyOf } from "./internal/eventDecoding.ts"
export { followProblem } from "./internal/importing.ts"
export { repeats } from "./internal/repeats.ts"
