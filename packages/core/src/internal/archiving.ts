// archiving: copies events into an archive, reads the copy back, and only then lets streams leave the store.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ArchiveOptions, Archived, EraseOptions, Readers, What } from "../Archive.ts"
import type { ArchiveError } from "../ArchiveError.ts"
import * as ArchiveFolder from "../ArchiveFolder.ts"
import type { Folder, Holds, Manifest } from "../ArchiveFolder.ts"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { Appended, EncodedRecorded } from "../EventStore.ts"
import { because, InvalidRequest } from "../EventStoreError.ts"
import type { EventStoreError, WrongExpectedRevision } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import * as Revision from "../Revision.ts"
import { SnapshotStore } from "../SnapshotStore.ts"
import type { SnapshotStoreError } from "../SnapshotStore.ts"
import * as StreamName from "../StreamName.ts"
import { streamsOf, torn } from "./archiveStreams.ts"
import * as writing from "./archiveWriting.ts"
import * as parking from "./processorParking.ts"
import { checkpointName, status } from "./processorStatus.ts"
import { untilWhole } from "./streamEnds.ts"

/** Somebody still has to read events of what is to be removed. */
export class ReadersBehind extends Schema.TaggedError<ReadersBehind>()("ReadersBehind", {
  readers: Schema.Array(Schema.Struct({ name: Schema.String, position: Schema.Int, problem: Schema.String })),
  position: Schema.Int
}) {
  override get message(): string {
    const names = this.readers.map(({ name, problem }) => `"${name}" ${problem}`).join(", ")
    return (
      `Nothing was removed: ${names}, and what is to be removed goes up to position ${this.position}. They would never see ` +
      `it: wait for them (Processor.waitFor), or remove it with \`force\` where they need not.`
    )
  }
}

/** Which of a store's events are meant, and how the manifest says so. */
const selection = Effect.fnUntraced(function* (
  what: What
): Effect.fn.Return<
  { readonly holds: Holds; readonly filter: EventFilter.EventFilter; readonly end: number },
  EventStoreError
> {
  if ("before" in what) {
    if (!Position.isPosition(what.before)) {
      const problem = `${what.before} is no position: whole numbers from 0 are`
      return yield* because("Archive.copy", new InvalidRequest({ problem }))
    }
    return { holds: { _tag: "Before", position: what.before }, filter: EventFilter.all(), end: what.before }
  }
  const streams = [...new Set(what.streams)].toSorted()
  const [only] = streams
  const categories = [...new Set(streams.map(StreamName.category))].map((category) => ({ category }))
  return {
    holds: { _tag: "Streams", streams },
    filter: only !== undefined && streams.length === 1 ? EventFilter.stream(only) : EventFilter.categories(categories),
    end: Infinity
  }
})

export const copy = Effect.fnUntraced(function* (
  folder: Folder,
  what: What,
  options?: ArchiveFolder.WriteOptions
): Effect.fn.Return<Manifest, ArchiveError | EventStoreError, EventStore> {
  const store = yield* EventStore
  const { end, filter, holds } = yield* selection(what)
  const names = "streams" in what ? new Set<string>(what.streams) : undefined
  const isMeant = ({ stream }: EncodedRecorded): boolean => names === undefined || names.has(stream)
  const read = (after: number) =>
    store.readEncoded(filter, { from: { position: Position.make(after + 1) } }).pipe(
      Stream.takeWhile(({ position }) => position < end),
      Stream.filter(isMeant)
    )
  const fail = (problem: string) => Effect.fail<ArchiveError | EventStoreError>(torn(folder, problem))
  const isPart = names === undefined
  const found = yield* ArchiveFolder.manifest(folder)
  const isDone = found?.complete === true
  yield* writing.write(
    folder,
    holds,
    (after, _, ends) => {
      if (!isDone) return untilWhole({ store, filter, ends, after, read, fail, mayHaveHoles: false, isPart })
      // Streams that were archived by it may be gone from the store since.
      return isPart ? read(after) : Stream.empty
    },
    options
  )
  return yield* ArchiveFolder.verify(folder)
})

