// Law 3 of an event store: repeating an append by its event ids changes nothing, misusing an id is an error.
import * as Effect from "effect/Effect"
import type { EventData } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import type { Appended } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

/** A stream to which three events were appended, and another one after them. */
const appended = Effect.gen(function* () {
  const store = yield* EventStore
  const stream = yield* Fresh.stream()
  const events = yield* Fresh.identified(3)
  const first = yield* store.append(stream, events, { expected: "noStream" })
  yield* store.append(stream, Fresh.events(1, 3))
  return { store, stream, events, first }
})

const asRepeats = (results: ReadonlyArray<Appended>) => results.map((result) => ({ ...result, repeated: true }))

const gives = (did: string, result: Appended, first: Appended, stream: StreamName) =>
  Effect.andThen(
    Check.equal(`${did}: where the last event stands, as at first`, result, { ...first, repeated: true }),
    Contents.are(did, stream, [0, 1, 2, 3])
  )

const repeated = law(
  "EventStore 3.1 the same ids again return the first result and write nothing",
  Effect.gen(function* () {
    const { events, first, store, stream } = yield* appended
    yield* gives("repeated an append", yield* store.append(stream, events), first, stream)
    yield* gives("repeated it once more", yield* store.append(stream, events), first, stream)
  })
)

const overtaken = law(
  "EventStore 3.2 a repeat returns the first result even under an expectation that no longer holds",
  Effect.gen(function* () {
    const { events, first, store, stream } = yield* appended
    for (const expected of ["noStream", Revision.make(0), Revision.make(17)] as const) {
      const again = yield* store.append(stream, events, { expected })
      yield* gives(`repeated an append, expecting ${expected}`, again, first, stream)
    }
  })
)

/** The same ids with something else in the last event. */
const otherwise = (id: string, change: Partial<EventData>) =>
  law(
    id,
    Effect.gen(function* () {
      const { events, store, stream } = yield* appended
      const other = events.map((event, i) => (i === 2 ? { ...event, ...change } : event))
      const error = yield* Check.refused(
        `appended the same ids with ${JSON.stringify(change)}`,
        store.append(stream, other),
        "EventIdReused"
      )
      yield* Check.equal("looked at the id that the error names", error.id, events[2]?.id)
      yield* Contents.are("was refused", stream, [0, 1, 2, 3])
    })
  )

const otherStream = law(
  "EventStore 3.6 an id that another stream has is reused",
  Effect.gen(function* () {
    const { events, store, stream } = yield* appended
    const other = yield* Fresh.stream()
    yield* Check.refused("appended the same ids to another stream", store.append(other, events), "EventIdReused")
    yield* Contents.are("was refused", other, [])
    yield* Contents.are("was refused", stream, [0, 1, 2, 3])
  })
)

const partly = law(
  "EventStore 3.7 some ids old and some new are an error, whatever was expected",
  Effect.gen(function* () {
    const { events, store, stream } = yield* appended
    const fresh = yield* Fresh.identified(1, 9)
    for (const mixed of [
      [...events, ...fresh],
      [...fresh, ...events]
    ]) {
      for (const expected of ["any", Revision.make(3), "noStream"] as const) {
        const call = store.append(stream, mixed, { expected })
        yield* Check.refused(`appended three old ids and a new one, expecting ${expected}`, call, "EventIdReused")
      }
    }
    yield* Contents.are("was refused six times", stream, [0, 1, 2, 3])
  })
)

const otherMetadata = law(
  "EventStore 3.8 other metadata is no other content",
  Effect.gen(function* () {
    const { events, first, store, stream } = yield* appended
    const again = events.map((event) => ({ ...event, metadata: { actor: "someone else" } }))
    yield* gives("repeated an append with other metadata", yield* store.append(stream, again), first, stream)
    const [stored] = yield* Contents.ofStream(stream)
    yield* Check.equal("looked at the metadata: the first stays", stored?.metadata.actor, undefined)
  })
)

