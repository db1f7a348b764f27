// Copies of whole stores: of any content, removed streams included; which categories travel; reading by time what was imported.
import { it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as ArchiveFolder from "../src/ArchiveFolder.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import type { EncodedRecorded } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Revision from "../src/Revision.ts"
import * as StoreCopy from "../src/StoreCopy.ts"
import * as StreamName from "../src/StreamName.ts"

type Store = EventStore["Service"]

const open = Effect.map(Layer.build(Layer.fresh(Memory.layer)), (context) => Context.get(context, EventStore))
const on = <A, E>(store: Store, effect: Effect.Effect<A, E, EventStore>) =>
  Effect.provideService(effect, EventStore, store)
const all = (store: Store, system = false) => Stream.runCollect(store.readEncoded(EventFilter.all({ system })))
const contents = (events: ReadonlyArray<EncodedRecorded>) => events.map((event) => ({ ...event, position: 0 }))
const ada = StreamName.make("Account", "ada")
const opened = { type: "Opened", data: {} }

const Value = Schema.Union([Schema.String, Schema.Finite, Schema.Null, Schema.Record(Schema.String, Schema.Finite)])
const Deed = Schema.Struct({
  category: Schema.Literals(["Account", "Order", "ü x"]),
  id: Schema.Literals(["1", "2", "a-b"]),
  data: Schema.Array(Value),
  version: Schema.Literals([1, 2, 7]),
  who: Schema.String,
  removes: Schema.Literals(["no", "no", "no", "archived", "deleted"])
})
const isKept = ({ data, who }: typeof Deed.Type) => JSON.stringify([data, who]).isWellFormed()

/** A store in which all of these were done, as far as they can be. */
const after = Effect.fnUntraced(function* (deeds: ReadonlyArray<typeof Deed.Type>) {
  const store = yield* open
  for (const { category, data, id, removes, version, who } of deeds.filter(isKept)) {
    const stream = StreamName.make(category, id)
    const events = data.map((value) => ({ type: "Done", data: { value }, schemaVersion: version, metadata: { who } }))
    yield* Effect.ignore(store.append(stream, events))
    const revision = yield* store.streamRevision(stream)
    if (removes === "no" || revision === undefined) continue
    yield* Effect.ignore(store.remove(stream, { as: removes, expected: revision }))
  }
  return store
})

describe("a copy", () => {
  it.effect.prop("of any store, through a folder or not, is that store", [Schema.Array(Deed)], ([deeds]) =>
    Effect.gen(function* () {
      const source = yield* after(deeds)
      const expected = contents(yield* all(source))
      const [direct, folder, restored] = [yield* open, ArchiveFolder.inMemory(), yield* open]
      yield* on(source, Stream.runDrain(StoreCopy.toStore(direct)))
      yield* on(source, Stream.runDrain(StoreCopy.toFolder(folder)))
      yield* on(restored, Stream.runDrain(StoreCopy.fromFolder(folder)))
      const { digest } = yield* on(source, StoreCopy.digest())
      for (const copy of [direct, restored]) {
        expect(contents(yield* all(copy))).toEqual(expected)
        expect((yield* on(copy, StoreCopy.digest())).digest).toBe(digest)
        for (const { category, id } of deeds) {
          const stream = StreamName.make(category, id)
          expect(yield* copy.streamRevision(stream)).toBe(yield* source.streamRevision(stream))
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("leaves the library's own categories where they are, unless it is told otherwise", () =>
    Effect.gen(function* () {
      const [source, without, with_, parked] = [yield* open, yield* open, yield* open, yield* open]
      const entry = StreamName.make("$parked", "balances")
      yield* source.append(ada, [opened])
      yield* source.append(entry, [opened, opened])
      yield* on(source, Stream.runDrain(StoreCopy.toStore(without)))
      expect((yield* all(without, true)).map(({ stream }) => stream)).toEqual([ada])
      yield* on(source, Stream.runDrain(StoreCopy.toStore(with_, { system: true })))
      expect((yield* all(with_, true)).map(({ stream }) => stream)).toEqual([ada, entry, entry])
      yield* on(source, Stream.runDrain(StoreCopy.toStore(parked, { categories: ["$parked"] })))
      expect((yield* all(parked, true)).map(({ stream }) => stream)).toEqual([entry, entry])
      // What a target has of its own is no obstacle where it is not what is copied.
      yield* on(source, Stream.runDrain(StoreCopy.toStore(parked)))
      expect((yield* all(parked, true)).map(({ stream }) => stream)).toEqual([entry, entry, ada])
    }).pipe(Effect.scoped)
  )

  it.effect("into a store that another one was copied to, or that went on by itself, is refused by name", () =>
    Effect.gen(function* () {
      const [source, target] = [yield* open, yield* open]
      yield* source.append(ada, [opened])
      yield* on(source, Stream.runDrain(StoreCopy.toStore(target)))
      yield* target.append(ada, [{ type: "Closed", data: {} }])
      const error = yield* Effect.flip(on(source, Stream.runDrain(StoreCopy.toStore(target))))
      expect(error).toMatchObject({ _tag: "CopyRefused", reason: "diverged" })
      expect(error.message).toContain('"Closed" at revision 1 of stream Account-ada')
      const stranger = yield* open
      yield* stranger.append(ada, [opened])
      const other = yield* Effect.flip(on(source, Stream.runDrain(StoreCopy.toStore(stranger))))
      expect(other.message).toContain("at position 1 of the store is")
      expect(yield* all(stranger)).toHaveLength(1)
    }).pipe(Effect.scoped)
  )

  it.live("into a store to which somebody appends all the time gives up, and says so", () =>
    Effect.gen(function* () {
      const [source, target] = [yield* open, yield* open]
      yield* source.append(ada, [opened])
      const busy: Store = { ...target, importEncoded: () => Effect.succeed({ _tag: "Moved", newest: 0 as never }) }
      const error = yield* Effect.flip(on(source, Stream.runDrain(StoreCopy.toStore(busy))))
      expect(error).toMatchObject({ _tag: "CopyRefused", reason: "moved" })
    }).pipe(Effect.scoped)
  )

  it.effect("of a folder of another store is not added to", () =>
    Effect.gen(function* () {
      const [source, other, folder] = [yield* open, yield* open, ArchiveFolder.inMemory("backups/monday")]
      yield* source.append(ada, [opened])
      yield* other.append(ada, [opened, opened])
      yield* on(source, Stream.runDrain(StoreCopy.toFolder(folder)))
      const error = yield* Effect.flip(on(other, Stream.runDrain(StoreCopy.toFolder(folder))))
      expect(error.message).toContain(
        "The archive backups/monday: There is another archive: its last event is revision 0"
      )
      expect((yield* ArchiveFolder.verify(folder)).events).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.effect("is read by time as its source is, though clocks did not agree", () =>
    Effect.gen(function* () {
      const store = yield* open
      const times = [5, 3, 9, 9, 1, 12]
      const events = times.map((recordedAt, n): EncodedRecorded => ({
        id: `0198c2a4-7d3e-7abc-8def-00000000000${n}` as EncodedRecorded["id"],
        stream: StreamName.make("Account", `${n}`),
        category: "Account",
        revision: Revision.make(0),
        position: Position.beginning,
        type: "Opened",
        schemaVersion: 1,
        data: "{}",
        metadata: "{}",
        recordedAt
      }))
      expect((yield* store.importEncoded({ events, behind: Position.beginning }))._tag).toBe("Imported")
      const read = (time: number, direction: "forwards" | "backwards") =>
        Effect.map(
          Stream.runCollect(store.read(EventFilter.all(), { from: { time: DateTime.makeUnsafe(time) }, direction })),
          (found) => found.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt))
        )
      expect(yield* read(9, "forwards")).toEqual([9, 9, 1, 12])
      expect(yield* read(13, "forwards")).toEqual([])
      expect(yield* read(3, "backwards")).toEqual([1, 9, 9, 3, 5])
      expect(yield* read(0, "backwards")).toEqual([])
    }).pipe(Effect.scoped)
  )
})
