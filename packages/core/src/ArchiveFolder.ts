// ArchiveFolder: events in a folder of gzip'd NDJSON files with a manifest: the format that exports, backups and archives share.
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { ArchiveError } from "./ArchiveError.ts"
import type { EncodedRecorded } from "./EventStore.ts"
import * as disk from "./internal/archiveDisk.ts"
import * as manifests from "./internal/archiveManifest.ts"
import * as reading from "./internal/archiveReading.ts"
import * as writing from "./internal/archiveWriting.ts"
import type { Position } from "./Position.ts"

/**
 * Where the files of one archive are: a folder on a disk (`onDisk`), in memory (`inMemory`), or of an object store by these
 * two functions. Names are plain, such as `manifest.json` and `part-000001.ndjson.gz`; files have a few megabytes.
 */
export interface Folder {
  /** In words, for messages. */
  readonly where: string
  /** A whole file, or undefined where there is none. */
  readonly read: (name: string) => Effect.Effect<Uint8Array<ArrayBuffer> | undefined, ArchiveError>
  /** Writes a file, whole or not at all, in the place of what was there; it is safe when this returns. */
  readonly write: (name: string, bytes: Uint8Array<ArrayBuffer>) => Effect.Effect<void, ArchiveError>
}

/** Which events an archive holds. */
export const Holds = manifests.Holds
export type Holds = manifests.Holds

/** One file of events: how many, at which positions of the store that they come from, and the SHA-256 of its bytes. */
export const Part = manifests.Part
export type Part = manifests.Part

/**
 * What `manifest.json` says.
 *
 * `digest` is the hash of all events in their order (`StoreCopy.digest` of where they come from, and of where they go);
 * `sha256` is that of the manifest's other fields as canonical JSON. While an archive is being written `complete` is false.
 */
export const Manifest = manifests.Manifest
export type Manifest = manifests.Manifest

/** The newest version of the format that this release reads, and the one that it writes. */
export const version = manifests.version

/** What is needed of `effect/FileSystem`, or of any other file system. */
export type Disk<E> = disk.Disk<E>

/**
 * A folder on a disk, which is made where it is not there.
 *
 * A file is written under another name, flushed, and renamed; then the folder is flushed: a power cut leaves the whole file
 * or none.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as FileSystem from "effect/FileSystem"
 * import * as ArchiveFolder from "evolvent/ArchiveFolder"
 *
 * const backup = FileSystem.FileSystem.use((fs) => Effect.succeed(ArchiveFolder.onDisk(fs, "backups/monday")))
 * ```
 */
export const onDisk: <E extends Error>(fileSystem: Disk<E>, path: string) => Folder = disk.onDisk

/** A folder in memory; for tests. */
export const inMemory: (where?: string, files?: Map<string, Uint8Array<ArrayBuffer>>) => Folder = disk.inMemory

/** How an archive is written. */
export interface WriteOptions {
  /** A part has at most so many events; 10 000 unless given. */
  readonly eventsPerPart?: number
  /** A part ends behind so many bytes of lines, before they are compressed; four million unless given. */
  readonly bytesPerPart?: number
  /** Told after each part, and at the end. */
  readonly tell?: (manifest: Manifest) => Effect.Effect<unknown>
}

/**
 * Writes events into a folder, in parts, and gives the manifest.
 *
 * `events` gives the events behind a position, in the order of positions; `last` is the event there, undefined at the
 * beginning. Killed at any step and called again, it reads what it had written, checks it, and goes on behind it; so it does
 * with an archive that was finished and has more to hold. Fails with `OtherArchive` where the folder holds something else.
 * One writer at a time.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as ArchiveFolder from "evolvent/ArchiveFolder"
 *
 * const folder = ArchiveFolder.inMemory()
 * const written = ArchiveFolder.write(folder, { _tag: "Store", system: false }, () => Stream.empty)
 * await Effect.runPromise(Effect.map(written, ({ events, complete }) => [events, complete])) // => [0, true]
 * ```
 */
export const write: <E, R>(
  folder: Folder,
  holds: Holds,
  events: (after: Position, last: EncodedRecorded | undefined) => Stream.Stream<EncodedRecorded, E, R>,
  options?: WriteOptions
) => Effect.Effect<Manifest, E | ArchiveError, R> = writing.write

/** What the manifest says, checked against its own hash; undefined in an empty folder. */
export const manifest: (folder: Folder) => Effect.Effect<Manifest | undefined, ArchiveError> = reading.manifest

/**
 * The events of an archive, in order, page by page.
 *
 * A part is read whole, its checksum, its count and each of its lines are checked, and only then its events are given on. So
 * one part is in memory at a time. An archive that nobody finished is refused (`UnfinishedArchive`).
 */
export const read: (
  folder: Folder,
  options?: { readonly after?: Position }
) => Stream.Stream<EncodedRecorded, ArchiveError> = reading.read

/** Reads all of an archive and checks it, by part and as a whole; its manifest where nothing is wrong. */
export const verify: (folder: Folder) => Effect.Effect<Manifest, ArchiveError> = reading.verify