/** Fails where a reader has not come so far, or has set aside what is of these streams. */
const checkReaders = Effect.fnUntraced(function* (
  readers: Readers,
  streams: ReadonlySet<string>,
  last: number
): Effect.fn.Return<void, ReadersBehind | CheckpointStoreError | EventStoreError, CheckpointStore | EventStore> {
  const store = yield* EventStore
  const behind: Array<{ readonly name: string; readonly position: number; readonly problem: string }> = []
  for (const reader of readers) {
    const { lag, position } = yield* status(reader)
    const { entries } = yield* parking.read(store, checkpointName(reader))
    const parked = [...entries.values()].some((ofKey) => [...ofKey.values()].some(({ stream }) => streams.has(stream)))
    if (parked) behind.push({ name: reader.name, position, problem: "has parked some of it" })
    else if (lag !== undefined && position < last) {
      behind.push({ name: reader.name, position, problem: `is at position ${position}` })
    }
  }
  if (behind.length > 0) return yield* new ReadersBehind({ readers: behind, position: last })
})

/** Forgets the snapshots of a stream that is gone. */
const forget = (stream: StreamName.StreamName): Effect.Effect<void, SnapshotStoreError> =>
  Effect.flatMap(
    Effect.serviceOption(SnapshotStore),
    Option.match({ onNone: () => Effect.void, onSome: (store) => store.remove(stream) })
  )

export const archive = Effect.fnUntraced(function* (
  folder: Folder,
  { force = false, readers, reason, streams, ...options }: ArchiveOptions
): Effect.fn.Return<
  Archived,
  ReadersBehind | ArchiveError | EventStoreError | CheckpointStoreError,
  EventStore | CheckpointStore
> {
  const manifest = yield* copy(folder, { streams }, options)
  const held = yield* streamsOf(folder)
  const positions = [...held.values()].map(({ position }) => position)
  if (!force) {
    const last = positions.reduce((most, position) => Math.max(most, position), 0)
    yield* checkReaders(readers, new Set(held.keys()), last)
  }
  const store = yield* EventStore
  const because = reason === undefined ? {} : { reason }
  const ends = yield* Effect.forEach(
    new Set(streams),
    (stream) => {
      const end = held.get(stream)
      // Nothing of it was copied, or only what is left of it: then all of it is in another archive.
      if (end === undefined || !end.isWhole)
        return Effect.succeed({ stream, position: undefined, actual: end?.revision })
      const expected = Revision.make(end.revision)
      return store.remove(stream, { as: "archived", expected, archive: folder.where, ...because }).pipe(
        // They are but a cache, of what is not secret.
        Effect.tap(Effect.ignore(forget(stream))),
        Effect.map(({ position }) => ({ stream, position, actual: undefined })),
        Effect.catchReason("EventStoreError", "StreamDeleted", ({ revision }) =>
          Effect.succeed({ stream, position: undefined, actual: revision })
        ),
        Effect.catchTag("WrongExpectedRevision", ({ actual }) =>
          Effect.succeed({ stream, position: undefined, actual })
        )
      )
    },
    { concurrency: 8 }
  )
  return {
    manifest,
    removed: ends.flatMap(({ position, stream }) => (position === undefined ? [] : [{ stream, position }])),
    kept: ends.flatMap(({ actual, position, stream }) => (position === undefined ? [{ stream, revision: actual }] : []))
  }
})

export const erase = Effect.fnUntraced(function* (
  stream: StreamName.StreamName,
  { expected, force = false, readers, reason }: EraseOptions
): Effect.fn.Return<
  Appended,
  ReadersBehind | WrongExpectedRevision | EventStoreError | CheckpointStoreError | SnapshotStoreError,
  EventStore | CheckpointStore
> {
  const store = yield* EventStore
  const [last] = yield* Stream.runCollect(store.read(EventFilter.stream(stream), { direction: "backwards", limit: 1 }))
  if (last === undefined) {
    const problem = `stream ${stream} has no events, so there is nothing to erase`
    return yield* because("Archive.erase", new InvalidRequest({ problem }))
  }
  if (!force) yield* checkReaders(readers, new Set([stream]), last.position)
  const removal = { as: "deleted", expected: expected ?? last.revision } as const
  const removed = yield* store.remove(stream, reason === undefined ? removal : { ...removal, reason })
  // Whoever asks again gets here again.
  yield* forget(stream)
  return removed
})
