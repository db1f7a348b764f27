// The laws of archives as sources: loads and read models from them, streams that come back, and streams that are erased.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as Revision from "evolvent/Revision"
import { SnapshotStore } from "evolvent/SnapshotStore"
import * as Tombstone from "evolvent/Tombstone"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import { counts, often, rowsOf } from "./Counts.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import * as Shelves from "./Shelves.ts"
import { Subject } from "./Subject.ts"

/** Streams of which the first, the third and so on are in two archives, and what the log was before. */
const archived = Effect.fnUntraced(function* (count: number, each: number) {
  const { archive } = yield* Subject
  const account = yield* Account.make()
  const streams = yield* Shelves.fill(account, count, each)
  const before = yield* Shelves.all(account)
  const gone = streams.filter((_, i) => i % 2 === 0)
  const shelves = [yield* Shelves.shelf, yield* Shelves.shelf] as const
  for (const [i, shelf] of shelves.entries()) {
    const some = gone.filter((_, n) => n % 2 === i)
    yield* archive(shelf, { streams: some, readers: [], eventsPerPart: 7 })
  }
  return { account, streams, gone, before, shelves }
})

const isOpen = Effect.map(EventStore, ({ capabilities }) => capabilities.remove)

const loads = law(
  "Archive 6 read together with its archives a store loads what it loaded before, at every revision and time",
  Effect.gen(function* () {
    if (!(yield* isOpen)) return
    const { execute, layerSource, load } = yield* Subject
    const { account, before, gone, shelves, streams } = yield* archived(5, 6)
    const sums = (n: number, count: number) => Fresh.range(count).reduce((sum, i) => sum + 100 * n + i, 0)
    const inside = Effect.gen(function* () {
      for (const [n, stream] of streams.entries()) {
        const did = `loaded ${gone.includes(stream) ? "an archived" : "another"} stream`
        const whole = yield* load(account, String(n))
        yield* Check.equal(did, whole.state, { balance: sums(n, 6), count: 6 })
        for (const revision of Fresh.range(8)) {
          const { state } = yield* load(account, String(n), { at: { revision } })
          const count = Math.min(6, revision + 1)
          yield* Check.equal(`${did} at revision ${revision}`, state, { balance: sums(n, count), count })
        }
        for (const { recordedAt } of before.filter((event) => event.stream === stream).slice(-1)) {
          const now = yield* load(account, String(n), { at: { time: recordedAt } })
          yield* Check.equal(`${did} at the time of its last event`, now.state.count, 6)
          const early = yield* load(account, String(n), { at: { time: DateTime.subtract(recordedAt, { days: 1 }) } })
          yield* Check.equal(`${did} at a time before all of it`, early.state.count, 0)
        }
      }
      const refused = execute(account, "0", Account.deposit(1))
      yield* Check.refusedBecause("executed a command on an archived stream", refused, "StreamArchived")
    })
    yield* Effect.provide(inside, layerSource(...shelves))
    for (const at of [{}, { at: { revision: 2 } }]) {
      const outside = load(account, "0", at)
      yield* Check.refusedBecause("loaded an archived stream without its archive", outside, "StreamArchived")
    }
    const elsewhere = Effect.provide(load(account, "0"), layerSource(shelves[1]))
    yield* Check.refusedBecause("loaded it from another archive", elsewhere, "StreamArchived")
  })
)

const follows = law(
  "Archive 7 and its log is what it was, and the tombstones; so are rows that are rebuilt from it",
  Effect.gen(function* () {
    if (!(yield* isOpen)) return
    const { layerSource, rebuild, waitFor } = yield* Subject
    const { account, before, shelves } = yield* archived(5, 30)
    const filter = EventFilter.category(account.name)
    const store = yield* EventStore
    const after = yield* Shelves.all(account)
    const whole = [...before, ...after.filter(Tombstone.isTombstone)].map(({ id }) => id)
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    const bare = yield* Projection.fold(projection, before)

    const inside = Effect.gen(function* () {
      const together = yield* EventStore
      const read = yield* Stream.runCollect(together.read(filter))
      yield* Check.equal(
        "read the log with its archives",
        read.map(({ id }) => id),
        whole
      )
      yield* Check.equal("folded it", yield* Projection.fold(projection, together.read(filter)), bare)
      const few = yield* Stream.runCollect(together.read(filter, { limit: 11 }))
      yield* Check.equal(
        "read eleven events of it",
        few.map(({ id }) => id),
        whole.slice(0, 11)
      )
      for (const n of [0, 1, 60, 149, 150]) {
        const place = [...before, ...after.filter(Tombstone.isTombstone)][n]?.position ?? Position.beginning
        const from = yield* Stream.runCollect(together.read(filter, { from: { position: place } }))
        yield* Check.equal(
          `read it from event ${n} on`,
          from.map(({ id }) => id),
          whole.slice(n)
        )
        const followed = yield* together.subscribe(filter, { after: place }).pipe(
          Stream.flatMap(({ events }) => Stream.fromIterable(events)),
          Stream.take(whole.length - n - 1),
          Stream.runCollect,
          (collect) => Check.inTime(`followed it behind event ${n}`, collect)
        )
        yield* Check.equal(
          `followed it behind event ${n}`,
          followed.map(({ id }) => id),
          whole.slice(n + 1)
        )
      }
      const pages = yield* Stream.runCollect(
        Stream.takeUntil(together.subscribe(filter), ({ through }) => through >= (after.at(-1)?.position ?? 0))
      )
      const throughs = pages.map(({ through }) => through)
      yield* Check.equal(
        "followed it: its pages",
        throughs,
        throughs.toSorted((a, b) => a - b)
      )
      yield* Check.holds(
        "followed it: its pages",
        "hold nothing beyond where they go",
        pages.every(({ events, through }) => events.every(({ position }) => position <= through)),
        throughs
      )
      const running = yield* Running.start(Processor.projection(projection))
      yield* waitFor(projection, after.at(-1)?.position ?? Position.beginning)
      yield* running.kill
      yield* Check.equal(
        "ran a new projection on it",
        new Set((yield* rowsOf(projection)).map(([, n]) => n)),
        new Set([30])
      )
      yield* Stream.runDrain(rebuild(projection, often))
      const rows = yield* rowsOf(projection)
      yield* Check.equal(
        "rebuilt a projection from it",
        rows.map(([, n]) => n),
        [30, 30, 30, 30, 30]
      )
    })
    yield* Effect.provide(inside, layerSource(...shelves))
    const bareRows = yield* Projection.fold(projection, store.read(filter))
    yield* Check.equal("folded the store without its archives", bareRows.size, 2)
  })
)

