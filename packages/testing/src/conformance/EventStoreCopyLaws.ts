// Copying: what a store holds is the same in another one or in a folder, however often the copy was cut off.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as ArchiveFolder from "evolvent/ArchiveFolder"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import * as Importing from "./Importing.ts"
import { law } from "./Law.ts"
import { Subject } from "./Subject.ts"

type Store = EventStore["Service"]

/** Copies some categories of a store into another one, to its end. */
const copy = Effect.fnUntraced(function* (source: Store, target: Store, categories: ReadonlyArray<string>) {
  const { toStore } = yield* Subject
  const told = toStore(target, { categories, every: 0 })
  return yield* Effect.provideService(Stream.runCollect(told), EventStore, source)
})

const inBoth = Effect.fnUntraced(function* (
  did: string,
  target: Store,
  categories: ReadonlyArray<string>,
  events: ReadonlyArray<EncodedRecorded>
) {
  const stored = yield* Importing.stored(target, categories)
  yield* Check.equal(did, stored, events.map(Importing.contentOf))
})

const copies = law(
  "EventStore 13.4 a copy holds the events of its source in their order and has the same hash; made again it changes nothing",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const target = yield* EventStore
    const { categories, events } = yield* Importing.several(1500)
    const source = yield* Importing.holding(events)
    const told = yield* copy(source, target, categories)
    yield* inBoth("copied 1500 events", target, categories, events)
    const { digest } = yield* Importing.digestOf(source, categories)
    const last = told.at(-1)
    yield* Check.equal("looked at the last progress", [last?.phase, last?.events, last?.digest], ["done", 1500, digest])
    const isRising = told.every(({ done, total }, i) => done <= total && done >= (told[i - 1]?.done ?? 0))
    yield* Check.holds("looked at the progress", "it rises up to the total", isRising, told)
    yield* Check.equal("took the hash of the copy", (yield* Importing.digestOf(target, categories)).digest, digest)
    const head = yield* target.head
    const again = yield* copy(source, target, categories)
    yield* Check.equal("copied again", again.at(-1)?.digest, digest)
    yield* inBoth("copied again", target, categories, events)
    // Whoever else uses the store may have appended.
    yield* Check.holds("copied again", `the log went on from ${head}`, (yield* target.head) >= head, yield* target.head)
  })
)

const resumes = law(
  "EventStore 13.5 a copy that was killed at any step, or not answered, ends right when it is made again",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const target = yield* EventStore
    const { categories, events } = yield* Importing.several(2500)
    const source = yield* Importing.holding(events)
    const runs: ReadonlyArray<ReadonlyArray<Importing.Fate>> = [
      ["killed before"],
      ["killed behind"],
      ["refused", "killed before"],
      ["lost", "killed before"],
      ["killed behind"],
      []
    ]
    for (const [i, fates] of runs.entries()) {
      const ended = yield* Effect.exit(copy(source, Importing.fated(target, fates), categories))
      const last = i === runs.length - 1
      yield* Check.holds(
        `made the copy for the ${i + 1}. time`,
        last ? "done" : "killed",
        Exit.isSuccess(ended) === last,
        ended
      )
    }
    yield* inBoth("killed it five times", target, categories, events)
  })
)

const refuses = law(
  "EventStore 13.6 a store that holds other events takes no copy, and who appends while one is made is found out",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const target = yield* EventStore
    const { categories, events } = yield* Importing.several(1500)
    const source = yield* Importing.holding(events)
    const [category] = categories
    const copying = (to: Store) =>
      Effect.provideService(
        Effect.flatMap(Subject, ({ toStore }) => Stream.runDrain(toStore(to, { categories }))),
        EventStore,
        source
      )
    const stranger = StreamName.make(category, "stranger")
    // Between its first page and its second.
    let calls = 0
    const disturbed: Store = {
      ...target,
      importEncoded: (request) =>
        Effect.suspend(() =>
          ++calls === 2
            ? Effect.andThen(Effect.orDie(target.append(stranger, Fresh.events(1))), target.importEncoded(request))
            : target.importEncoded(request)
        )
    }
    const { reason } = yield* Check.refused("appended while a copy was made", copying(disturbed), "CopyRefused")
    yield* Check.equal("appended while a copy was made", reason, "diverged")
    const held = yield* Importing.stored(target, categories)
    yield* Check.refused("copied to where a stranger's event is", copying(target), "CopyRefused")
    yield* Check.equal("copied to where a stranger's event is", yield* Importing.stored(target, categories), held)
  })
)

