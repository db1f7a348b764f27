// storeCopy: the ways that a copy takes, from a store or a folder into a store or a folder, and how far it is.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { because, OtherArchive } from "../ArchiveError.ts"
import type { ArchiveError } from "../ArchiveError.ts"
import * as ArchiveFolder from "../ArchiveFolder.ts"
import type { Folder, Holds } from "../ArchiveFolder.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { EncodedRecorded } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { CopyOptions, CopyProgress, Selection } from "../StoreCopy.ts"
import * as Tombstone from "../Tombstone.ts"
import { agrees } from "./archiveReading.ts"
import { torn } from "./archiveStreams.ts"
import * as writing from "./archiveWriting.ts"
import * as contentDigest from "./contentDigest.ts"
import { copyInto } from "./copyInto.ts"
import { CopyRefused } from "./copyRefused.ts"
import { filterOf } from "./storeDigest.ts"
import { untilWhole } from "./streamEnds.ts"

type Tell = (progress: CopyProgress) => Effect.Effect<unknown>

/** Runs a copy, and gives what it tells. */
const told = <E, R>(copy: (tell: Tell) => Effect.Effect<void, E, R>): Stream.Stream<CopyProgress, E, R> =>
  Stream.callback<CopyProgress, E, R>(
    (queue) =>
      Effect.andThen(
        copy((progress) => Queue.offer(queue, progress)),
        Queue.end(queue)
      ),
    { bufferSize: 16, strategy: "suspend" }
  )

/** Tells how far a copy is, and not more often than it should. */
const meter = Effect.fnUntraced(function* (tell: Tell, total: number, every: Duration.Input = "200 millis") {
  const pause = Duration.toMillis(Duration.fromInputUnsafe(every))
  const began = yield* Clock.currentTimeMillis
  let lastTold = -Infinity
  let [done, events] = [0, 0]
  // What an earlier call had done does not count for how long it takes.
  let from = { position: 0, events: 0 }
  const say = (phase: CopyProgress["phase"], digest?: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const millis = now - began
      const perMilli = millis > 0 ? (done - from.position) / millis : 0
      const rate = millis > 0 ? ((events - from.events) * 1000) / millis : 0
      const remaining = perMilli > 0 ? Duration.millis(Math.max(0, total - done) / perMilli) : undefined
      lastTold = now
      return tell({ phase, done, total: Math.max(done, total), rate, remaining, events, digest })
    })
  return {
    copied: (last: number, count: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        done = last
        events = count
        return now - lastTold >= pause ? say("copying") : Effect.void
      }),
    begin: (position: number, count: number) =>
      Effect.sync(() => {
        from = { position, events: count }
      }),
    verifying: Effect.suspend(() => say("verifying")),
    done: (all: { readonly events: number; readonly digest: string }) =>
      Effect.suspend(() => {
        events = all.events
        done = Math.max(done, total)
        return say("done", all.digest)
      })
  }
})

/** The greatest position that a copy of a store comes to. */
const headOf = (store: EventStore["Service"]): Effect.Effect<number, EventStoreError> => store.head

/** What a store has behind a position. */
const behind = (store: EventStore["Service"], filter: EventFilter.EventFilter) => (after: Position.Position) =>
  store.readEncoded(filter, { from: { position: Position.make(after + 1) } })

export const toStore = (
  target: EventStore["Service"],
  options: CopyOptions = {}
): Stream.Stream<CopyProgress, EventStoreError | CopyRefused, EventStore> =>
  told(
    Effect.fnUntraced(function* (tell) {
      const source = yield* EventStore
      const filter = filterOf(options)
      const { copied, done, verifying } = yield* meter(tell, yield* headOf(source), options.every)
      const events = untilWhole({
        store: source,
        filter,
        ends: new Map(),
        after: Position.beginning,
        read: behind(source, filter),
        fail: (problem) => Effect.fail<CopyRefused | EventStoreError>(new CopyRefused({ reason: "torn", problem })),
        mayHaveHoles: true
      })
      yield* done(
        yield* copyInto(target, filter, events, {
          copied: ({ position }, count) => copied(position, count),
          verifying
        })
      )
    })
  )

