// archiveStreams: which streams an archive holds, each of them whole and without holes, and how they come back from it.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Errors from "../ArchiveError.ts"
import type { ArchiveError } from "../ArchiveError.ts"
import * as ArchiveFolder from "../ArchiveFolder.ts"
import type { Folder, Manifest } from "../ArchiveFolder.ts"
import type { RestoreOptions, Restored } from "../Archive.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { EncodedRecorded } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { StreamName } from "../StreamName.ts"
import * as StreamNames from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import * as archiveIndex from "./archiveIndex.ts"

/** Where the last event of a stream stands. */
interface Last extends Pick<EncodedRecorded, "revision" | "position" | "recordedAt"> {
  /** Whether it begins at its beginning. */
  readonly isWhole: boolean
}

/** Why an event cannot stand behind what an archive has of its stream before it, or undefined. */
const problemOf = ({ category, recordedAt, revision, stream, type }: EncodedRecorded, last: Last | undefined) => {
  if (last === undefined) {
    // Of a removed stream there is the tombstone; the messages of a bus are not kept for ever.
    const mayBegin = revision === 0 || Tombstone.isTombstone({ type }) || StreamNames.isSystemCategory(category)
    return mayBegin ? undefined : `stream ${stream} begins at revision ${revision}`
  }
  if (revision !== last.revision + 1) return `revision ${revision} of stream ${stream} comes behind ${last.revision}`
  return recordedAt < last.recordedAt
    ? `revision ${revision} of stream ${stream} was recorded before the one that it comes behind`
    : undefined
}

/** Where each stream of an archive ends. Fails where one has a hole. */
export const streamsOf = Effect.fnUntraced(function* (
  folder: Folder
): Effect.fn.Return<ReadonlyMap<StreamName, Last>, ArchiveError> {
  const ends = new Map<StreamName, Last>()
  yield* Stream.runForEachArray(ArchiveFolder.read(folder), (events) => {
    for (const event of events) {
      const last = ends.get(event.stream)
      const problem = problemOf(event, last)
      if (problem !== undefined) return Effect.fail(Errors.because(folder.where, new Errors.TornStream({ problem })))
      const { position, recordedAt, revision } = event
      ends.set(event.stream, { position, recordedAt, revision, isWhole: last?.isWhole ?? revision === 0 })
    }
    return Effect.void
  })
  return ends
})

export const verify = (folder: Folder): Effect.Effect<Manifest, ArchiveError> =>
  Effect.tap(ArchiveFolder.verify(folder), () => streamsOf(folder))

export const restore = Effect.fnUntraced(function* (
  folder: Folder,
  { streams }: RestoreOptions = {}
): Effect.fn.Return<Restored, ArchiveError | EventStoreError, EventStore> {
  const store = yield* EventStore
  yield* verify(folder)
  const index = yield* archiveIndex.make([folder])
  const held = yield* index.streams
  const missing = streams?.find((stream) => !held.includes(stream))
  if (missing !== undefined) {
    return yield* Errors.because(folder.where, new Errors.NoSuchStream({ stream: missing }))
  }
  const restored: Array<Restored["restored"][number]> = []
  const kept: Array<StreamName> = []
  for (const stream of streams ?? held) {
    const last = yield* Stream.runCollect(store.read(EventFilter.stream(stream), { direction: "backwards", limit: 1 }))
    if (last.some(({ type }) => type === "$archived" || type === Tombstone.restored)) {
      const events = yield* Stream.runCollect(index.encodedStream(stream))
      const { position } = yield* store.restore(stream, events)
      restored.push({ stream, position })
    } else kept.push(stream)
  }
  return { restored, kept }
})
