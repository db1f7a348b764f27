// Laws 1 and 2 of an event store, for one stream: expectations, and all or nothing.
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import type { Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

/** The append of one more event is refused, with where the stream really is. */
const conflicts = (stream: StreamName, expected: Expected, actual: number | undefined) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const did = `appended to ${actual === undefined ? "a stream without events" : `a stream at revision ${actual}`}, expecting ${expected}`
    const error = yield* Check.refused(
      did,
      store.append(stream, Fresh.events(1, 99), { expected }),
      "WrongExpectedRevision"
    )
    yield* Check.equal(
      `${did}: what the conflict says`,
      [error.stream, error.expected, error.actual],
      [stream, expected, actual]
    )
  })

const atRevision = law(
  "EventStore 1.1 an expected revision must be the stream's own",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* conflicts(stream, Revision.make(0), undefined)
    yield* conflicts(stream, Revision.make(7), undefined)
    yield* store.append(stream, Fresh.events(3))
    yield* conflicts(stream, Revision.make(0), 2)
    yield* conflicts(stream, Revision.make(1), 2)
    yield* conflicts(stream, Revision.make(3), 2)
    yield* Contents.are("conflicted five times", stream, [0, 1, 2])
    const { revision } = yield* store.append(stream, Fresh.events(2, 3), { expected: Revision.make(2) })
    yield* Check.equal("appended two events at revision 2: the new revision", revision, Revision.make(4))
    yield* Contents.are("appended at the right revision", stream, [0, 1, 2, 3, 4])
  })
)

const noStream = law(
  `EventStore 1.2 "noStream" is a stream without events`,
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const { revision } = yield* store.append(stream, Fresh.events(2), { expected: "noStream" })
    yield* Check.equal("appended two events to a new stream: the revision", revision, Revision.make(1))
    yield* conflicts(stream, "noStream", 1)
    yield* Contents.are("conflicted", stream, [0, 1])
  })
)

const streamExists = law(
  `EventStore 1.3 "streamExists" is a stream with events`,
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* conflicts(stream, "streamExists", undefined)
    yield* Contents.are("conflicted", stream, [])
    yield* store.append(stream, Fresh.events(1))
    yield* store.append(stream, Fresh.events(1, 1), { expected: "streamExists" })
    yield* Contents.are("appended to a stream that exists", stream, [0, 1])
  })
)

const any = law(
  `EventStore 1.4 "any", and no expectation, take a stream wherever it is`,
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* store.append(stream, Fresh.events(1), { expected: "any" })
    yield* store.append(stream, Fresh.events(1, 1))
    const { revision } = yield* store.append(stream, Fresh.events(2, 2), { expected: "any" })
    yield* Check.equal("appended four events in three appends: the revision", revision, Revision.make(3))
    yield* Contents.are("appended three times", stream, [0, 1, 2, 3])
  })
)

/** Of racers that expect the same, one wins and the others learn where the stream is now. */
const oneWins = (before: number, expected: Expected) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const did = `let 20 racers append, each expecting ${expected}`
    for (let round = 0; round < 3; round++) {
      const stream = yield* Fresh.stream()
      yield* store.append(stream, Fresh.events(before))
      const racers = Fresh.range(20).map((i) =>
        Effect.as(store.append(stream, Fresh.events(1, 100 + i), { expected }), 100 + i)
      )
      const { lost, won } = Check.sides(yield* Check.race(racers))
      yield* Check.equal(`${did}: how many won`, won.length, 1)
      for (const error of lost) {
        yield* Check.equal(
          `${did}: how the others ended`,
          [error._tag, "actual" in error && error.actual],
          ["WrongExpectedRevision", before]
        )
      }
      yield* Contents.are(did, stream, [...Fresh.range(before), ...won])
    }
  })

const revisionRacers = law("EventStore 1.5 of racers at one revision exactly one wins", oneWins(2, Revision.make(1)))

const noStreamRacers = law(`EventStore 1.6 of racers for a new stream exactly one wins`, oneWins(0, "noStream"))

const anyRacers = law(
  `EventStore 1.7 "any" never conflicts, whoever else writes`,
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const did = `let 50 writers append two events each, expecting "any"`
    const writers = Fresh.range(50).map((i) => store.append(stream, Fresh.events(2, 2 * i), { expected: "any" }))
    const { lost, won } = Check.sides(yield* Check.race(writers))
    yield* Check.equal(`${did}: how many failed`, lost, [])
    const revisions = won.map(({ revision }) => Number(revision)).sort((a, b) => a - b)
    yield* Check.equal(
      `${did}: the revisions they got`,
      revisions,
      Fresh.range(50).map((i) => 2 * i + 1)
    )
    const events = yield* Contents.ofStream(stream)
    const stored = Fresh.numbers(events).map(Number)
    yield* Check.equal(
      `${did}: the events`,
      stored.toSorted((a, b) => a - b),
      Fresh.range(100)
    )
    const split = stored.filter((n, i) => i % 2 === 1 && n !== Number(stored[i - 1]) + 1)
    yield* Check.equal(`${did}: appends with another's event among theirs`, split, [])
  })
)

const allOrNothing = law(
  "EventStore 2.1 a reader sees all events of an append or none",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const odd: Array<number> = []
    const look = Effect.map(Contents.ofStream(stream), ({ length }) => {
      if (length % 20 !== 0) odd.push(length)
    })
    const write = Effect.forEach(Fresh.range(15), (i) => store.append(stream, Fresh.events(20, 20 * i)))
    yield* Check.meanwhile(look, write)
    yield* Check.equal("appended 20 events at a time and read meanwhile: counts that are no multiple of 20", odd, [])
    yield* Contents.are("appended 15 times", stream, Fresh.range(300))
  })
)

const refusedWhole = law(
  "EventStore 2.2 an append that is refused for one event writes none",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const [old] = yield* Fresh.identified(1)
    yield* store.append(stream, old === undefined ? [] : [old])
    const changed = { ...old, type: "Counted", data: { n: 50 } }
    const mixed = [...Fresh.events(2, 1), changed, ...Fresh.events(1, 9)]
    yield* Check.refused("appended four events, the third with a used id", store.append(stream, mixed), "EventIdReused")
    const bad = [...Fresh.events(2, 1), { type: "Counted", data: { n: Number.NaN } }]
    yield* Check.refusedBecause(
      "appended three events, the last not JSON",
      store.append(stream, bad),
      "UnstorableContent"
    )
    yield* Contents.are("was refused twice", stream, [0])
  })
)

/** The laws of appending to one stream. */
export const appending = [
  atRevision,
  noStream,
  streamExists,
  any,
  revisionRacers,
  noStreamRacers,
  anyRacers,
  allOrNothing,
  refusedWhole
]
