// Importing: events of another store come with their ids, revisions and times, behind the end of the log or not at all.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import * as Importing from "./Importing.ts"
import { law } from "./Law.ts"

const keeps = law(
  "EventStore 13.1 imported events keep their ids, revisions, content and times, and the order that they had among all",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const store = yield* EventStore
    const { categories, events } = yield* Importing.several(300)
    const outcome = yield* Importing.behindAll(store, events)
    yield* Check.holds("imported 300 events", "they are stored", outcome._tag === "Imported", outcome)
    const expected = events.map(Importing.contentOf)
    yield* Check.equal("read them back", yield* Importing.stored(store, categories), expected)
    const both = EventFilter.categories(categories.map((category) => ({ category })))
    const read = yield* Contents.of(both)
    const rising = read.every(({ position }, i) => i === 0 || position > (read[i - 1]?.position ?? Infinity))
    yield* Check.holds("looked at their positions", "they rise", rising, read.slice(0, 10))
    const last = outcome._tag === "Imported" ? outcome.last : Position.beginning
    yield* Check.equal("looked at the end of the log", read.at(-1)?.position, last)

    const one = events[100] as EncodedRecorded
    const found = yield* store.find(one.stream, one.id)
    yield* Check.equal("looked for the 101st by its id", found?.revision, one.revision)
    // Along a stream times follow revisions: the same by time.
    const ofStream = events.filter(({ stream }) => stream === one.stream)
    const from = { time: DateTime.makeUnsafe(one.recordedAt) }
    const ids = (list: ReadonlyArray<{ readonly id: string }>) => list.map(({ id }) => id)
    const later = ofStream.filter(({ recordedAt }) => recordedAt >= one.recordedAt)
    yield* Check.equal("read its stream from its time", ids(yield* Contents.ofStream(one.stream, { from })), ids(later))
    const earlier = ofStream.filter(({ recordedAt }) => recordedAt <= one.recordedAt).toReversed()
    const backwards = yield* Contents.ofStream(one.stream, { from, direction: "backwards" })
    yield* Check.equal("read its stream backwards from its time", ids(backwards), ids(earlier))

    const end = ofStream.at(-1)?.revision ?? Revision.make(0)
    const { revision } = yield* store.append(one.stream, Fresh.events(1), { expected: end })
    yield* Check.equal("appended behind what was imported", revision, Revision.next(end))
  })
)

const places = law(
  "EventStore 13.2 an import is refused unless it goes behind the last event of the log, and each event behind those of its stream",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const at = (revision: number, given: Partial<EncodedRecorded> = {}) => Importing.recorded(stream, revision, given)
    const first = yield* at(0)
    yield* Importing.behindAll(store, [first, yield* at(1)])
    const behind = (yield* Contents.ofStream(stream))[0]?.position ?? Position.beginning
    const { _tag } = yield* store.importEncoded({ events: [yield* at(2)], behind })
    yield* Check.equal("imported behind another event than the last one", _tag, "Moved")
    yield* Contents.are("imported behind another event than the last one", stream, [0, 1])

    const refuses = Effect.fnUntraced(function* (did: string, wrong: EncodedRecorded, right?: EncodedRecorded) {
      const outcome = yield* Importing.behindAll(store, right === undefined ? [wrong] : [right, wrong])
      const index = right === undefined ? 0 : 1
      const isSo = outcome._tag === "Misplaced" && outcome.index === index
      yield* Check.holds(did, `event ${index} is refused as misplaced`, isSo, outcome)
      yield* Contents.are(did, stream, [0, 1])
    })
    yield* refuses("imported revision 3 behind 1", yield* at(3))
    yield* refuses("imported revision 1 once more", yield* at(1))
    yield* refuses("imported what was recorded before the last one", yield* at(2, { recordedAt: Importing.longAgo }))
    yield* refuses("imported an id that is stored", { ...(yield* at(2)), id: first.id })
    const twice = yield* at(2)
    yield* refuses("imported one id twice", { ...(yield* at(3)), id: twice.id }, twice)
    yield* refuses("imported revisions 2 and 4", yield* at(4), yield* at(2))
    const other = yield* Fresh.stream()
    const late = yield* Importing.recorded(other, 2)
    const outcome = yield* Importing.behindAll(store, [late])
    yield* Check.equal("began a stream at revision 2", outcome._tag, "Misplaced")
    yield* Contents.are("began a stream at revision 2", other, [])
  })
)

