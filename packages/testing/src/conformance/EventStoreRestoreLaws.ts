// The laws of an event store for readers of streams that are removed, and for streams that come back.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as Tombstone from "evolvent/Tombstone"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Follow from "./Follow.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { cannot, copied, filled, isLeftOf, remove } from "./Removing.ts"

const readers = law(
  "EventStore 12.5 who follows gets the tombstone once and at its place, and who comes later that instead of what it stands for",
  Effect.gen(function* () {
    if (yield* cannot) return
    const store = yield* EventStore
    const { events, last, stream } = yield* filled(40, 10)
    const category = events[0]?.category ?? ""
    const filter = EventFilter.category(category)
    const early = yield* Follow.start(filter)
    const tombstones = yield* Follow.start(EventFilter.category(category, { types: Tombstone.types }))
    yield* Follow.passed(early, events.at(-1)?.position ?? Position.beginning)
    const { position } = yield* remove(stream, last)
    const behind = yield* filled(1)
    yield* Follow.passed(early, position)
    yield* Follow.passed(tombstones, position)
    const did = "followed a stream of 40 events that was removed then"
    const left = yield* Contents.ofStream(stream)
    yield* Check.equal(
      did,
      early.events.map(({ id }) => id),
      [...events, ...left].map(({ id }) => id)
    )
    yield* Check.equal(`${did}: by the types of tombstones`, tombstones.events, left)
    for (const after of [Position.beginning, events[0]?.position, events[17]?.position, events[39]?.position]) {
      const late = yield* Follow.start(filter, { after: after ?? Position.beginning })
      yield* Follow.passed(late, behind.events[0]?.position ?? position)
      yield* Check.equal(`followed from ${after} on, behind the removal`, late.events, left)
    }
    const all = yield* Stream.runCollect(
      store.read(EventFilter.all(), { from: { position: events[0]?.position ?? position } })
    )
    const positions = all.map((event) => event.position)
    yield* Check.equal(
      "read the whole log behind a removal",
      positions,
      positions.toSorted((a, b) => a - b)
    )
    yield* Check.equal(
      "read the whole log",
      all.filter((event) => event.stream === stream),
      left
    )
  })
)

const restores = law(
  "EventStore 12.6 an archived stream comes back as it was, each event where it stood, and goes on; a deleted one never",
  Effect.gen(function* () {
    const store = yield* EventStore
    const { events, last, stream } = yield* filled(1300, 650)
    const copy = yield* copied(stream)
    if (!store.capabilities.restore) {
      // Where nothing is removed there is nothing to bring back.
      if (!store.capabilities.remove) return
      const did = "restored a stream where that cannot be done"
      yield* remove(stream, last)
      yield* Check.refusedBecause(did, store.restore(stream, copy), "Unsupported")
      return
    }
    yield* Check.refusedBecause("restored a stream that is there", store.restore(stream, copy), "InvalidRequest")
    const archived = yield* remove(stream, last)
    const other = yield* filled(2)
    for (const [what, given] of [
      ["nothing", []],
      ["too little", copy.slice(0, -1)],
      ["all but the first", copy.slice(1)],
      [
        "as much that ends otherwise",
        [...copy.slice(0, -1), ...copy.slice(-1).map((event) => ({ ...event, id: other.events[0]?.id ?? event.id }))]
      ],
      ["another stream", yield* copied(other.stream)],
      ["one twice", [...copy.slice(0, 1), ...copy.slice(0, -1)]],
      ["another order", [...copy.slice(1, 2), ...copy.slice(0, 1), ...copy.slice(2)]]
    ] as const) {
      yield* Check.refusedBecause(`restored a stream from ${what}`, store.restore(stream, given), "InvalidRequest")
    }
    yield* isLeftOf("restored from what is not all of it", events, {
      type: "$archived",
      data: { events: 1300, last: events.at(-1)?.id }
    })

    const { lost, won } = Check.sides(yield* Check.race(Fresh.range(3).map(() => store.restore(stream, copy))))
    yield* Check.equal("let three restore a stream", lost, [])
    yield* Check.equal("let three restore a stream: the first", won.filter(({ repeated }) => !repeated).length, 1)
    const back = won.find(({ repeated }) => !repeated)
    const again = yield* store.restore(stream, copy)
    yield* Check.equal("restored it again", again, { ...again, ...back, repeated: true })
    const found = yield* Contents.ofStream(stream)
    yield* Check.equal("restored a stream: its events", found.slice(0, 1300), events)
    yield* Check.equal(
      "restored a stream: what came behind them",
      found.slice(1300).map(({ position, revision, type }) => [Number(revision), type, Number(position)]),
      [
        [1300, "$archived", Number(archived.position)],
        [1301, "$restored", Number(back?.position)]
      ]
    )
    const next = yield* store.append(stream, Fresh.events(1, 1300), { expected: Revision.make(1301) })
    yield* Check.equal("restored a stream, and appended", Number(next.revision), 1302)
    const pages = yield* Contents.history(stream)
    yield* Check.equal("restored a stream: its history", pages.flatMap(({ types }) => types).length, 1303)
    for (const event of events.slice(3, 4)) {
      yield* Check.equal("restored a stream, and looked for an event", yield* store.find(stream, event.id), event)
    }
    const positions = (yield* Contents.of(EventFilter.category(events[0]?.category ?? ""))).map(
      ({ position }) => position
    )
    yield* Check.equal(
      "restored a stream: its category",
      positions,
      positions.toSorted((a, b) => a - b)
    )

    yield* remove(other.stream, other.last, { as: "deleted" })
    const gone = store.restore(other.stream, yield* copied(stream))
    yield* Check.refusedBecause("restored what was deleted", gone, "StreamDeleted")
  })
)

const histories = law(
  "EventStore 12.7 a history that is read while its stream goes is a part of it, perhaps with the tombstone, and nothing else",
  Effect.gen(function* () {
    if (yield* cannot) return
    const store = yield* EventStore
    const { last, stream } = yield* filled(7200, 900)
    const given: Array<readonly [number, number, boolean]> = []
    yield* store.history(stream, ({ revision, types }) =>
      Effect.gen(function* () {
        const [type = ""] = types
        given.push([revision, types.length, Tombstone.isTombstone({ type })])
        if (given.length === 1) yield* remove(stream, last)
        return true
      })
    )
    const did = "removed a stream of 7200 events while its history was read"
    const parts = given.filter(([, , isTombstone]) => !isTombstone)
    const first = (i: number) => parts.slice(0, i).reduce((sum, [, count]) => sum + count, 0)
    const firsts = parts.map(([revision]) => revision)
    yield* Check.equal(
      `${did}: where its parts begin`,
      firsts,
      parts.map((_, i) => first(i))
    )
    const tombstones = given.filter(([, , isTombstone]) => isTombstone)
    yield* Check.equal(
      `${did}: its tombstones`,
      tombstones,
      tombstones.slice(0, 1).map(() => [7200, 1, true])
    )
  })
)

/** The laws of readers and of coming back. */
export const restoring = [readers, restores, histories]
