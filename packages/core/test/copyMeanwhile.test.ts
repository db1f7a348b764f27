// Copies of what goes, comes back or is added to meanwhile: they have all of a stream or say what they lack.
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "../src/Aggregate.ts"
import * as Archive from "../src/Archive.ts"
import * as ArchiveFolder from "../src/ArchiveFolder.ts"
import type { CheckpointStore } from "../src/CheckpointStore.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as StoreCopy from "../src/StoreCopy.ts"
import * as StreamName from "../src/StreamName.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({
  decide: { Add: ({ by }) => [{ _tag: "Added", by }] },
  evolve: { Added: (total, { by }) => total + by }
})

type Services = EventStore | CheckpointStore

const [ada, bob] = [StreamName.make("Counter", "ada"), StreamName.make("Counter", "bob")]
const add = (id: string, by: number) => Aggregate.execute(Counter, id, { _tag: "Add", by })
const fill = (stream: StreamName.StreamName, count: number) =>
  EventStore.use((store) =>
    store.append(
      stream,
      Array.from({ length: count }, (_, by) => ({ type: "Added", data: { by } }))
    )
  )
const inMemory = Effect.provide(Layer.fresh(Memory.layer))
const all = EventStore.use((store) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.all())), (events) =>
    events.map(({ revision, stream, type }) => `${stream} ${revision} ${type}`)
  )
)
const erased = Archive.erase(ada, { readers: [], force: true })
const exported = (folder: ArchiveFolder.Folder) => Stream.runDrain(StoreCopy.toFolder(folder))
const imported = (folder: ArchiveFolder.Folder) => Stream.runDrain(StoreCopy.fromFolder(folder))
const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const { _tag, reason } = error as { readonly _tag: string; readonly reason?: { readonly _tag: string } | string }
    return typeof reason === "object" ? reason._tag : (reason ?? _tag)
  })

/** A folder; when the first file is written, something happens to the store. */
const during = Effect.fnUntraced(function* <A, E>(what: Effect.Effect<A, E, Services>) {
  const services = yield* Effect.context<Services>()
  const folder = ArchiveFolder.inMemory()
  let isFirst = true
  const write: ArchiveFolder.Folder["write"] = (name, bytes) =>
    Effect.suspend(() => {
      const before = isFirst ? Effect.orDie(Effect.provide(what, services)) : Effect.void
      isFirst = false
      return Effect.andThen(before, folder.write(name, bytes))
    })
  return { ...folder, write }
})

describe("a copy of a store of which a stream is removed meanwhile", () => {
  const endsInTombstone = Effect.gen(function* () {
    const store = yield* EventStore
    expect(yield* store.streamRevision(ada)).toBe(30_000)
    expect(yield* reasonOf(store.append(ada, [{ type: "Added", data: { by: 1 } }]))).toBe("StreamDeleted")
    expect(yield* reasonOf(Aggregate.load(Counter, "ada"))).toBe("StreamDeleted")
  })

  it.effect("into a folder has its tombstone", () =>
    Effect.gen(function* () {
      yield* fill(ada, 30_000)
      const folder = yield* during(erased)
      yield* exported(folder)
      yield* inMemory(Effect.andThen(imported(folder), endsInTombstone))
    }).pipe(inMemory)
  )

  it.effect("into a store has its tombstone", () =>
    Effect.gen(function* () {
      yield* fill(ada, 30_000)
      const services = yield* Effect.context<Services>()
      const target = Context.get(yield* Layer.build(Layer.fresh(Memory.layer)), EventStore)
      let isFirst = true
      const importEncoded: typeof target.importEncoded = (request) => {
        const before = isFirst ? Effect.orDie(Effect.provide(erased, services)) : Effect.void
        isFirst = false
        return Effect.andThen(before, target.importEncoded(request))
      }
      yield* Stream.runDrain(StoreCopy.toStore({ ...target, importEncoded }))
      yield* Effect.provideService(endsInTombstone, EventStore, target)
    }).pipe(Effect.scoped, inMemory)
  )

  it.effect("is no archive of it, then or later", () =>
    Effect.gen(function* () {
      yield* fill(ada, 3000)
      const folder = yield* during(erased)
      const copied = Archive.copy(folder, { streams: [ada] }, { eventsPerPart: 100 })
      expect(yield* reasonOf(copied)).toBe("TornStream")
      expect(yield* reasonOf(Archive.verify(folder))).toBe("UnfinishedArchive")
      expect(yield* reasonOf(copied)).toBe("TornStream")
    }).pipe(inMemory)
  )

  it.effect("up to a position is none where it was removed, and is one where it only goes on", () =>
    Effect.gen(function* () {
      yield* fill(ada, 3000)
      const before = Position.make(2500)
      const shelf = ArchiveFolder.inMemory("shelf")
      yield* Archive.archive(shelf, { streams: [ada], readers: [] })
      yield* Archive.restore(shelf)
      const whole = yield* Archive.copy(ArchiveFolder.inMemory(), { before })
      expect([whole.complete, whole.events]).toEqual([true, 2499])
      const torn = Archive.copy(yield* during(erased), { before }, { eventsPerPart: 100 })
      expect(yield* reasonOf(torn)).toBe("TornStream")
    }).pipe(inMemory)
  )
})

