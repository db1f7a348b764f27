// Laws of appends to several streams: a batch is all or nothing also where its answer is lost, and says which stream had moved.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as EventId from "evolvent/EventId"
import type { Append } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import { ended, found, name, numbered } from "./Appends.ts"
import type { Store } from "./Appends.ts"
import type { Bench, Breaking } from "./Bench.ts"
import { eventsOf, layoutOf } from "./Bench.ts"
import { losingBatch } from "./Breaks.ts"
import { equal, law } from "./Law.ts"

const all = (store: Store, appends: ReadonlyArray<Append>) =>
  store.appendAll(appends).pipe(
    Effect.map((results) =>
      results.map(({ repeated, revision }) => `${repeated ? "repeats" : "at"} ${revision}`).join(", ")
    ),
    Effect.catch((error) =>
      Effect.succeed(error._tag === "WrongExpectedRevision" ? `${error.stream} is at ${error.actual}` : `${error._tag}`)
    )
  )

const two = (more: Partial<Append> = {}): ReadonlyArray<Append> => [
  { stream: name("one"), events: [numbered(1), numbered(2)], ...more },
  { stream: name("two"), events: [numbered(3)], ...more }
]

const unanswered = law(
  "Batch 1 a batch whose answer is lost is stored once, and is no conflict with itself",
  Effect.gen(function* () {
    for (const isOvertaken of [false, true]) {
      const layout = yield* layoutOf()
      const { driver, store: other } = yield* eventsOf(layout)
      if (!driver.capabilities.appendAll) return
      const more = Effect.forEach(["one", "two"], (id) => ended(other, id, [numbered(9)]))
      const { store } = yield* eventsOf(layout, losingBatch(isOvertaken ? more : Effect.void))
      const did = `lost the answer to a batch${isOvertaken ? ", while others appended behind it" : ""}`
      yield* equal(did, yield* all(store, two({ expected: "noStream" })), "at 1, at 0")
      const behind = isOvertaken ? ["2: 9"] : []
      yield* equal(did, yield* found(store, "one"), ["0: 1", "1: 2", ...behind])
      yield* equal(did, yield* found(store, "two"), ["0: 3", ...(isOvertaken ? ["1: 9"] : [])])
    }
  })
)

/** A connection on which something happens before a batch is begun, each time. */
const beforeBatches =
  (what: Effect.Effect<unknown>): Breaking =>
  (jetstream) => ({
    ...jetstream,
    client: {
      ...jetstream.client,
      request: (subject, body, options) => {
        const headers = options?.headers ?? []
        const isFirst = headers.some(([header, value]) => header === "Nats-Batch-Sequence" && value === "1")
        const sent = jetstream.client.request(subject, body, options)
        return isFirst ? Effect.andThen(what, sent) : sent
      }
    }
  })

const moved = law(
  "Batch 2 a batch that finds a stream moved stores nothing, says which, and is made again where it may be",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { driver, store: other } = yield* eventsOf(layout)
    if (!driver.capabilities.appendAll) return
    let times = 0
    const race = Effect.suspend(() => {
      times += 1
      return times > 2 ? Effect.void : ended(other, "two", [numbered(times + 5)])
    })
    const { store } = yield* eventsOf(layout, beforeBatches(race))
    const did = "appended to two streams while somebody appended to the second, twice"
    yield* equal(did, yield* all(store, two()), "at 1, at 2")
    yield* equal(did, yield* found(store, "two"), ["0: 6", "1: 7", "2: 3"])
    times = 1
    const [first, second] = two()
    if (first === undefined || second === undefined) return
    const both = [
      { ...first, expected: Revision.make(1) },
      { ...second, expected: Revision.make(2) }
    ]
    yield* equal(`${did}, expecting where it was`, yield* all(store, both), "Account-two is at 3")
    yield* equal(did, yield* found(store, "one"), ["0: 1", "1: 2"])
  })
)

const repeated = law(
  "Batch 3 a batch with ids that are known is a repeat as a whole, or an error, and never half of one",
  Effect.gen(function* () {
    const layout = yield* layoutOf({ duplicateWindow: 100 })
    const { driver, store } = yield* eventsOf(layout)
    if (!driver.capabilities.appendAll) return
    const ids = [yield* EventId.generate, yield* EventId.generate, yield* EventId.generate]
    const batch = (n: number) =>
      ["one", "two", "three"].slice(0, n).map((id, i): Append => ({ stream: name(id), events: [numbered(i, ids[i])] }))
    yield* equal("appended to two streams", yield* all(store, batch(2)), "at 0, at 0")
    yield* ended(store, "one", [numbered(7)])
    yield* Effect.sleep(250)
    yield* equal("appended the same ids again", yield* all(store, batch(2)), "repeats 0, repeats 0")
    yield* equal("appended them with a new one", yield* all(store, batch(3)), "EventIdReused")
    yield* equal("appended them with a new one", yield* found(store, "three"), [])
  })
)

const underWay = law(
  "Batch 4 a batch that is refused while its first copy is still being stored is no conflict with itself",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const losing = losingBatch()
    let looks = 0
    const { driver, store } = yield* eventsOf(layout, (jetstream) => {
      const lossy = losing(jetstream)
      // As long as the servers of a cluster are at it nobody sees the messages.
      return {
        ...lossy,
        next: (stream, subject, sequence) =>
          Effect.suspend(() => {
            looks += 1
            return looks > 4 ? jetstream.next(stream, subject, sequence) : Effect.undefined
          })
      }
    })
    if (!driver.capabilities.appendAll) return
    const did = "sent a batch again that a cluster was about to store"
    yield* equal(did, yield* all(store, two({ expected: "noStream" })), "at 1, at 0")
    yield* equal(did, yield* found(store, "one"), ["0: 1", "1: 2"])
    yield* equal(did, yield* found(store, "two"), ["0: 3"])
  })
)

/** Laws of appends to several streams. */
export const batches: ReadonlyArray<Law<Bench>> = [unanswered, moved, repeated, underWay]
