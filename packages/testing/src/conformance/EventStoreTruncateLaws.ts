// The laws of an event store for the messages of a bus, which are not kept for ever.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

/** A stream of the bus that nobody else uses, with so many events. */
const filled = Effect.fnUntraced(function* (count: number) {
  const store = yield* EventStore
  const stream = StreamName.make("$bus", yield* Fresh.name("law"))
  for (let n = 0; n < count; n++) yield* store.append(stream, Fresh.events(1, n))
  return { stream, events: yield* Contents.ofStream(stream) }
})

// By whatever clock the store has.
const later = Effect.map(DateTime.now, (now) => DateTime.add(now, { days: 1 }))

/** Whether a store removes nothing; then it says so. */
const cannot = Effect.fnUntraced(function* (store: EventStore["Service"]) {
  if (store.capabilities.truncate) return false
  const { events, stream } = yield* filled(2)
  const upTo = { before: Position.make((events[1]?.position ?? 0) + 1), recordedBefore: yield* later }
  yield* Check.refusedBecause("removed messages where that cannot be done", store.truncate(stream, upTo), "Unsupported")
  yield* Contents.are("removed messages where that cannot be done", stream, [0, 1])
  return true
})

const removes = law(
  "EventStore 10.1 the oldest messages of a bus can be removed, up to a position and a time, and never the last one",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (yield* cannot(store)) return
    const [{ events, stream }, other] = [yield* filled(6), yield* filled(3)]
    const at = (n: number) => events[n]?.position ?? Position.beginning
    const recordedBefore = yield* later
    yield* store.truncate(stream, { before: at(2), recordedBefore })
    yield* Contents.are("removed what is below the third message", stream, [2, 3, 4, 5])
    const first = (yield* Contents.ofStream(stream))[0]
    yield* Check.equal("looked at the first that is left", first, events[2])
    yield* store.truncate(stream, { before: at(2), recordedBefore })
    const longAgo = DateTime.subtract(yield* DateTime.now, { days: 400 })
    yield* store.truncate(stream, { before: at(5), recordedBefore: longAgo })
    yield* Contents.are("removed the same again, and what is a year old", stream, [2, 3, 4, 5])
    yield* store.truncate(stream, { before: Position.make(at(5) + 1), recordedBefore })
    yield* Contents.are("removed everything", stream, [5])
    const { revision } = yield* store.append(stream, Fresh.events(1, 6), { expected: Revision.make(5) })
    yield* Check.equal("removed everything, and appended", revision, Revision.make(6))
    yield* Contents.are("looked at another stream", other.stream, [0, 1, 2])
    yield* store.truncate(StreamName.make("$bus", yield* Fresh.name("law")), { before: at(5), recordedBefore })
  })
)

const readers = law(
  "EventStore 10.2 who reads from where messages were removed begins with what is left; who follows goes on",
  Effect.gen(function* () {
    const store = yield* EventStore
    if (yield* cannot(store)) return
    const { events, stream } = yield* filled(10)
    const at = (n: number) => events[n]?.position ?? Position.beginning
    const followed: Array<unknown> = []
    yield* store.subscribe(EventFilter.category("$bus"), { after: at(0) }).pipe(
      Stream.runForEach((page) =>
        Effect.sync(() => followed.push(...Fresh.numbers(page.events.filter((one) => one.stream === stream))))
      ),
      Effect.forkScoped
    )
    const follows = (count: number) =>
      Check.eventually(
        `followed from the first of ten messages, six of which were removed, to the ${count}th`,
        "all come",
        Effect.sync(() => followed.length),
        (n) => n >= count - 1
      )
    yield* follows(10)
    yield* store.truncate(stream, { before: at(6), recordedBefore: yield* later })
    yield* store.append(stream, Fresh.events(2, 10))
    yield* follows(12)
    const left = Fresh.range(6).map((n) => n + 6)
    const filter = EventFilter.stream(stream)
    for (const from of [
      { revision: Revision.make(0) },
      { revision: Revision.make(3) },
      { position: at(0) },
      { position: at(4) },
      { position: at(6) }
    ]) {
      const did = `removed six of twelve messages, and read from ${JSON.stringify(from)}`
      yield* Check.equal(did, Fresh.numbers(yield* Contents.of(filter, { from })), left)
    }
    const last = [11, 10, 9, 8]
    const backwards = { direction: "backwards", limit: 4 } as const
    yield* Check.equal("read backwards", Fresh.numbers(yield* Contents.of(filter, backwards)), last)
    for (const n of [7, 9]) {
      const behind = Fresh.numbers(yield* Contents.of(filter, { from: { position: at(n) } }))
      yield* Check.equal(
        `read from message ${n}`,
        behind,
        left.filter((one) => one >= n)
      )
    }
    const [page] = yield* Stream.runCollect(Stream.take(store.subscribe(filter, { after: at(2) }), 1))
    yield* Check.equal("followed from a message that was removed", Fresh.numbers(page?.events ?? []), left)
    yield* Check.equal("followed on", followed, Fresh.range(12).slice(1))
    const found = yield* store.find(stream, events[2]?.id ?? (events[0] as (typeof events)[number]).id)
    yield* Check.equal("looked for a message that was removed", found, undefined)
  })
)

const refuses = law(
  "EventStore 10.3 events that are no messages of a bus stay",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* store.append(stream, Fresh.events(3))
    const upTo = { before: Position.make((yield* store.head) + 1), recordedBefore: yield* later }
    yield* Check.refusedBecause("removed events", store.truncate(stream, upTo), "InvalidRequest")
    yield* Contents.are("removed events", stream, [0, 1, 2])
  })
)

/** The laws of removing messages. */
export const truncating = [removes, readers, refuses]
