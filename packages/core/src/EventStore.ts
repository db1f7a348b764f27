// EventStore: append to streams under an expectation, read them back in order, follow what comes. Written once, over a driver.
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { EventData, Recorded } from "./EventData.ts"
import type { EventFilter } from "./EventFilter.ts"
import type { EventId } from "./EventId.ts"
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
      options?: { readonly expected?: Expected }
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
    /** The append, not through yet, that those who follow the log have to wait for; undefined where nothing holds them up. */
    readonly obstacle: Effect.Effect<Obstacle | undefined, EventStoreError>
  }
>()("evolvent/EventStore") {}

/** An event as a driver takes it: data and metadata are JSON texts. */
export interface EncodedEvent {
  readonly id: EventId
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly metadata: string
}

/** An event as a driver gives it back; `recordedAt` in epoch milliseconds. */
export interface EncodedRecorded extends EncodedEvent {
  readonly stream: StreamName
  readonly category: string
  readonly revision: Revision
  readonly position: Position
  readonly recordedAt: number
}

/** Events of one stream as a driver takes them; `idsAreNew` where their ids were made for this append, so that nobody has them. */
export interface EncodedAppend {
  readonly stream: StreamName
  readonly category: string
  readonly expected: Expected
  readonly events: ReadonlyArray<EncodedEvent>
  readonly idsAreNew: boolean
}

/** How an append ended; a conflict is a value, and `index` says which of the appends it concerns. */
export type Outcome =
  | { readonly _tag: "Appended"; readonly results: ReadonlyArray<Appended> }
  | { readonly _tag: "Conflict"; readonly index: number; readonly actual: Revision | undefined }
  | { readonly _tag: "IdReused"; readonly index: number; readonly id: EventId; readonly problem: string }

/**
 * One page that a driver is asked for; `time` in epoch milliseconds.
 *
 * A page of a stream from a revision, a time or its beginning holds all that is stored. Every other page ends where a
 * later event could still appear in front of what follows.
 */
export interface ReadRequest {
  readonly filter: EventFilter
  readonly direction: "forwards" | "backwards"
  readonly from:
    | { readonly _tag: "Revision"; readonly revision: Revision }
    | { readonly _tag: "Position"; readonly position: Position }
    | { readonly _tag: "Time"; readonly time: number }
    | undefined
  readonly limit: number
  /** Whether the reader follows the log: it takes what there is, and would rather have a short page than wait for one. */
  readonly follows: boolean
}

/** A page of a driver; `done` when nothing lay beyond `through` when it was read. */
export interface EncodedPage extends Page<EncodedRecorded> {
  readonly done: boolean
}

/** A page of a stream's history; `endsAt` is the revision of the stream's last event when it was read, where that is known. */
export interface HistoryPage {
  readonly histories: ReadonlyArray<History>
  readonly endsAt: Revision | undefined
}

/**
 * What a backend implements; everything else about the store is written once above it (`EventStore.make`).
 *
 * `src/internal/memory/eventStore.ts` is the reference to read first, `@evolvent/testing/conformance` the suite to pass.
 */
export interface Driver {
  readonly capabilities: Capabilities
  /** Checks expectations and ids under the write and writes all appends, or none. */
  readonly append: (appends: ReadonlyArray<EncodedAppend>) => Effect.Effect<Outcome, EventStoreError>
  /** Reads one page: at most `limit` events, `through` as far as the reader may pass. */
  readonly read: (request: ReadRequest) => Effect.Effect<EncodedPage, EventStoreError>
  /**
   * Events of a stream from a revision on: `limit` of them or all that there are; fewer, but some, where they are large.
   * Without `endsAt` there may be more. Left out, it is made of `read`.
   */
  readonly history?: (stream: StreamName, from: Revision, limit: number) => Effect.Effect<HistoryPage, EventStoreError>
  readonly find: (stream: StreamName, id: EventId) => Effect.Effect<EncodedRecorded | undefined, EventStoreError>
  readonly head: Effect.Effect<Position, EventStoreError>
  /** The greatest position that is stored, also where a reader may not pass it yet; a cursor above it is from elsewhere. */
  readonly newest: Effect.Effect<Position, EventStoreError>
  readonly streamRevision: (stream: StreamName) => Effect.Effect<Revision | undefined, EventStoreError>
  /** Removes the oldest events of a stream; left out where nothing can be removed. */
  readonly truncate?: (stream: StreamName, upTo: Truncation) => Effect.Effect<void, EventStoreError>
  /** The append that holds readers up; left out where none can. */
  readonly obstacle?: Effect.Effect<Obstacle | undefined, EventStoreError>
  /**
   * Follows the log behind a position: the inner effect gives the next page, and waits until there is one. Its pages say of
   * themselves how far they go, so it needs no `listen`. Left out, it is made of `read` and `listen`.
   */
  readonly follow?: (
    filter: EventFilter,
    after: Position
  ) => Effect.Effect<Effect.Effect<EncodedPage, EventStoreError>, EventStoreError, Scope.Scope>
  /** Begins to listen; the inner effect waits until something was appended since it last returned, or since the beginning. */
  readonly listen: Effect.Effect<Effect.Effect<void>, EventStoreError, Scope.Scope>
  /** How long a subscription waits for `listen` at most before it reads again; `Infinity` where wake-ups are never lost. */
  readonly pollInterval: Duration.Input
}

export { make } from "./internal/eventStore.ts"
export { decodePage, historyOf } from "./internal/eventDecoding.ts"
export { repeats } from "./internal/repeats.ts"
