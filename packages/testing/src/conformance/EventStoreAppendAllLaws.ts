// Laws 2 and 4 of an event store: several streams at once, and the append of nothing.
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import type { Expected } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

const severalStreams = law(
  "EventStore 2.3 appendAll writes to several streams at once, or says that it cannot",
  Effect.gen(function* () {
    const store = yield* EventStore
    const [a, b, c] = [yield* Fresh.stream(), yield* Fresh.stream(), yield* Fresh.stream()]
    yield* store.append(b, Fresh.events(1))
    const call = store.appendAll([
      { stream: a, events: Fresh.events(2), expected: "noStream" },
      { stream: b, events: Fresh.events(1, 1), expected: Revision.make(0) },
      { stream: c, events: Fresh.events(1) }
    ])
    if (!store.capabilities.appendAll) {
      yield* Check.refusedBecause("called appendAll on a store without it", call, "Unsupported")
      return yield* Contents.are("was refused", a, [])
    }
    const results = yield* call
    yield* Check.equal(
      "appended to three streams: their revisions",
      results.map(({ revision }) => Number(revision)),
      [1, 1, 0]
    )
    for (const [i, stream] of [a, b, c].entries()) {
      yield* Contents.are("appended to three streams", stream, [[0, 1], [0, 1], [0]][i] ?? [])
      const last = (yield* Contents.ofStream(stream)).at(-1)
      yield* Check.equal(
        "compared the position with that of the stream's last event",
        results[i]?.position,
        last?.position
      )
    }
  })
)

const conflictInOne = law(
  "EventStore 2.4 a conflict in one stream of appendAll leaves all of them untouched",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (!store.capabilities.appendAll) return
    const [a, b, c] = [yield* Fresh.stream(), yield* Fresh.stream(), yield* Fresh.stream()]
    yield* store.append(b, Fresh.events(2))
    const did = "appended to three streams, the second of which is at revision 1, not 0"
    const call = store.appendAll([
      { stream: a, events: Fresh.events(1) },
      { stream: b, events: Fresh.events(1, 9), expected: Revision.make(0) },
      { stream: c, events: Fresh.events(1) }
    ])
    const error = yield* Check.refused(did, call, "WrongExpectedRevision")
    yield* Check.equal(`${did}: what the conflict says`, [error.stream, error.expected, error.actual], [b, 0, 1])
    yield* Contents.are(did, a, [])
    yield* Contents.are(did, b, [0, 1])
    yield* Contents.are(did, c, [])
  })
)

const allRacers = law(
  "EventStore 2.5 of appendAll racers with streams in common exactly one wins, in whatever order they name them",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (!store.capabilities.appendAll) return
    const [a, b] = [yield* Fresh.stream(), yield* Fresh.stream()]
    const did = "let 12 racers append to two new streams, half of them in the other order"
    const racers = Fresh.range(12).map((i) => {
      const both = [a, b].map((stream) => ({ stream, events: Fresh.events(1, i), expected: "noStream" as const }))
      return Effect.as(store.appendAll(i % 2 === 0 ? both : both.toReversed()), i)
    })
    const { lost, won } = Check.sides(yield* Check.inTime(did, Check.race(racers)))
    yield* Check.equal(`${did}: how many won`, won.length, 1)
    yield* Check.equal(
      `${did}: losers that did not conflict`,
      lost.filter(({ _tag }) => _tag !== "WrongExpectedRevision"),
      []
    )
    yield* Contents.are(did, a, won)
    yield* Contents.are(did, b, won)
  })
)

const namedTwice = law(
  "EventStore 2.6 appendAll takes each stream once",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (!store.capabilities.appendAll) return
    const stream = yield* Fresh.stream()
    const twice = [0, 1].map((i) => ({ stream, events: Fresh.events(1, i) }))
    yield* Check.refusedBecause("named one stream twice in appendAll", store.appendAll(twice), "InvalidRequest")
    yield* Contents.are("was refused", stream, [])
  })
)

const empty = law(
  "EventStore 4.1 an empty append writes nothing and still checks",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const nothing = { revision: undefined, position: Position.beginning, repeated: false }
    yield* Check.equal(
      "appended no events to no stream",
      yield* store.append(stream, [], { expected: "noStream" }),
      nothing
    )
    const call = store.append(stream, [], { expected: "streamExists" })
    yield* Check.refused("appended no events to no stream, expecting one", call, "WrongExpectedRevision")
    yield* store.append(stream, Fresh.events(3))
    const at = { revision: Revision.make(2), position: Position.beginning, repeated: false }
    const same = yield* store.append(stream, [], { expected: Revision.make(2) })
    yield* Check.equal("appended no events to a stream at revision 2", same, at)
    const wrong = store.append(stream, [], { expected: Revision.make(1) })
    const error = yield* Check.refused("appended no events at a wrong revision", wrong, "WrongExpectedRevision")
    yield* Check.equal("appended no events at a wrong revision: the actual one", error.actual, 2)
    yield* Contents.are("appended nothing four times", stream, [0, 1, 2])
  })
)

const emptyAmong = law(
  "EventStore 4.2 an empty append among others in appendAll still checks",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (!store.capabilities.appendAll) return
    yield* Check.equal("appended to no streams at all", yield* store.appendAll([]), [])
    const [guard, stream] = [yield* Fresh.stream(), yield* Fresh.stream()]
    yield* store.append(guard, Fresh.events(1))
    const call = (expected: Expected) =>
      store.appendAll([
        { stream: guard, events: [], expected },
        { stream, events: Fresh.events(1) }
      ])
    yield* Check.refused("guarded an append by another stream, wrongly", call("noStream"), "WrongExpectedRevision")
    yield* Contents.are("was refused", stream, [])
    const results = yield* call(Revision.make(0))
    yield* Check.equal(
      "guarded an append by another stream: the revisions",
      results.map((one) => Number(one.revision)),
      [0, 0]
    )
    yield* Contents.are("appended under a guard", stream, [0])
    yield* Contents.are("appended under a guard", guard, [0])
  })
)

/** The laws of appending to several streams, and nothing. */
export const appendingAll = [severalStreams, conflictInOne, allRacers, namedTwice, empty, emptyAmong]