const shares = law(
  "EventStore 13.7 whoever appends events of other kinds does not disturb a copy",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const target = yield* EventStore
    const { categories, events } = yield* Importing.several(1500)
    const source = yield* Importing.holding(events)
    const other = yield* Fresh.stream()
    let calls = 0
    const shared: Store = {
      ...target,
      importEncoded: (request) =>
        Effect.suspend(() =>
          ++calls <= 2
            ? Effect.andThen(Effect.orDie(target.append(other, Fresh.events(1))), target.importEncoded(request))
            : target.importEncoded(request)
        )
    }
    yield* copy(source, shared, categories)
    yield* inBoth("appended to other categories while a copy was made", target, categories, events)
  })
)

const inFolder = law(
  "EventStore 13.8 what goes through a folder comes back as it was; a folder is added to where it ends",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const store = yield* EventStore
    const { fromFolder, toFolder } = yield* Subject
    const { categories, events } = yield* Importing.several(600)
    yield* Importing.behindAll(store, events.slice(0, 400))
    const folder = ArchiveFolder.inMemory()
    yield* Stream.runDrain(toFolder(folder, { categories }))
    yield* Importing.behindAll(store, events.slice(400))
    const told = yield* Stream.runCollect(toFolder(folder, { categories }))
    const manifest = yield* ArchiveFolder.verify(folder)
    yield* Check.equal(
      "wrote 400 events and then 200 to a folder",
      manifest.parts.map((part) => part.events),
      [400, 200]
    )
    const copied = yield* Importing.memory
    yield* Effect.provideService(Stream.runDrain(fromFolder(folder)), EventStore, copied)
    yield* inBoth("read the folder into another store", copied, categories, events)
    const { digest } = yield* Importing.digestOf(copied, categories)
    yield* Check.equal("compared the hashes", [told.at(-1)?.digest, manifest.digest], [digest, digest])
    const target = yield* Importing.holding(events.slice(0, 250))
    yield* Effect.provideService(Stream.runDrain(fromFolder(folder)), EventStore, target)
    yield* inBoth("read the folder to where a part of it is", target, categories, events)
  })
)

const tombstones = law(
  "EventStore 13.9 what is left of a stream that was removed is copied, and the stream is as closed there",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const target = yield* EventStore
    const source = yield* Importing.memory
    const [archived, deleted] = [yield* Fresh.stream(), yield* Fresh.stream()]
    const categories = [archived, deleted].map(StreamName.category)
    for (const [stream, as] of [
      [archived, "archived"],
      [deleted, "deleted"]
    ] as const) {
      yield* source.append(stream, Fresh.events(5))
      yield* source.remove(stream, { as, expected: Revision.make(4), reason: "the law" })
    }
    yield* copy(source, target, categories)
    for (const stream of [archived, deleted]) {
      const left = yield* Stream.runCollect(target.read(EventFilter.stream(stream)))
      yield* Check.equal(
        "looked at what is left of it",
        left.map(({ revision }) => Number(revision)),
        [5]
      )
      yield* Check.equal("looked where it ends", yield* target.streamRevision(stream), Revision.make(5))
    }
    const to = (stream: StreamName.StreamName) => target.append(stream, Fresh.events(1))
    yield* Check.refusedBecause("appended to what was archived there", to(archived), "StreamArchived")
    yield* Check.refusedBecause("appended to what was deleted there", to(deleted), "StreamDeleted")
    const { digest } = yield* Importing.digestOf(source, categories)
    yield* Check.equal("compared the hashes", (yield* Importing.digestOf(target, categories)).digest, digest)
  })
)

export const copyingAll = [copies, resumes, refuses, shares, inFolder, tombstones]
