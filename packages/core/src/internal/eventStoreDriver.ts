// The driver of an event store: what a backend implements; everything else about the store is written once above it.
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { EventFilter } from "../EventFilter.ts"
import type { EventId } from "../EventId.ts"
import type { Appended, Capabilities, Expected, History, Obstacle, Page, Truncation } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Metadata } from "../Metadata.ts"
import type { Position } from "../Position.ts"
import type { Revision } from "../Revision.ts"
import type { StreamName } from "../StreamName.ts"

/** An event as a driver takes it: data and metadata are JSON texts. */
export interface EncodedEvent {
  readonly id: EventId
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly metadata: string
}

/**
 * An event as a driver gives it back; `recordedAt` in epoch milliseconds. `parsed` is there where the driver has parsed its
 * texts anyway; whoever gets the event owns it.
 */
export interface EncodedRecorded extends EncodedEvent {
  readonly parsed?: { readonly data: Json; readonly metadata: Metadata }
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

/** A stream that is to be removed: where it is expected to end, and the event that is to take the place of all others. */
export interface EncodedRemoval {
  readonly stream: StreamName
  readonly category: string
  readonly expected: Revision
  readonly tombstone: EncodedEvent
}

/** A stream that is to come back: where its tombstone stands, its events as they were stored, and the event that says so. */
export interface EncodedRestoration {
  readonly stream: StreamName
  readonly category: string
  readonly expected: Revision
  readonly events: ReadonlyArray<EncodedRecorded>
  readonly marker: EncodedEvent
}

/** Events of another store, in the order that they have there, and the position of the event behind which they are to stand. */
export interface EncodedImport {
  readonly events: ReadonlyArray<EncodedRecorded>
  /** The last position of the log, `Position.beginning` where nothing is stored. */
  readonly behind: Position
}

/**
 * How an import ended: the position of its last event; or the log ends elsewhere than it was said to; or the event at `index`
 * cannot stand where it is to. Nothing was stored then, or, without transactions, the first ones of the events.
 */
export type Imported =
  | { readonly _tag: "Imported"; readonly last: Position }
  | { readonly _tag: "Moved"; readonly newest: Position }
  | { readonly _tag: "Misplaced"; readonly index: number; readonly problem: string }

/**
 * How an append ended; a conflict is a value, and `index` says which of the appends it concerns. "Removed" is how every
 * append ends to a stream whose last event is a tombstone (`Tombstone.isTombstone`), wherever it is expected.
 */
export type Outcome =
  | { readonly _tag: "Appended"; readonly results: ReadonlyArray<Appended> }
  | { readonly _tag: "Conflict"; readonly index: number; readonly actual: Revision | undefined }
  | { readonly _tag: "IdReused"; readonly index: number; readonly id: EventId; readonly problem: string }
  | { readonly _tag: "Removed"; readonly index: number }

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
  /**
   * Appends the tombstone behind a stream's last event and removes all events before it, in one step, unless that last event
   * is elsewhere ("Conflict"). Where the tombstone is that last event it does what was left undone. Left out where events cannot be removed.
   */
  readonly remove?: (removal: EncodedRemoval) => Effect.Effect<Outcome, EventStoreError>
  /**
   * Puts events back before their stream's tombstone, at their own revisions, positions and times, and appends the marker
   * behind it, in one step, unless the tombstone is elsewhere, or others have their places or ids. Left out where nothing can stand where it stood.
   */
  readonly restore?: (restoration: EncodedRestoration) => Effect.Effect<Outcome, EventStoreError>
  /**
   * Stores events of another store behind the end of the log, in their order, at new positions, with the ids, revisions and
   * times that they have. It is refused unless the log ends where it is said to, and unless each follows what its stream
   * holds: the next revision, no earlier time, no id that is stored. Left out where that cannot be done.
   */
  readonly import?: (events: EncodedImport) => Effect.Effect<Imported, EventStoreError>
  /** Whether an append of this fiber joins a transaction of its caller; left out where none can. */
  readonly joinsTransaction?: Effect.Effect<boolean>
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
