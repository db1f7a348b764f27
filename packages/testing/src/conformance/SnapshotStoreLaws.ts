// The laws of a snapshot store: a cache that never goes back and never answers for another shape of state.
import * as Effect from "effect/Effect"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { SnapshotStore } from "evolvent/SnapshotStore"
import type { Snapshot } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"

const snapshot = (stream: StreamName.StreamName, revision: number, fingerprint = "shape-1"): Snapshot => ({
  stream,
  fingerprint,
  revision: Revision.make(revision),
  position: Position.make(revision + 100),
  state: `{"revision":${revision}}`
})

const roundTrip = law(
  "SnapshotStore 1 what was saved is loaded, unchanged",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const stream = yield* Fresh.stream()
    yield* Check.equal("loaded before anything was saved", yield* store.load(stream, "shape-1"), undefined)
    const text = JSON.stringify({ text: `"quotes" 'n' 😀 \n ${"long ".repeat(20_000)}`, n: [1.5, -0, 1e21] })
    for (const state of ["null", `"text"`, text, `{ "kept" :  "as it is" }`]) {
      const saved = { ...snapshot(stream, state.length), fingerprint: `shape ${state.length}`, state }
      yield* store.save(saved)
      yield* Check.equal("saved a snapshot and loaded it", yield* store.load(stream, saved.fingerprint), saved)
    }
  })
)

const newer = law(
  "SnapshotStore 2 a newer snapshot takes the place of an older one",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const stream = yield* Fresh.stream()
    for (const revision of [3, 4, 40]) {
      yield* store.save(snapshot(stream, revision))
      const loaded = yield* store.load(stream, "shape-1")
      yield* Check.equal(`saved revision ${revision}`, loaded, snapshot(stream, revision))
    }
  })
)

const neverLower = law(
  "SnapshotStore 3 saving never lowers a snapshot's revision",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const stream = yield* Fresh.stream()
    yield* store.save(snapshot(stream, 10))
    for (const revision of [9, 0]) {
      yield* store.save(snapshot(stream, revision))
      const loaded = yield* store.load(stream, "shape-1")
      yield* Check.equal(`saved revision ${revision} after revision 10`, loaded, snapshot(stream, 10))
    }
  })
)

const racers = law(
  "SnapshotStore 4 of racing savers the highest revision stays",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const stream = yield* Fresh.stream()
    const order = Fresh.range(30).map((i) => (i * 11) % 30)
    const results = yield* Check.race(order.map((revision) => store.save(snapshot(stream, revision))))
    yield* Check.equal("saved 30 revisions at once: those that failed", Check.sides(results).lost, [])
    yield* Check.equal("saved 30 revisions at once", yield* store.load(stream, "shape-1"), snapshot(stream, 29))
  })
)

const fingerprints = law(
  "SnapshotStore 5 a snapshot is only loaded by its own fingerprint",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const stream = yield* Fresh.stream()
    yield* store.save(snapshot(stream, 9, "old"))
    yield* Check.equal("loaded with a new fingerprint", yield* store.load(stream, "new"), undefined)
    yield* store.save(snapshot(stream, 5, "new"))
    const [old, now] = [yield* store.load(stream, "old"), yield* store.load(stream, "new")]
    yield* Check.equal(
      "saved revision 9 of an old shape, then 5 of a new one: the new one",
      now?.revision,
      Revision.make(5)
    )
    yield* Check.holds(
      "saved revision 9 of an old shape, then 5 of a new one: the old one",
      "revision 9 or nothing",
      old === undefined || old.revision === 9,
      old
    )
  })
)

const streams = law(
  "SnapshotStore 6 streams of any name are kept apart",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const category = yield* Fresh.name("Snap")
    const ids = ["1", "10", "1-", "a", "A", "%", "'", " ", "😀", "a/b", "a.b", "*", "x".repeat(1000)]
    const named = ids.map((id, i) => snapshot(StreamName.make(category, id), i))
    yield* Effect.forEach(named, store.save)
    for (const one of named) {
      yield* Check.equal("saved a snapshot of each of 13 streams", yield* store.load(one.stream, "shape-1"), one)
    }
  })
)

const removed = law(
  "SnapshotStore 7 remove forgets all snapshots of a stream, and only those",
  Effect.gen(function* () {
    const store = yield* SnapshotStore
    const category = yield* Fresh.name("Snap")
    const [gone, stays] = [StreamName.make(category, "1"), StreamName.make(category, "12")]
    yield* Effect.forEach([snapshot(gone, 4, "a"), snapshot(gone, 5, "b"), snapshot(stays, 6, "a")], store.save)
    yield* store.remove(gone)
    yield* store.remove(gone)
    const found = [yield* store.load(gone, "a"), yield* store.load(gone, "b"), yield* store.load(stays, "a")]
    yield* Check.equal("removed the snapshots of one stream", found, [undefined, undefined, snapshot(stays, 6, "a")])
    yield* store.save(snapshot(gone, 0, "a"))
    const again = yield* store.load(gone, "a")
    yield* Check.equal("removed, then saved a lower revision", again, snapshot(gone, 0, "a"))
  })
)

/** The laws of a snapshot store. */
export const laws: ReadonlyArray<Law<SnapshotStore>> = [
  roundTrip,
  newer,
  neverLower,
  racers,
  fingerprints,
  streams,
  removed
]
