// Laws 7 and 8 of an event store, as far as names go: exact filters, look-ups, and names of any shape.
import * as Effect from "effect/Effect"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

/** Appends one event to each stream, numbered from 0, and gives the streams. */
const one = Effect.fnUntraced(function* (names: ReadonlyArray<readonly [category: string, id: string, type?: string]>) {
  const store = yield* EventStore
  for (const [n, [category, id, type]] of names.entries()) {
    yield* store.append(StreamName.make(category, id), Fresh.events(1, n, type))
  }
})

const finds = (filter: EventFilter.EventFilter, expected: ReadonlyArray<number>, after = Position.beginning) =>
  Effect.flatMap(Contents.of(filter, { from: { position: Position.make(after + 1) } }), (events) =>
    Check.equal(`read ${EventFilter.describe(filter)}`, Fresh.numbers(events), expected)
  )

const streams = law(
  "EventStore 7.8 a stream is found by exactly its name",
  Effect.gen(function* () {
    const order = yield* Fresh.name("Order")
    const ids = ["1", "10", "1-2", "1-", "-1", "a", "A", "_", "%", "1 ", " 1", "a.b", "a.*", "a>", "ä", "a\u0308"]
    yield* one(ids.map((id) => [order, id] as const))
    for (const [n, id] of ids.entries()) yield* finds(EventFilter.stream(StreamName.make(order, id)), [n])
  })
)

const categories = law(
  "EventStore 7.9 a category is found by exactly its name, whatever the ids of its streams look like",
  Effect.gen(function* () {
    const order = yield* Fresh.name("Order")
    yield* one([
      [order, "1"],
      [`${order}Item`, "1"],
      [order, "with-many-dashes-"],
      [`${order}_`, "1"],
      [order.toLowerCase(), "1"],
      [`X${order}`, `${order}-1`],
      [order, `${order}Item-1`]
    ])
    yield* finds(EventFilter.category(order), [0, 2, 6])
    yield* finds(EventFilter.category(`${order}Item`), [1])
    yield* finds(EventFilter.category(`${order}_`), [3])
    yield* finds(EventFilter.category(order.toLowerCase()), [4])
    yield* finds(EventFilter.category(`X${order}`), [5])
    yield* finds(EventFilter.categories([{ category: `${order}Item` }, { category: order }]), [0, 1, 2, 6])
    yield* finds(EventFilter.categories([]), [])
  })
)

const types = law(
  "EventStore 7.10 each category of a filter has types of its own",
  Effect.gen(function* () {
    const store = yield* EventStore
    const after = yield* store.head
    const [a, b] = [yield* Fresh.name("A"), yield* Fresh.name("B")]
    const [opened, closed] = [yield* Fresh.name("Opened"), yield* Fresh.name("Closed")]
    yield* one([
      [a, "1", opened],
      [a, "1", closed],
      [b, "1", opened],
      [b, "1", closed],
      [a, "2", opened],
      [a, "2", `${opened}2`]
    ])
    const both = (ofA: ReadonlyArray<string> | undefined, ofB: ReadonlyArray<string>) =>
      EventFilter.categories([
        { category: a, ...(ofA === undefined ? {} : { types: ofA }) },
        { category: b, types: ofB }
      ])
    yield* finds(EventFilter.category(a, { types: [opened] }), [0, 4])
    yield* finds(EventFilter.category(a, { types: [opened, closed] }), [0, 1, 4])
    yield* finds(EventFilter.category(a, { types: [] }), [])
    yield* finds(both([opened], [closed]), [0, 3, 4])
    yield* finds(both(undefined, [closed]), [0, 1, 3, 4, 5])
    yield* finds(both([closed], []), [1])
    yield* finds(EventFilter.stream(StreamName.make(a, "1"), { types: [closed] }), [1])
    yield* finds(EventFilter.all({ types: [closed] }), [1, 3], after)
  })
)

const system = law(
  `EventStore 7.11 "all" leaves out the library's own categories unless they are asked for`,
  Effect.gen(function* () {
    const store = yield* EventStore
    const after = yield* store.head
    const own = `$${yield* Fresh.name("parked")}`
    const mine = yield* Fresh.name("Mine")
    const odd = `${mine}$`
    yield* one([
      [mine, "1"],
      [own, "1"],
      [mine, "$2"],
      [odd, "1"]
    ])
    // Others may write meanwhile: only what this law wrote counts.
    const all = (filter: EventFilter.EventFilter) =>
      Effect.map(Contents.of(filter, { from: { position: Position.make(after + 1) } }), (events) =>
        Fresh.numbers(events.filter(({ category }) => [own, mine, odd].includes(category)))
      )
    yield* Check.equal("read all", yield* all(EventFilter.all()), [0, 2, 3])
    yield* Check.equal("read all with system", yield* all(EventFilter.all({ system: true })), [0, 1, 2, 3])
    yield* finds(EventFilter.category(own), [1])
    yield* finds(EventFilter.stream(StreamName.make(own, "1")), [1])
  })
)

