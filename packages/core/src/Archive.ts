// Archive: closed streams leave the store for files and come back; streams are deleted for good; archives are read like a store.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ArchiveError } from "./ArchiveError.ts"
import type { Folder, Manifest, WriteOptions } from "./ArchiveFolder.ts"
import type { CheckpointStore } from "./CheckpointStore.ts"
import type { CheckpointStoreError } from "./CheckpointStoreError.ts"
import { EventStore } from "./EventStore.ts"
import type { Appended } from "./EventStore.ts"
import type { EventStoreError, WrongExpectedRevision } from "./EventStoreError.ts"
import * as archiveIndex from "./internal/archiveIndex.ts"
import * as archiveSource from "./internal/archiveSource.ts"
import * as archiveStreams from "./internal/archiveStreams.ts"
import * as archiveThrough from "./internal/archiveThrough.ts"
import * as archiving from "./internal/archiving.ts"
import type { ReadersBehind } from "./internal/archiving.ts"
import type { Target } from "./Processor.ts"
import type { Position } from "./Position.ts"
import type { Revision } from "./Revision.ts"
import type { SnapshotStoreError } from "./SnapshotStore.ts"
import type { StreamName } from "./StreamName.ts"

export { ReadersBehind } from "./internal/archiving.ts"

/** What goes into an archive: some streams, whole, or everything before a position but the library's own categories. */
export type What = { readonly streams: ReadonlyArray<StreamName> } | { readonly before: Position }

/** The processors and projections that read the store: none of them is to miss what is removed. */
export type Readers = ReadonlyArray<Target>

/** Which streams leave the store, and who has to have read them. */
export interface ArchiveOptions extends WriteOptions {
  /** Streams to which nothing will be appended any more. One that grows meanwhile is kept. */
  readonly streams: ReadonlyArray<StreamName>
  readonly readers: Readers
  /** Removes also what a reader has not read, or has parked: it will see the tombstone, and never the events. */
  readonly force?: boolean
  /** For the tombstones. */
  readonly reason?: string
}

/** What became of the streams: each is gone but for the tombstone at `position`, or was kept since it ends at `revision` now. */
export interface Archived {
  readonly manifest: Manifest
  readonly removed: ReadonlyArray<{ readonly stream: StreamName; readonly position: Position }>
  readonly kept: ReadonlyArray<{ readonly stream: StreamName; readonly revision: number | undefined }>
}

/** How a stream is deleted. */
export interface EraseOptions {
  /** The revision of its last event; wherever it ends unless given. */
  readonly expected?: Revision
  readonly readers: Readers
  /** Deletes it also where a reader has not read it yet, or has parked some of it. */
  readonly force?: boolean
  /** For the tombstone, which stays: nothing in it should be what was to be deleted. */
  readonly reason?: string
}

/** Which streams come back; all of the archive unless given. */
export interface RestoreOptions {
  readonly streams?: ReadonlyArray<StreamName>
}

/** What came back, and behind which position it goes on; and what this store has not archived with these events, and was left alone. */
export interface Restored {
  readonly restored: ReadonlyArray<{ readonly stream: StreamName; readonly position: Position }>
  readonly kept: ReadonlyArray<StreamName>
}

/**
 * Copies events into a folder, reads the copy back and checks it. Nothing leaves the store.
 *
 * Killed at any step and called again, it goes on where it was. A stream that is removed meanwhile, so that not all of it was
 * copied, is a `TornStream`: nothing is finished then. Several streams are found by reading their categories through.
 */
export const copy: (
  folder: Folder,
  what: What,
  options?: WriteOptions
) => Effect.Effect<Manifest, ArchiveError | EventStoreError, EventStore> = archiving.copy

/**
 * Archives streams: copies them, reads the copy back and checks it, and then removes them from the store.
 *
 * Of each a tombstone is left, an event of type `$archived` (`Tombstone`); appends and loads fail with `StreamArchived` from
 * then on. It is not begun while a reader has yet to read some of it ({@link ReadersBehind}). Killed at any step and called
 * again with the same folder and streams it goes on where it was. The store must be able to (`capabilities.remove`, else
 * `Unsupported`); on PostgreSQL it takes the owner's role.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Archive from "evolvent/Archive"
 * import * as ArchiveFolder from "evolvent/ArchiveFolder"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   const ada = StreamName.make("Account", "ada")
 *   yield* store.append(ada, [{ type: "Opened", data: {} }, { type: "Closed", data: {} }])
 *   const folder = ArchiveFolder.inMemory("shelf 7")
 *   const { removed } = yield* Archive.archive(folder, { streams: [ada], readers: [] })
 *   return removed.map(({ stream }) => stream)
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Memory.layer))) // => ["Account-ada"]
 * ```
 */
