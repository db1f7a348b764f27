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
import type { EventStoreError } from "../EventStoreError.ts"
import type { StreamName } from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import * as archiveIndex from "./archiveIndex.ts"
import { take } from "./streamEnds.ts"
import type { Ends } from "./streamEnds.ts"

/** The error of an archive of which a stream is not whole. */
export const torn = (folder: Folder, problem: string): ArchiveError =>
  Errors.because(folder.where, new Errors.TornStream({ problem }))

/** Where each stream of an archive ends. Fails where one has a hole. */
export const streamsOf = Effect.fnUntraced(function* (folder: Folder): Effect.fn.Return<Ends, ArchiveError> {
  const ends: Ends = new Map()
  yield* Stream.runForEachArray(ArchiveFolder.read(folder), (events) => {
    for (const event of events) {
      const problem = take(ends, event)
      if (problem !== undefined) return Effect.fail(torn(folder, problem))
    }
    return Effect.void
  })
  return ends
})

export const verify = (folder: Folder): Effect.Effect<Manifest, ArchiveError> =>
  Effect.tap(ArchiveFolder.verify(folder), () => streamsOf(folder))

// So many events are in memory while streams come back, or those of one stream: an archive is not read for each stream anew.
const eventsAtOnce = 20_000

/** Streams in batches, by how many events they can have at most. */
const batchesOf = (streams: ReadonlyArray<StreamName>, ends: Ends): ReadonlyArray<ReadonlyArray<StreamName>> => {
  const batches: Array<Array<StreamName>> = []
  let room = 0
  for (const stream of streams) {
    const size = (ends.get(stream)?.revision ?? 0) + 1
    if (size > room) {
      batches.push([])
      room = eventsAtOnce
    }
    batches.at(-1)?.push(stream)
    room -= size
  }
  return batches
}

export const restore = Effect.fnUntraced(function* (
  folder: Folder,
  { streams }: RestoreOptions = {}
): Effect.fn.Return<Restored, ArchiveError | EventStoreError, EventStore> {
  const store = yield* EventStore
  yield* ArchiveFolder.verify(folder)
  const ends = yield* streamsOf(folder)
  const index = yield* archiveIndex.make([folder])
  const held = yield* index.streams
  const missing = streams?.find((stream) => !held.includes(stream))
  if (missing !== undefined) {
    return yield* Errors.because(folder.where, new Errors.NoSuchStream({ stream: missing }))
  }
  const restored: Array<Restored["restored"][number]> = []
  const kept: Array<StreamName> = []
  for (const batch of batchesOf(streams ?? held, ends)) {
    const all = yield* index.encodedStreams(batch)
    for (const stream of batch) {
      const last = yield* Stream.runCollect(
        store.read(EventFilter.stream(stream), { direction: "backwards", limit: 1 })
      )
      const events = all.get(stream) ?? []
      const isClosed = ({ type }: { readonly type: string }) => type === "$archived" || type === Tombstone.restored
      const asked = last.filter(isClosed)
      // Another archive has the events of a stream that has gone on since, or of another store: one that is meant is refused.
      const isOurs = asked.some(({ data }) => (data as { readonly last?: string }).last === events.at(-1)?.id)
      if (streams === undefined ? isOurs : asked.length > 0) {
        const { position } = yield* store.restore(stream, events)
        restored.push({ stream, position })
      } else kept.push(stream)
    }
  }
  return { restored, kept }
})
