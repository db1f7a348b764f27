// Archives that have part of a stream, or are another store's; streams that stop no others; and snapshots of what is deleted.
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Aggregate from "../src/Aggregate.ts"
import * as Archive from "../src/Archive.ts"
import { because, StorageFailed } from "../src/ArchiveError.ts"
import * as ArchiveFolder from "../src/ArchiveFolder.ts"
import { Unavailable } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as SnapshotStore from "../src/SnapshotStore.ts"
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

const [ada, bob] = [StreamName.make("Counter", "ada"), StreamName.make("Counter", "bob")]
const add = (id: string, by: number) => Aggregate.execute(Counter, id, { _tag: "Add", by })
const load = (at?: { readonly time: DateTime.Utc }) =>
  Aggregate.load(Counter, "ada", at === undefined ? undefined : { at })
const archived = (folder: ArchiveFolder.Folder, ...streams: ReadonlyArray<StreamName.StreamName>) =>
  Archive.archive(folder, { streams, readers: [] })
const erased = Archive.erase(ada, { readers: [] })
const two = () => [ArchiveFolder.inMemory("A"), ArchiveFolder.inMemory("B")] as const
const inMemory = Effect.provide(Layer.fresh(Memory.layer))
const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => (error as { readonly reason?: { readonly _tag: string } }).reason?._tag)

describe("a store that is read together with an archive", () => {
  it.effect("does not take the beginning of a stream for all of it", () =>
    Effect.gen(function* () {
      const [a, b] = two()
      yield* add("ada", 1)
      yield* Archive.copy(a, { before: Position.make(99) })
      yield* TestClock.adjust("1 hour")
      yield* add("ada", 10)
      const time = yield* DateTime.now
      yield* TestClock.adjust("1 hour")
      yield* archived(b, ada)
      for (const at of [undefined, { time }]) {
        expect(yield* reasonOf(Effect.provide(load(at), Archive.layerSource(a)))).toBe("StreamArchived")
        expect((yield* Effect.provide(load(at), Archive.layerSource(a, b))).state).toBe(11)
      }
    }).pipe(inMemory)
  )

  it.effect("does not load what was deleted since, at no time", () =>
    Effect.gen(function* () {
      const [a] = two()
      yield* add("ada", 1)
      const time = yield* DateTime.now
      yield* TestClock.adjust("1 hour")
      yield* archived(a, ada)
      yield* erased
      for (const at of [undefined, { time }]) {
        expect(yield* reasonOf(Effect.provide(load(at), Archive.layerSource(a)))).toBe("StreamDeleted")
      }
    }).pipe(inMemory)
  )

  it.effect("reads the archive again where that failed, or was given up", () =>
    Effect.gen(function* () {
      const [a] = two()
      yield* add("ada", 1)
      yield* archived(a, ada)
      const failure = because("A", new StorageFailed({ file: "part-000001.ndjson.gz", problem: "EIO" }))
      for (const broken of [Effect.fail(failure), Effect.interrupt]) {
        let isBroken = true
        const read: ArchiveFolder.Folder["read"] = (name) =>
          Effect.suspend(() => (isBroken && name.startsWith("part") ? broken : a.read(name)))
        const loads = Effect.gen(function* () {
          yield* Effect.exit(load())
          isBroken = false
          return yield* load()
        })
        expect((yield* Effect.provide(loads, Archive.layerSource({ ...a, read }))).state).toBe(1)
      }
    }).pipe(inMemory)
  )
})

