// archiveReading: an archive's events, given on part by part, each only when all of it was found as it was written.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Errors from "../ArchiveError.ts"
import type { Folder, Manifest, Part } from "../ArchiveFolder.ts"
import type { EncodedRecorded } from "../EventStore.ts"
import type { Position } from "../Position.ts"
import { fromLine } from "./archiveLine.ts"
import * as manifests from "./archiveManifest.ts"
import * as contentDigest from "./contentDigest.ts"
import * as gzip from "./gzip.ts"

// Readers take pages of about this many.
const pageSize = 1000

/** The manifest of a folder, or undefined. */
export const manifest = (folder: Folder): Effect.Effect<Manifest | undefined, Errors.ArchiveError> =>
  Effect.flatMap(folder.read(manifests.file), (bytes) =>
    bytes === undefined ? Effect.undefined : manifests.fromBytes(folder.where, bytes)
  )

/** The manifest of a folder that holds an archive, all of it. */
export const finished = Effect.fnUntraced(function* (folder: Folder): Effect.fn.Return<Manifest, Errors.ArchiveError> {
  const found = yield* manifest(folder)
  if (found === undefined) {
    return yield* Errors.because(
      folder.where,
      new Errors.NotAnArchive({ problem: `there is no ${manifests.file} in it` })
    )
  }
  if (found.complete) return found
  return yield* Errors.because(folder.where, new Errors.UnfinishedArchive({ events: found.events }))
})

/** The events of a part, all of them checked; those of the part before end at position `after`. */
export const readPart = Effect.fnUntraced(function* (
  folder: Folder,
  part: Part,
  after: number
): Effect.fn.Return<ReadonlyArray<EncodedRecorded>, Errors.ArchiveError> {
  const because = (reason: Errors.Reason) => Errors.because(folder.where, reason)
  const damaged = (problem: string) => because(new Errors.DamagedPart({ part: part.file, problem }))
  const bytes = yield* folder.read(part.file)
  if (bytes === undefined) return yield* because(new Errors.MissingPart({ part: part.file, events: part.events }))
  if (bytes.length !== part.bytes) {
    return yield* damaged(`it has ${bytes.length} bytes, and was written with ${part.bytes}`)
  }
  const sha256 = yield* contentDigest.sha256(bytes)
  if (sha256 !== part.sha256) return yield* damaged(`its SHA-256 is ${sha256}, and was ${part.sha256}`)
  const text = yield* gzip.unpack(bytes)
  if (text === undefined) return yield* damaged("it is not gzip'd UTF-8")
  if (text !== "" && !text.endsWith("\n")) return yield* damaged("its last line has no end")
  const lines = text.split("\n").slice(0, -1)
  if (lines.length !== part.events) {
    return yield* damaged(`it has ${lines.length} lines, and was written with ${part.events}`)
  }
  const events: Array<EncodedRecorded> = []
  let last = after
  for (const [i, line] of lines.entries()) {
    const event = fromLine(line)
    const invalid = (problem: string) => because(new Errors.InvalidLine({ part: part.file, line: i + 1, problem }))
    if (Result.isFailure(event)) return yield* invalid(event.failure)
    const { position } = event.success
    if (position <= last) return yield* invalid(`its position ${position} does not come behind ${last}`)
    last = position
    events.push(event.success)
  }
  if (events[0]?.position !== part.first || last !== part.last) {
    return yield* damaged(`its events do not stand from position ${part.first} to ${part.last}`)
  }
  return events
})

/** The events of the parts of a manifest. */
export const readParts = (
  folder: Folder,
  parts: ReadonlyArray<Part>,
  after: number
): Stream.Stream<EncodedRecorded, Errors.ArchiveError> =>
  Stream.fromIterable(parts.entries(), { chunkSize: 1 }).pipe(
    Stream.filter(([, part]) => part.last > after),
    Stream.flatMap(([i, part]) =>
      Stream.unwrap(
        Effect.map(readPart(folder, part, parts[i - 1]?.last ?? 0), (events) =>
          Stream.rechunk(
            Stream.fromArray(after < part.first ? events : events.filter(({ position }) => position > after)),
            pageSize
          )
        )
      )
    )
  )

export const read = (
  folder: Folder,
  options: { readonly after?: Position } = {}
): Stream.Stream<EncodedRecorded, Errors.ArchiveError> =>
  Stream.unwrap(Effect.map(finished(folder), ({ parts }) => readParts(folder, parts, options.after ?? 0)))

/** Fails unless what was read is what the manifest says of the whole. */
export const agrees = Effect.fnUntraced(function* (
  folder: Folder,
  manifest: Manifest,
  found: { readonly events: number; readonly digest: string }
): Effect.fn.Return<void, Errors.ArchiveError> {
  const damaged = (problem: string) => Errors.because(folder.where, new Errors.DamagedManifest({ problem }))
  if (found.events !== manifest.events) {
    return yield* damaged(`its parts have ${found.events} events, and it says ${manifest.events}`)
  }
  if (found.digest !== manifest.digest) {
    return yield* damaged(`the hash of all events is ${found.digest}, and it says ${manifest.digest}`)
  }
})

export const verify = Effect.fnUntraced(function* (folder: Folder): Effect.fn.Return<Manifest, Errors.ArchiveError> {
  const found = yield* finished(folder)
  const digest = contentDigest.make()
  yield* Stream.runForEachArray(readParts(folder, found.parts, 0), digest.add)
  yield* agrees(folder, found, { events: digest.count(), digest: yield* digest.value })
  return found
})