const comesBack = law(
  "Archive 8 what was archived comes back from the archive, killed or not, and goes on; readers see nothing twice",
  Effect.gen(function* () {
    if (!(yield* isOpen)) return
    const { execute, load, restore, waitFor } = yield* Subject
    const store = yield* EventStore
    const { account, before, gone, shelves } = yield* archived(3, 4)
    const [first, second] = shelves
    if (!store.capabilities.restore) {
      const did = "restored streams where that cannot be done"
      yield* Check.refusedBecause(did, restore(first), "Unsupported")
      return
    }
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    yield* Running.start(Processor.projection(projection))
    yield* waitFor(projection, yield* store.head)
    const death = Shelves.dying(1, "after")
    yield* Effect.exit(
      Effect.provideService(restore(first), EventStore, {
        ...store,
        restore: (stream, events) => death.step(store.restore(stream, events))
      })
    )
    const { kept, restored } = yield* restore(first)
    yield* Check.equal("restored an archive", [restored.length, kept], [1, []])
    const none = yield* restore(second, { streams: gone.slice(1, 2) })
    yield* Check.equal("restored a stream of another one", none.restored.length, 1)
    yield* Check.refusedBecause(
      "restored what it has not",
      restore(second, { streams: gone.slice(0, 1) }),
      "NoSuchStream"
    )
    const now = yield* Shelves.all(account)
    yield* Check.equal("restored all: the log", now.slice(0, before.length), before)
    const { position, revision } = yield* execute(account, "0", Account.deposit(1))
    yield* Check.equal("restored all, and executed a command", Number(revision), 6)
    yield* Check.equal("restored all, and loaded", (yield* load(account, "0")).state, { balance: 7, count: 5 })
    yield* waitFor(projection, position)
    const rows = yield* rowsOf(projection)
    const own = new Map(rows.map(([key, count]) => [key, count]))
    // It began when two of three were archived, and hears of none of their events again.
    yield* Check.equal("restored all: the rows", [own.get("0"), own.get("1"), own.get("2")], [1, 4, undefined])
    const again = yield* restore(first)
    yield* Check.equal("restored an archive of what has gone on since", [again.restored, again.kept.length], [[], 1])
  })
)

const erases = law(
  "Archive 9 what is erased is gone from the store, its snapshots and the rows of its streams, and a rebuild gives the same",
  Effect.gen(function* () {
    if (!(yield* isOpen)) return
    const { erase, load, rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    const streams = yield* Shelves.fill(account, 3, 4)
    const [first] = streams
    if (first === undefined) return
    const last = (yield* Shelves.all(account)).at(-1)?.position ?? Position.beginning
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    yield* Running.start(Processor.projection(projection))
    yield* waitFor(projection, last)
    const snapshots = yield* SnapshotStore
    const snapshot = { stream: first, fingerprint: "law", revision: Revision.make(3), position: last, state: "1" }
    yield* snapshots.save(snapshot)
    const { position } = yield* erase(first, { readers: [projection], reason: "asked for" })
    yield* waitFor(projection, position)
    const keys = Effect.map(rowsOf(projection), (rows) => rows.map(([key]) => key))
    yield* Check.equal("erased a stream: the rows", yield* keys, ["1", "2"])
    yield* Check.equal("erased a stream: its snapshot", yield* snapshots.load(first, "law"), undefined)
    yield* Check.refusedBecause("erased a stream, and loaded it", load(account, "0"), "StreamDeleted")
    const again = yield* erase(first, { readers: [projection] })
    yield* Check.equal("erased it again", again, { position, revision: Revision.make(4), repeated: true })
    const wrong = erase(streams[1] ?? first, { readers: [projection], expected: Revision.make(1) })
    yield* Check.refused("erased a stream, expecting another revision", wrong, "WrongExpectedRevision")
    yield* Stream.runDrain(rebuild(projection, often))
    yield* Check.equal("erased a stream, and rebuilt: the rows", yield* keys, ["1", "2"])
    const left = (yield* Shelves.all(account)).filter((event) => event.stream === first)
    yield* Check.equal(
      "erased a stream: what is left",
      left.map(({ data, type }) => ({ data, type })),
      [{ type: "$deleted", data: { events: 4, reason: "asked for" } }]
    )
  })
)

/** The laws of reading archives, and of coming back. */
export const reading = [loads, follows, comesBack, erases]