const revisions = law(
  "EventStore 7.12 streamRevision is the revision of a stream's last event",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* Check.equal("asked a stream without events", yield* store.streamRevision(stream), undefined)
    yield* store.append(stream, Fresh.events(1))
    yield* Check.equal("asked a stream with one event", yield* store.streamRevision(stream), Revision.make(0))
    yield* store.append(stream, Fresh.events(4))
    yield* store.append(yield* Fresh.stream(), Fresh.events(2))
    yield* Check.equal("asked a stream with five events", yield* store.streamRevision(stream), Revision.make(4))
  })
)

const head = law(
  "EventStore 7.13 the head is never below what was appended, and never goes back",
  Effect.gen(function* () {
    const store = yield* EventStore
    let before = yield* store.head
    for (const category of [yield* Fresh.name("Head"), `$${yield* Fresh.name("head")}`]) {
      const { position } = yield* store.append(StreamName.make(category, "1"), Fresh.events(2))
      const now = yield* store.head
      yield* Check.holds("appended and asked for the head", `at least ${position}`, now >= position, now)
      yield* Check.holds("asked for the head again", `more than ${before}`, now > before, now)
      before = now
    }
    yield* Check.holds("asked for the head once more", `at least ${before}`, (yield* store.head) >= before, before)
  })
)

const find = law(
  "EventStore 7.14 find gives the event of a stream with an id, and none of another stream",
  Effect.gen(function* () {
    const store = yield* EventStore
    const [stream, other] = [yield* Fresh.stream(), yield* Fresh.stream()]
    const events = yield* Fresh.identified(3)
    yield* store.append(stream, events)
    yield* store.append(other, Fresh.events(1))
    const stored = yield* Contents.ofStream(stream)
    for (const [i, { id }] of events.entries()) {
      yield* Check.equal(`looked for event ${i}`, yield* store.find(stream, id), stored[i])
      yield* Check.equal(`looked for event ${i} in another stream`, yield* store.find(other, id), undefined)
    }
    yield* Check.equal(
      "looked for an id that nobody has",
      yield* store.find(stream, yield* EventId.generate),
      undefined
    )
  })
)

const shapes: ReadonlyArray<string> = [
  `'`,
  `"`,
  "`; DROP TABLE events; --",
  "%_%",
  "../../etc/passwd",
  "a/b\\c",
  " with  spaces ",
  "line\nbreak\ttab",
  "a.b.*.>",
  "{}[]()",
  "$1 $$ ?",
  "😀👩‍👩‍👧",
  "ä ß ﬁ İ ı",
  "العربية 中文",
  "\u200b\ufeff",
  "=2D",
  "null",
  "x".repeat(10_000),
  "语".repeat(3_000)
]

const names = law(
  "EventStore 8.1 names of any shape are kept apart and given back exactly, or refused by a typed error",
  Effect.gen(function* () {
    const store = yield* EventStore
    const category = yield* Fresh.name("Names")
    for (const [n, shape] of shapes.entries()) {
      const stream = StreamName.make(category, shape)
      const short = shape.length > 100 ? `${shape.length} times "${shape.slice(0, 1)}"` : JSON.stringify(shape)
      const appended = yield* Effect.result(store.append(stream, Fresh.events(1, n), { expected: "noStream" }))
      if (appended._tag === "Failure") {
        const error = appended.failure
        const typed = error._tag === "EventStoreError" && error.reason._tag === "InvalidStreamName"
        yield* Check.holds(`appended to a stream named ${short}`, "it is taken, or an InvalidStreamName", typed, error)
        continue
      }
      const [event, ...more] = yield* Contents.ofStream(stream)
      const found = [event?.stream, event?.category, event?.streamId, more.length]
      yield* Check.equal(`read a stream named ${short}`, found, [stream, category, shape, 0])
    }
    const events = yield* Contents.of(EventFilter.category(category))
    const kept = events.filter(({ data, streamId }) => shapes[Number((data as { n: number }).n)] === streamId)
    yield* Check.equal("read the category of all of them: events under another's name", events.length - kept.length, 0)
    const odd = [yield* Fresh.name(`It's "odd" 100% 😀 ../`), yield* Fresh.name("a.b c")]
    for (const [n, one] of odd.entries()) {
      const result = yield* Effect.result(store.append(StreamName.make(one, "1"), Fresh.events(1, n)))
      if (result._tag === "Success") yield* finds(EventFilter.category(one), [n])
      else yield* Check.equal("looked at how it was refused", result.failure._tag, "EventStoreError")
    }
  })
)

const badNames = law(
  "EventStore 8.2 what is no stream name is refused before anything is written",
  Effect.gen(function* () {
    const store = yield* EventStore
    const category = yield* Fresh.name("Bad")
    for (const name of [category, `${category}-`, "-1", "", `${category}-\ud800`, `${category}-a\u0000b`]) {
      const call = store.append(name as StreamName.StreamName, Fresh.events(1))
      yield* Check.refusedBecause(`appended to a stream named ${JSON.stringify(name)}`, call, "InvalidStreamName")
    }
    yield* finds(EventFilter.category(category), [])
  })
)

/** The laws of names. */
export const naming = [streams, categories, types, system, revisions, head, find, names, badNames]