const remembers = law(
  "EventStore 13.3 whoever appends ids that were imported repeats what they were appended by",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    // At one time, as one append brings them.
    const { longAgo: recordedAt } = Importing
    const events = yield* Effect.forEach([0, 1], (n) => Importing.recorded(stream, n, { recordedAt }))
    yield* Importing.behindAll(store, events)
    const again = events.map(({ id }, n) => ({ id, type: "Counted", data: { n } }))
    for (const expected of ["any", "noStream", "streamExists"] as const) {
      const { repeated, revision } = yield* store.append(stream, again, { expected })
      yield* Check.equal(`appended them again, expecting ${expected}`, [repeated, Number(revision)], [true, 1])
    }
    const second = yield* store.append(stream, again.slice(1))
    yield* Check.equal("appended the second of them again", [second.repeated, Number(second.revision)], [true, 1])
    const [first] = again
    const changed = first === undefined ? [] : [{ ...first, data: { n: 7 } }]
    yield* Check.refused("appended other content with their ids", store.append(stream, changed), "EventIdReused")
    const elsewhere = StreamName.make(StreamName.category(stream), "other")
    yield* Check.refused("appended them to another stream", store.append(elsewhere, again), "EventIdReused")
    yield* Contents.are("appended them again", stream, [0, 1])
  })
)

const tombstones = law(
  "EventStore 13.10 a tombstone is imported behind what is missing, too, and its removal is done when it is asked for again",
  Effect.gen(function* () {
    if (yield* Importing.cannot) return
    const store = yield* EventStore
    // At one time, so that they could be taken for one append.
    const { longAgo: recordedAt } = Importing
    for (const revisions of [[2], [5], [5, 6]]) {
      const did = `imported a stream of revisions 0, 1 and tombstones at ${revisions.join(", ")}`
      const stream = yield* Fresh.stream()
      const end = Revision.make(revisions.at(-1) ?? 0)
      const events = yield* Effect.forEach([0, 1], (n) => Importing.recorded(stream, n, { recordedAt }))
      // What was archived can be deleted after that.
      const tombstones = yield* Effect.forEach(revisions, (revision) => {
        const type = revision === end ? "$deleted" : "$archived"
        return Importing.recorded(stream, revision, { type, data: JSON.stringify({ events: 5 }), recordedAt })
      })
      const all = [...events, ...tombstones]
      const { _tag } = yield* Importing.behindAll(store, all)
      yield* Check.equal(did, _tag, "Imported")
      const ids = (list: ReadonlyArray<{ readonly id: string }>) => list.map(({ id }) => id)
      yield* Check.equal(did, ids(yield* Contents.ofStream(stream)), ids(all))
      const backwards = yield* Contents.ofStream(stream, { direction: "backwards" })
      yield* Check.equal(`${did}: backwards`, ids(backwards), ids(all.toReversed()))
      yield* Check.equal(`${did}: where the stream ends`, yield* store.streamRevision(stream), end)
      yield* Check.refusedBecause(`${did}, and appended`, store.append(stream, Fresh.events(1)), "StreamDeleted")
      if (!store.capabilities.remove) continue
      const removed = yield* store.remove(stream, { as: "deleted", expected: end })
      yield* Check.equal(`${did}, and removed it`, [Number(removed.revision), removed.repeated], [Number(end), true])
      yield* Check.equal(`${did}, and removed it`, ids(yield* Contents.ofStream(stream)), ids(all.slice(-1)))
      const left = yield* Contents.ofStream(stream, { direction: "backwards" })
      yield* Check.equal(`${did}, and removed it: backwards`, ids(left), ids(all.slice(-1)))
    }
  })
)

export const importing = [keeps, places, remembers, tombstones]