describe("an export that goes on", () => {
  it.effect("has a tombstone for what was appended and removed since, wherever the last export ended", () =>
    Effect.gen(function* () {
      for (const last of [ada, bob]) {
        const others = Effect.gen(function* () {
          const folder = ArchiveFolder.inMemory()
          yield* fill(last === ada ? bob : ada, 1)
          yield* fill(last, 1)
          yield* exported(folder)
          yield* fill(ada, 1)
          yield* erased
          yield* add("bob", 5)
          yield* exported(folder)
          const found = inMemory(Effect.andThen(imported(folder), Effect.andThen(erased, all)))
          expect(yield* found).toEqual(yield* all)
        })
        yield* inMemory(others)
      }
    })
  )

  it.effect("is refused where a stream came back in between", () =>
    Effect.gen(function* () {
      yield* fill(ada, 2)
      const [shelf, folder] = [ArchiveFolder.inMemory("shelf"), ArchiveFolder.inMemory()]
      yield* Archive.archive(shelf, { streams: [ada], readers: [] })
      yield* exported(folder)
      yield* Archive.restore(shelf)
      yield* add("ada", 100)
      expect(yield* reasonOf(exported(folder))).toBe("TornStream")
      yield* exported(ArchiveFolder.inMemory())
    }).pipe(inMemory)
  )

  it.effect("leaves what was finished readable when it is killed, and goes on behind what it had written", () =>
    Effect.gen(function* () {
      yield* fill(ada, 5)
      const files = new Map<string, Uint8Array<ArrayBuffer>>()
      const folder = ArchiveFolder.inMemory("backups", files)
      yield* exported(folder)
      const yesterday = yield* all
      yield* fill(bob, 5)
      for (let killed = 1; ; killed++) {
        let writes = 0
        const write: ArchiveFolder.Folder["write"] = (name, bytes) =>
          Effect.suspend(() => (++writes > killed ? Effect.interrupt : folder.write(name, bytes)))
        yield* Effect.exit(exported({ ...folder, write }))
        const found = yield* inMemory(Effect.andThen(imported(folder), all))
        if (found.length > yesterday.length) {
          // The part was there.
          expect(writes).toBe(1)
          break
        }
        expect(found).toEqual(yesterday)
        expect(killed).toBeLessThan(5)
      }
      expect(yield* inMemory(Effect.andThen(imported(folder), all))).toEqual(yield* all)
      expect((yield* ArchiveFolder.verify(folder)).parts.map(({ events }) => events)).toEqual([5, 5])
      // Where nothing is new nothing is written.
      const before = new Map(files)
      yield* exported(folder)
      expect(files).toEqual(before)
    }).pipe(inMemory)
  )
})
