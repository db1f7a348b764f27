// archiveIndex: archives as a source of events: in the order of positions across folders, and stream by stream.
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { ArchiveError } from "../ArchiveError.ts"
import type { Folder, Part } from "../ArchiveFolder.ts"
import * as EventFilter from "../EventFilter.ts"
import type { EncodedRecorded } from "../EventStore.ts"
import * as Errors from "../EventStoreError.ts"
import type { StreamName } from "../StreamName.ts"
import * as reading from "./archiveReading.ts"
import type { Source } from "./archiveSource.ts"
import { decodeRecorded } from "./eventDecoding.ts"

// Whoever loads streams from an archive mostly loads neighbours: these parts are kept unpacked.
const partsKept = 4

/** A part, with its folder and what is before it there. */
interface Place {
  readonly folder: Folder
  readonly part: Part
  readonly after: number
}

/** The parts of some folders, in the order of their first positions. Fails where one holds no finished archive. */
const placesOf = (folders: ReadonlyArray<Folder>): Effect.Effect<ReadonlyArray<Place>, ArchiveError> =>
  Effect.map(
    Effect.forEach(folders, (folder) =>
      Effect.map(reading.finished(folder), ({ parts }) =>
        parts.map((part, i): Place => ({ folder, part, after: parts[i - 1]?.last ?? 0 }))
      )
    ),
    (all) => all.flat().toSorted((a, b) => a.part.first - b.part.first)
  )

/** Events in order, one of each position: what two archives hold is one event. */
const inOrder = (events: ReadonlyArray<EncodedRecorded>): ReadonlyArray<EncodedRecorded> =>
  events.toSorted((a, b) => a.position - b.position).filter((event, i, all) => event.position !== all[i - 1]?.position)

/** All events of some parts behind a position, in order; so many parts are in memory as overlap. */
const sweep = (
  read: (place: Place) => Effect.Effect<ReadonlyArray<EncodedRecorded>, ArchiveError>,
  all: ReadonlyArray<Place>,
  after: number
): Stream.Stream<EncodedRecorded, ArchiveError> => {
  const places = all.filter(({ part }) => part.last > after)
  return Stream.suspend(() => {
    let waiting: ReadonlyArray<EncodedRecorded> = []
    return Stream.fromIterable(places.entries(), { chunkSize: 1 }).pipe(
      Stream.mapEffect(([i, place]) =>
        Effect.map(read(place), (events) => {
          const next = places[i + 1]?.part.first ?? Infinity
          waiting = inOrder([...waiting, ...events.filter(({ position }) => position > after)])
          const open = waiting.findIndex(({ position }) => position >= next)
          const ready = open < 0 ? waiting : waiting.slice(0, open)
          waiting = open < 0 ? [] : waiting.slice(open)
          return ready
        })
      ),
      Stream.flattenIterable
    )
  })
}

/** Why an archive does not give what a store would. */
const asStoreError = (error: ArchiveError): Errors.EventStoreError =>
  Errors.because(
    "Archive.read",
    error.isRetryable
      ? new Errors.Unavailable({ problem: error.message.replace(/\.$/, ""), cause: error })
      : new Errors.InvalidRequest({ problem: error.message.replace(/\.$/, "") })
  )

/** What an archive is asked beside its events. */
export interface Index {
  /** Which streams it has events of. */
  readonly streams: Effect.Effect<ReadonlyArray<StreamName>, ArchiveError>
  /** The events of some streams, as they are stored: each part is read once for all of them. */
  readonly encodedStreams: (
    streams: ReadonlyArray<StreamName>
  ) => Effect.Effect<ReadonlyMap<StreamName, ReadonlyArray<EncodedRecorded>>, ArchiveError>
}

/** The source of some folders: their manifests are read now, their parts when somebody asks for them. */
export const make = Effect.fnUntraced(function* (
  folders: ReadonlyArray<Folder>
): Effect.fn.Return<Source & Index, ArchiveError> {
  const places = yield* placesOf(folders)
  const kept = new Map<Place, ReadonlyArray<EncodedRecorded>>()
  const read = (place: Place): Effect.Effect<ReadonlyArray<EncodedRecorded>, ArchiveError> =>
    Effect.suspend(() => {
      const found = kept.get(place)
      return found === undefined ? reading.readPart(place.folder, place.part, place.after) : Effect.succeed(found)
    })
  const readAndKeep = (place: Place) =>
    Effect.tap(read(place), (events) =>
      Effect.sync(() => {
        kept.delete(place)
        for (const oldest of kept.keys()) if (kept.size >= partsKept) kept.delete(oldest)
        kept.set(place, events)
      })
    )
  // Which parts a stream is in: made once, when the first stream is asked for.
  let found: ReadonlyMap<StreamName, ReadonlyArray<Place>> | undefined
  const lock = yield* Semaphore.make(1)
  const indexed = lock.withPermits(1)(
    Effect.gen(function* () {
      if (found !== undefined) return found
      const index = new Map<StreamName, Array<Place>>()
      for (const place of places) {
        const names = new Set((yield* read(place)).map(({ stream }) => stream))
        for (const name of names) {
          const list = index.get(name)
          if (list === undefined) index.set(name, [place])
          else list.push(place)
        }
      }
      return (found = index)
    })
  )
  const encodedStream = (stream: StreamName): Stream.Stream<EncodedRecorded, ArchiveError> =>
    Stream.unwrap(
      Effect.map(indexed, (index) =>
        Stream.filter(sweep(readAndKeep, index.get(stream) ?? [], 0), (event) => event.stream === stream)
      )
    )
  const encodedStreams = Effect.fnUntraced(function* (streams: ReadonlyArray<StreamName>) {
    const index = yield* indexed
    const among = new Set(streams.flatMap((stream) => index.get(stream) ?? []))
    const events = new Map(streams.map((stream): [StreamName, Array<EncodedRecorded>] => [stream, []]))
    yield* Stream.runForEachArray(
      sweep(
        read,
        places.filter((place) => among.has(place)),
        0
      ),
      (page) =>
        Effect.sync(() => {
          for (const event of page) events.get(event.stream)?.push(event)
        })
    )
    return events
  })
  return {
    read: (filter, after) => {
      const matches = EventFilter.predicate(filter)
      const found = filter._tag === "Stream" ? encodedStream(filter.stream) : sweep(read, places, after)
      const wanted = Stream.filter(found, (event) => event.position > after && matches(event))
      return Stream.map(Stream.mapError(wanted, asStoreError), decodeRecorded)
    },
    streams: Effect.map(indexed, (index) => [...index.keys()].toSorted()),
    encodedStreams,
    stream: (stream) => Stream.map(Stream.mapError(encodedStream(stream), asStoreError), decodeRecorded)
  }
})