/** What is compared of a store with an archive, by what that holds. */
const filterOfHolds = (holds: Holds): EventFilter.EventFilter | undefined => {
  switch (holds._tag) {
    case "Store":
      return filterOf({ system: holds.system })
    case "Categories":
      return filterOf({ categories: holds.categories })
    case "Before":
      return filterOf({})
    case "Streams":
      return undefined
  }
}

export const fromFolder = (
  folder: Folder,
  options: Pick<CopyOptions, "every"> = {}
): Stream.Stream<CopyProgress, EventStoreError | ArchiveError | CopyRefused, EventStore> =>
  told(
    Effect.fnUntraced(function* (tell) {
      const target = yield* EventStore
      const manifest = yield* ArchiveFolder.manifest(folder)
      const filter = manifest === undefined ? filterOf({}) : filterOfHolds(manifest.holds)
      if (filter === undefined) {
        return yield* new CopyRefused({ reason: "streams", problem: `${folder.where} holds single streams` })
      }
      const { copied, done, verifying } = yield* meter(tell, manifest?.parts.at(-1)?.last ?? 0, options.every)
      const all = yield* copyInto(target, filter, ArchiveFolder.read(folder), {
        copied: ({ position }, count) => copied(position, count),
        verifying
      })
      if (manifest !== undefined) yield* agrees(folder, manifest, all)
      yield* done(all)
    })
  )

const holdsOf = ({ categories, system = false }: Selection): Holds =>
  categories === undefined ? { _tag: "Store", system } : { _tag: "Categories", categories }

/** Fails unless the last event of an archive is one of a store's own, or was one that went with its stream. */
const isOf = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  filter: EventFilter.EventFilter,
  where: string,
  last: EncodedRecorded | undefined
): Effect.fn.Return<void, EventStoreError | ArchiveError> {
  if (last === undefined) return
  const { position, revision, stream } = last
  const [there] = yield* Stream.runCollect(store.readEncoded(filter, { from: { position }, limit: 1 }))
  if (there?.position === position && contentDigest.isSame(there, last)) return
  const [left] = yield* Stream.runCollect(store.readEncoded(EventFilter.stream(stream), { limit: 1 }))
  if (left !== undefined && Tombstone.isTombstone(left) && left.revision > revision && left.position > position) return
  const problem = `its last event is revision ${revision} of stream ${stream} at position ${position}, and in this store it is not there`
  return yield* because(where, new OtherArchive({ problem }))
})

export const toFolder = (
  folder: Folder,
  options: CopyOptions = {}
): Stream.Stream<CopyProgress, EventStoreError | ArchiveError, EventStore> =>
  told(
    Effect.fnUntraced(function* (tell) {
      const source = yield* EventStore
      const filter = filterOf(options)
      const { begin, copied, done, verifying } = yield* meter(tell, yield* headOf(source), options.every)
      const there = yield* ArchiveFolder.manifest(folder)
      yield* begin(there?.parts.at(-1)?.last ?? 0, there?.events ?? 0)
      yield* writing.write(
        folder,
        holdsOf(options),
        (after, last, ends) =>
          Stream.unwrap(
            Effect.as(
              isOf(source, filter, folder.where, last),
              untilWhole({
                store: source,
                filter,
                ends,
                after,
                read: behind(source, filter),
                fail: (problem) => Effect.fail<ArchiveError | EventStoreError>(torn(folder, problem)),
                mayHaveHoles: true
              })
            )
          ),
        { tell: ({ events, parts }) => copied(parts.at(-1)?.last ?? 0, events) }
      )
      yield* verifying
      yield* done(yield* ArchiveFolder.verify(folder))
    })
  )