const otherOrder = law(
  "EventStore 3.9 the order of an object's keys is no other content",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const [event] = yield* Fresh.identified(1)
    const id = event?.id
    const data = { n: 0, b: { x: 1, y: [{ p: 1, q: 2 }] } }
    const turned = { b: { y: [{ q: 2, p: 1 }], x: 1 }, n: 0 }
    const first = yield* store.append(stream, [{ ...event, type: "Counted", data }])
    const again = yield* store.append(stream, [{ ...event, type: "Counted", data: turned }])
    yield* Check.equal("repeated an append with keys in another order", again, { ...first, repeated: true })
    const other = store.append(stream, [
      { ...event, type: "Counted", data: { ...data, b: { x: 1, y: [{ p: 2, q: 1 }] } } }
    ])
    const error = yield* Check.refused("swapped the values of two keys", other, "EventIdReused")
    yield* Check.equal("looked at the id that the error names", error.id, id)
  })
)

const racers = law(
  "EventStore 3.10 racers with the same ids all get the one result",
  Effect.gen(function* () {
    const store = yield* EventStore
    for (const expected of ["noStream", "any"] as const) {
      const stream = yield* Fresh.stream()
      const events = yield* Fresh.identified(3)
      const did = `let 12 racers make the same append, expecting ${expected}`
      const call = store.append(stream, events, { expected })
      const { lost, won } = Check.sides(yield* Check.race(Fresh.range(12).map(() => call)))
      yield* Check.equal(`${did}: those who failed`, lost, [])
      yield* Check.equal(
        `${did}: different results`,
        won.filter((one) => one.position !== won[0]?.position || one.revision !== 2),
        []
      )
      yield* Contents.are(did, stream, [0, 1, 2])
    }
  })
)

const together = law(
  "EventStore 3.11 appendAll is repeated as a whole or not at all",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (!store.capabilities.appendAll) return
    const [a, b] = [yield* Fresh.stream(), yield* Fresh.stream()]
    const [forA, forB, fresh] = [yield* Fresh.identified(2), yield* Fresh.identified(1), yield* Fresh.identified(1, 9)]
    const call = (ofB: ReadonlyArray<EventData>) =>
      store.appendAll([
        { stream: a, events: forA, expected: "noStream" },
        { stream: b, events: ofB, expected: "noStream" }
      ])
    const first = yield* call(forB)
    yield* store.append(a, Fresh.events(1, 2))
    yield* Check.equal("repeated an appendAll", yield* call(forB), asRepeats(first))
    yield* Check.refused("repeated the half of an appendAll", call(fresh), "EventIdReused")
    const fourth = yield* Fresh.stream()
    const mixed = store.appendAll([
      { stream: fourth, events: fresh },
      { stream: b, events: forB }
    ])
    yield* Check.refused("appended a repeat together with something new", mixed, "EventIdReused")
    yield* Contents.are("repeated and was refused", a, [0, 1, 2])
    yield* Contents.are("repeated and was refused", b, [0])
    yield* Contents.are("repeated and was refused", fourth, [])
  })
)

const twiceInOne = law(
  "EventStore 3.12 an append holds an id once",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const events = yield* Fresh.identified(2)
    const twice = [...events, ...events]
    yield* Check.refusedBecause("appended two ids twice in one append", store.append(stream, twice), "InvalidRequest")
    yield* Contents.are("was refused", stream, [])
  })
)

/** The laws of repeating. */
export const repeating = [
  repeated,
  overtaken,
  otherwise("EventStore 3.3 an id with other data is reused", { data: { n: 20 } }),
  otherwise("EventStore 3.4 an id with another type is reused", { type: "Recounted" }),
  otherwise("EventStore 3.5 an id with another schemaVersion is reused", { schemaVersion: 2 }),
  otherStream,
  partly,
  otherMetadata,
  otherOrder,
  racers,
  together,
  twiceInOne
]
