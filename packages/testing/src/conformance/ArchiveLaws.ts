// The laws of archiving: what leaves a store is in an archive, whole and readable, whatever happens in between.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import * as ArchiveFolder from "evolvent/ArchiveFolder"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Revision from "evolvent/Revision"
import type { SnapshotStore } from "evolvent/SnapshotStore"
import * as Account from "./Account.ts"
import { reading } from "./ArchiveReadLaws.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import { counts } from "./Counts.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"
import * as Shelves from "./Shelves.ts"
import { Subject } from "./Subject.ts"

type Services = CheckpointStore | EventStore | ReadModelStore | SnapshotStore

/** Whether a store removes nothing; then archiving copies, and says so. */
export const cannot = Effect.gen(function* () {
  const { capabilities } = yield* EventStore
  if (capabilities.remove) return false
  const { archive, erase } = yield* Subject
  const account = yield* Account.make()
  const streams = yield* Shelves.fill(account, 2, 3)
  const before = yield* Shelves.all(account)
  const did = "archived streams of a store that removes none"
  const folder = yield* Shelves.shelf
  yield* Check.refusedBecause(did, archive(folder, { streams, readers: [] }), "Unsupported")
  for (const stream of streams.slice(0, 1)) {
    yield* Check.refusedBecause("erased a stream of such a store", erase(stream, { readers: [] }), "Unsupported")
  }
  yield* Check.equal(`${did}: what is left`, yield* Shelves.all(account), before)
  yield* Check.equal(`${did}: what is in the archive`, (yield* ArchiveFolder.verify(folder)).events, 6)
  return true
})

const copies = law(
  "Archive 1 what is archived was copied and read back first, and is gone then; what grew meanwhile, or is not meant, stays",
  Effect.gen(function* () {
    if (yield* cannot) return
    const { archive } = yield* Subject
    const store = yield* EventStore
    const account = yield* Account.make()
    const streams = yield* Shelves.fill(account, 4, 5)
    const [first, second, grown, other] = streams
    if (first === undefined || second === undefined || grown === undefined || other === undefined) return
    const before = yield* Shelves.all(account)
    const folder = yield* Shelves.shelf
    const did = "archived three of four streams, one of which grew meanwhile"
    // Once all of it is copied somebody appends.
    const growing: ArchiveFolder.Folder = {
      ...folder,
      write: (name, bytes) =>
        Effect.tap(folder.write(name, bytes), () =>
          name === "manifest.json" && new TextDecoder().decode(bytes).includes('"complete": true')
            ? Effect.orDie(store.append(grown, [{ type: "Deposited", data: { amount: 77 } }]))
            : Effect.void
        )
    }
    const meant = [first, second, grown]
    const { kept, manifest, removed } = yield* archive(growing, { streams: meant, readers: [], eventsPerPart: 4 })
    yield* Check.equal(
      `${did}: what was removed`,
      removed.map(({ stream }) => stream),
      [first, second]
    )
    yield* Check.equal(`${did}: what was kept`, kept, [{ stream: grown, revision: 5 }])
    yield* Check.equal(`${did}: how much is in the archive`, manifest.events, 15)
    const held = yield* Stream.runCollect(ArchiveFolder.read(folder))
    yield* Check.equal(
      `${did}: what is in the archive`,
      held.map(({ id, position }) => [id, position]),
      before.filter(({ stream }) => stream !== other).map(({ id, position }) => [id, position])
    )
    const left = (yield* Shelves.all(account)).map(({ revision, stream, type }) => [stream, Number(revision), type])
    const rows = (stream: string, count: number) => Fresh.range(count).map((n) => [stream, n, "Deposited"])
    const expected = [...rows(grown, 6), ...rows(other, 5), [first, 5, "$archived"], [second, 5, "$archived"]]
    yield* Check.equal(`${did}: what is left`, left.toSorted(), expected.toSorted())
    const [tombstone] = yield* Contents.ofStream(first)
    yield* Check.equal(`${did}: the tombstone`, tombstone?.data, {
      events: 5,
      last: String(before.findLast(({ stream }) => stream === first)?.id),
      archive: folder.where
    })

    const bad = yield* Shelves.shelf
    const lost = archive(Shelves.losing(bad), { streams: [other], readers: [] })
    const { _tag } = yield* Check.refusedBecause("archived to where the end of a part is lost", lost, "DamagedPart")
    yield* Check.equal("archived to where the end of a part is lost", _tag, "DamagedPart")
    yield* Check.equal("archived to where the end of a part is lost", (yield* Contents.ofStream(other)).length, 5)
  })
)