export const archive: (
  folder: Folder,
  options: ArchiveOptions
) => Effect.Effect<
  Archived,
  ReadersBehind | ArchiveError | EventStoreError | CheckpointStoreError,
  EventStore | CheckpointStore
> = archiving.archive

/**
 * Deletes a stream for good. A tombstone is left, an event of type `$deleted`; appends and loads fail with `StreamDeleted` from
 * then on, and an id that is deleted is not used again.
 *
 * Its snapshots go, too: where they cannot be removed it fails with `SnapshotStoreError`, and called again it does what was left
 * undone. Read models hear of it by the tombstone: see `Projection.Removed`. What was copied elsewhere, into archives, buses or
 * backups, is not found by it.
 */
export const erase: (
  stream: StreamName,
  options: EraseOptions
) => Effect.Effect<
  Appended,
  ReadersBehind | WrongExpectedRevision | EventStoreError | CheckpointStoreError | SnapshotStoreError,
  EventStore | CheckpointStore
> = archiving.erase

/** Reads all of an archive and checks it: the manifest, each part's hash and count, the whole, and that no stream has a hole. */
export const verify: (folder: Folder) => Effect.Effect<Manifest, ArchiveError> = archiveStreams.verify

/**
 * Brings archived streams back: each event stands again where it stood, at its own revision, position and time, and behind the
 * tombstone an event of type `$restored` says so. Then the stream goes on.
 *
 * Readers that have passed do not see the events again. So whatever began while the stream was archived, and without the
 * archive ({@link layerSource}), has never seen them: rebuild such projections (`Processor.rebuild`), or their rows lack what
 * came before the tombstone. An export that was made while it was archived cannot go on: begin another one. It is for the store that they were archived from, and where that can
 * let them stand where they stood (`capabilities.restore`, else `Unsupported`); into another one they are copied
 * (`StoreCopy`). All of the archive is checked first. Called again it does what was left undone.
 */
export const restore: (
  folder: Folder,
  options?: RestoreOptions
) => Effect.Effect<Restored, ArchiveError | EventStoreError, EventStore> = archiveStreams.restore

/**
 * Reads the store together with archives of it, as if nothing had been archived.
 *
 * Within it `Aggregate.load` finds archived streams, and whatever reads or follows the log forwards gets the archived events
 * where they stood, in order of position: `Processor.rebuild`, `Projection.fold`, a new processor. Appends to them are refused
 * as before. The manifests are read when the layer is built, a part when something of it is wanted; the first stream that is
 * loaded has all parts read once.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as Archive from "evolvent/Archive"
 * import * as ArchiveFolder from "evolvent/ArchiveFolder"
 * import * as EventFilter from "evolvent/EventFilter"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const types = EventStore.use((store) =>
 *   Effect.map(Stream.runCollect(store.read(EventFilter.all())), (events) => events.map(({ type }) => type))
 * )
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   const ada = StreamName.make("Account", "ada")
 *   yield* store.append(ada, [{ type: "Opened", data: {} }, { type: "Closed", data: {} }])
 *   const shelf = ArchiveFolder.inMemory("shelf 7")
 *   yield* Archive.archive(shelf, { streams: [ada], readers: [] })
 *   return [yield* types, yield* Effect.provide(types, Archive.layerSource(shelf))]
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Memory.layer)))
 * // => [["$archived"], ["Opened", "Closed", "$archived"]]
 * ```
 */
export const layerSource = (
  ...folders: readonly [Folder, ...ReadonlyArray<Folder>]
): Layer.Layer<EventStore, ArchiveError, EventStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const source = yield* archiveIndex.make(folders)
      return Context.make(EventStore, archiveThrough.make(yield* EventStore, source)).pipe(
        Context.add(archiveSource.Current, source)
      )
    })
  )