describe("a stream that is restored", () => {
  it.effect("is not looked for in all of the archive by itself: many come back by few reads of each part", () =>
    Effect.gen(function* () {
      const shelf = ArchiveFolder.inMemory("A")
      const ids = Array.from({ length: 30 }, (_, i) => `c${i}`)
      // Each stream is in every part.
      for (let round = 0; round < 6; round++) yield* Effect.forEach(ids, (id) => add(id, round))
      const streams = ids.map((id) => StreamName.make("Counter", id))
      yield* Archive.archive(shelf, { streams, readers: [], eventsPerPart: 30 })
      const reads = new Map<string, number>()
      const counted: ArchiveFolder.Folder = {
        ...shelf,
        read: (name) => {
          reads.set(name, (reads.get(name) ?? 0) + 1)
          return shelf.read(name)
        }
      }
      expect((yield* Archive.restore(counted)).restored).toHaveLength(30)
      const parts = [...reads].filter(([name]) => name.startsWith("part-"))
      expect(parts).toHaveLength(6)
      for (const [, times] of parts) expect(times).toBeLessThan(6)
      for (const id of ids) expect((yield* Aggregate.load(Counter, id)).state).toBe(15)
    }).pipe(inMemory)
  )

  it.effect("does not come back from another store's archive, whether it is asked for or not", () =>
    Effect.gen(function* () {
      const [a, b] = two()
      yield* add("ada", 1)
      yield* archived(a, ada)
      yield* inMemory(Effect.andThen(add("ada", 1000), archived(b, ada)))
      expect(yield* Archive.restore(b)).toEqual({ restored: [], kept: [ada] })
      expect(yield* reasonOf(Archive.restore(b, { streams: [ada] }))).toBe("InvalidRequest")
      expect((yield* Archive.restore(a)).restored).toHaveLength(1)
      expect((yield* load()).state).toBe(1)
      // It is back, and not from there.
      expect(yield* Archive.restore(b)).toEqual({ restored: [], kept: [ada] })
      expect(yield* reasonOf(Archive.restore(b, { streams: [ada] }))).toBe("InvalidRequest")
      expect((yield* Archive.restore(a)).restored).toHaveLength(1)
    }).pipe(inMemory)
  )

  it.effect("is left where it is when it was archived again elsewhere, and the others come back", () =>
    Effect.gen(function* () {
      const [a, b] = two()
      yield* add("ada", 1)
      yield* add("bob", 2)
      yield* archived(a, ada, bob)
      yield* Archive.restore(a, { streams: [ada] })
      yield* add("ada", 1)
      yield* archived(b, ada)
      expect(yield* Archive.restore(a)).toMatchObject({ restored: [{ stream: bob }], kept: [ada] })
    }).pipe(inMemory)
  )
})

describe("archiving", () => {
  it.effect("goes on where one of the streams was deleted meanwhile", () =>
    Effect.gen(function* () {
      const [a] = two()
      yield* add("ada", 1)
      yield* add("bob", 2)
      yield* Archive.copy(a, { streams: [ada, bob] })
      yield* erased
      expect(yield* archived(a, ada, bob)).toMatchObject({
        removed: [{ stream: bob }],
        kept: [{ stream: ada, revision: 1 }]
      })
    }).pipe(inMemory)
  )

  it.effect("refuses what is no position", () =>
    Effect.gen(function* () {
      for (const before of [Number.NaN, -1, 0.5, Infinity]) {
        const copied = Archive.copy(ArchiveFolder.inMemory(), { before: before as Position.Position })
        expect(yield* reasonOf(copied)).toBe("InvalidRequest")
      }
    }).pipe(inMemory)
  )
})

describe("deleting", () => {
  it.effect("fails where the snapshots stay, and removes them when it is asked for again", () =>
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore.SnapshotStore
      const down = new SnapshotStore.SnapshotStoreError({
        operation: "SnapshotStore.remove",
        reason: new Unavailable({ problem: "down" })
      })
      const removed: Array<string> = []
      yield* add("ada", 7)
      const failing = { ...snapshots, remove: () => Effect.fail(down) }
      expect(yield* Effect.flip(Effect.provideService(erased, SnapshotStore.SnapshotStore, failing))).toBe(down)
      const working = { ...snapshots, remove: (stream: string) => Effect.sync(() => void removed.push(stream)) }
      yield* Effect.provideService(erased, SnapshotStore.SnapshotStore, working)
      expect(removed).toEqual([ada])
    }).pipe(inMemory)
  )

  it.live("leaves no snapshot that was saved meanwhile", () =>
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore.SnapshotStore
      const [begun, gone, settled] = [
        yield* Deferred.make<SnapshotStore.Snapshot>(),
        yield* Deferred.make<void>(),
        yield* Deferred.make<void>()
      ]
      let removals = 0
      const slow = {
        ...snapshots,
        save: (snapshot: SnapshotStore.Snapshot) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(begun, snapshot)
            yield* Deferred.await(gone)
            yield* snapshots.save(snapshot)
          }),
        remove: (stream: StreamName.StreamName) =>
          Effect.gen(function* () {
            yield* snapshots.remove(stream)
            if (++removals === 2) yield* Deferred.succeed(settled, undefined)
          })
      }
      const program = Effect.gen(function* () {
        yield* add("ada", 7)
        const { fingerprint } = yield* Deferred.await(begun)
        yield* erased
        yield* Deferred.succeed(gone, undefined)
        yield* Effect.timeout(Deferred.await(settled), "2 seconds")
        expect(yield* snapshots.load(ada, fingerprint)).toBeUndefined()
      })
      yield* program.pipe(
        Effect.provideService(SnapshotStore.SnapshotStore, slow),
        Effect.provide(SnapshotStore.layerPolicy({ every: 1 }))
      )
    }).pipe(inMemory)
  )
})