const dies = law(
  "Archive 2 killed at any step and run again it ends as if it had not been, and at no step is anything nowhere",
  Effect.gen(function* () {
    if (yield* cannot) return
    const { archive } = yield* Subject
    const store = yield* EventStore
    const attempt = Effect.fnUntraced(function* (n: number, when: "before" | "after") {
      const account = yield* Account.make()
      const streams = yield* Shelves.fill(account, 3, 3)
      const before = yield* Shelves.all(account)
      const folder = yield* Shelves.shelf
      const death = Shelves.dying(n, when)
      const options = { streams, readers: [], eventsPerPart: 4 }
      const ended = yield* Effect.exit(
        archive(Shelves.stepping(folder, death), options).pipe(
          Effect.provideService(EventStore, {
            ...store,
            remove: (stream, removal) => death.step(store.remove(stream, removal))
          })
        )
      )
      const did = `archived three streams and was killed ${when} step ${n}`
      const left = (yield* Shelves.all(account)).filter(({ type }) => type === "Deposited")
      const kept = yield* Effect.result(Stream.runCollect(ArchiveFolder.read(folder)))
      const ids = new Set([...left, ...(kept._tag === "Success" ? kept.success : [])].map(({ id }) => id))
      yield* Check.equal(`${did}: the events that are somewhere`, ids.size, before.length)
      const { kept: grown, removed } = yield* archive(folder, options)
      yield* Check.equal(`${did}, and ran it again`, [removed.length, grown], [3, []])
      const held = yield* Stream.runCollect(ArchiveFolder.read(folder))
      yield* Check.equal(
        `${did}, and ran it again`,
        held.map(({ id }) => id),
        before.map(({ id }) => id)
      )
      const types = (yield* Shelves.all(account)).map(({ type }) => type)
      yield* Check.equal(`${did}, and ran it again`, types, ["$archived", "$archived", "$archived"])
      return { isOver: Exit.isSuccess(ended), steps: death.steps() }
    })
    const { isOver, steps } = yield* attempt(Infinity, "before")
    yield* Check.holds("archived three streams", "takes some steps", isOver && steps >= 6, steps)
    for (const n of Fresh.range(steps)) {
      for (const when of ["before", "after"] as const) yield* attempt(n + 1, when)
    }
  })
)

const waits = law(
  "Archive 3 nothing is removed that a reader has yet to read, or has parked, unless it is forced",
  Effect.gen(function* () {
    if (yield* cannot) return
    const { archive, erase, waitFor } = yield* Subject
    const account = yield* Account.make()
    const [first, second] = yield* Shelves.fill(account, 2, 3)
    const last = (yield* Shelves.all(account)).at(-1)
    if (first === undefined || second === undefined || last === undefined) return
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    const folder = yield* Shelves.shelf
    const options = { streams: [first], readers: [projection] }
    for (const attempt of [archive(folder, options), erase(first, { readers: [projection] })]) {
      const did = "removed a stream before a projection had read it"
      const behind = yield* Check.refused<unknown, Effect.Error<typeof attempt>, Services, "ReadersBehind">(
        did,
        attempt,
        "ReadersBehind"
      )
      yield* Check.equal(
        did,
        behind.readers.map(({ name }) => name),
        [projection.name]
      )
      yield* Check.equal(did, (yield* Contents.ofStream(first)).length, 3)
    }
    const running = yield* Running.start(Processor.projection(projection))
    yield* waitFor(projection, last.position)
    yield* running.kill
    const { removed } = yield* archive(folder, options)
    yield* Check.equal("removed it when the projection had", removed.length, 1)
    const late = counts(account, yield* Fresh.name("counts"), () => 1)
    const forced = yield* erase(second, { readers: [late], force: true })
    yield* Check.equal("forced it", Number(forced.revision), 3)
  })
)

const parks = law(
  "Archive 4 nor is what a reader has parked",
  Effect.gen(function* () {
    if (yield* cannot) return
    const { archive, drop, waitFor } = yield* Subject
    const account = yield* Account.make()
    const [first, second] = yield* Shelves.fill(account, 2, 3)
    const last = (yield* Shelves.all(account)).at(-1)
    if (first === undefined || second === undefined || last === undefined) return
    const projection = counts(account, yield* Fresh.name("counts"), () => 1, new Set([1]))
    const processor = Processor.projection(projection)
    yield* Running.start(processor, { onFailure: "park" })
    yield* Effect.ignore(waitFor(projection, last.position))
    const folder = yield* Shelves.shelf
    const options = { streams: [first], readers: [projection] }
    const did = "archived a stream of which a projection has parked an event"
    const { readers } = yield* Check.refused(did, archive(folder, options), "ReadersBehind")
    yield* Check.holds(did, "says that it is parked", readers[0]?.problem.includes("parked") === true, readers)
    const { removed } = yield* archive(yield* Shelves.shelf, { streams: [second], readers: [projection] })
    yield* Check.equal("archived another one", removed.length, 1)
    for (const { eventId } of yield* Processor.parked(projection)) yield* drop(projection, eventId)
    const dropped = yield* archive(folder, options)
    yield* Check.equal("archived it when the event was dropped", dropped.removed.length, 1)
  })
)

const positions = law(
  "Archive 5 everything before a position can be copied, and stays",
  Effect.gen(function* () {
    const { copy } = yield* Subject
    const account = yield* Account.make()
    yield* Shelves.fill(account, 2, 10)
    const before = yield* Shelves.all(account)
    const at = before[7]
    if (at === undefined) return
    const folder = yield* Shelves.shelf
    yield* copy(folder, { before: at.position })
    const held = yield* Stream.runCollect(ArchiveFolder.read(folder))
    const own = held.filter(({ category }) => category === account.name)
    yield* Check.equal(
      "copied what is before a position",
      own.map(({ id }) => id),
      before.slice(0, 7).map(({ id }) => id)
    )
    const own$ = held.filter(({ category }) => category.startsWith("$"))
    yield* Check.equal("copied what is before a position: of the library's own", own$, [])
    yield* Check.equal("copied what is before a position: what is left", yield* Shelves.all(account), before)
    const some = yield* Contents.of(EventFilter.category(account.name), { from: { position: at.position }, limit: 1 })
    yield* Check.equal("read on from there", some[0]?.revision ?? Revision.make(0), at.revision)
  })
)

/** The laws of archiving. */
export const laws: ReadonlyArray<Law<Services>> = [copies, dies, waits, parks, positions, ...reading]
