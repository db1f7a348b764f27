// Law 7 of an event store: pages of any size give one list, from anywhere, in both directions.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { From, History, ReadOptions } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

const positions = (events: ReadonlyArray<Recorded>) => events.map(({ position }) => position)

/** A category with events in three streams, and others between them. */
const mixed = Effect.gen(function* () {
  const store = yield* EventStore
  const category = yield* Fresh.name("Mixed")
  const other = yield* Fresh.stream()
  for (let i = 0; i < 12; i++) {
    yield* store.append(StreamName.make(category, String(i % 3)), Fresh.events(1 + (i % 2), 2 * i))
    if (i % 4 === 0) yield* store.append(other, Fresh.events(1))
  }
  return { store, category, filter: EventFilter.category(category) }
})

/** Reads in pages of a size, each from behind the last event of the page before. */
const inPages = Effect.fnUntraced(function* (
  filter: EventFilter.EventFilter,
  direction: "forwards" | "backwards",
  limit: number
) {
  const all: Array<Recorded> = []
  let from: From | undefined
  while (true) {
    const page = yield* Contents.of(filter, { direction, limit, ...(from === undefined ? {} : { from }) })
    all.push(...page)
    const last = page.at(-1)?.position
    if (page.length < limit || last === undefined) return all
    const next = direction === "forwards" ? last + 1 : last - 1
    if (next < 0 || all.length > 1000) return all
    from = { position: Position.make(next) }
  }
})

const pages = (id: string, direction: "forwards" | "backwards") =>
  law(
    id,
    Effect.gen(function* () {
      const { category, filter } = yield* mixed
      const written = yield* Contents.of(filter)
      yield* Check.equal(
        "wrote 18 events and read them forwards: their numbers",
        Fresh.numbers(written),
        [0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20, 22, 23]
      )
      const filters = [filter, EventFilter.stream(StreamName.make(category, "1"))]
      for (const one of filters) {
        const forwards = yield* Contents.of(one)
        const whole = direction === "forwards" ? forwards : forwards.toReversed()
        const did = `read ${EventFilter.describe(one)} ${direction}`
        yield* Check.equal(`${did} at once`, positions(yield* Contents.of(one, { direction })), positions(whole))
        for (const limit of [1, 2, 3, 5, 17, 18, 19]) {
          const paged = yield* inPages(one, direction, limit)
          yield* Check.equal(`${did} in pages of ${limit}`, positions(paged), positions(whole))
        }
      }
    })
  )

const long = law(
  "EventStore 7.3 a long read is one list without gap or repeat, in both directions",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* Effect.forEach(Fresh.range(4), (i) => store.append(stream, Fresh.events(300, 300 * i)))
    const filter = EventFilter.category(StreamName.category(stream))
    for (const one of [EventFilter.stream(stream), filter]) {
      const did = `read 1200 events of ${EventFilter.describe(one)}`
      yield* Check.equal(`${did} forwards`, Fresh.numbers(yield* Contents.of(one)), Fresh.range(1200))
      const backwards = yield* Contents.of(one, { direction: "backwards" })
      yield* Check.equal(`${did} backwards`, Fresh.numbers(backwards), Fresh.range(1200).toReversed())
      const some = yield* Contents.of(one, { limit: 1001 })
      yield* Check.equal(`${did} with limit 1001`, Fresh.numbers(some), Fresh.range(1001))
    }
    const few = yield* Stream.runCollect(Stream.take(store.read(filter), 3))
    yield* Check.equal("took the first three of a long read", Fresh.numbers(few), [0, 1, 2])
  })
)

const reads = (filter: EventFilter.EventFilter, options: ReadOptions, expected: ReadonlyArray<number>) =>
  Effect.flatMap(Contents.of(filter, options), (events) =>
    Check.equal(`read ${EventFilter.describe(filter)} with ${JSON.stringify(options)}`, Fresh.numbers(events), expected)
  )

const fromRevision = law(
  "EventStore 7.4 a stream is read from a revision, this one included, and a limit counts events",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* store.append(stream, Fresh.events(6))
    const filter = EventFilter.stream(stream)
    const from = (revision: number) => ({ from: { revision: Revision.make(revision) } })
    yield* reads(filter, from(0), [0, 1, 2, 3, 4, 5])
    yield* reads(filter, from(4), [4, 5])
    yield* reads(filter, from(6), [])
    yield* reads(filter, from(1000), [])
    yield* reads(filter, { ...from(2), limit: 2 }, [2, 3])
    yield* reads(filter, { ...from(2), direction: "backwards" }, [2, 1, 0])
    yield* reads(filter, { ...from(4), direction: "backwards", limit: 2 }, [4, 3])
    yield* reads(filter, { ...from(1000), direction: "backwards", limit: 1 }, [5])
    yield* reads(filter, { direction: "backwards", limit: 1 }, [5])
    yield* reads(filter, { limit: 0 }, [])
    yield* reads(filter, { limit: 1 }, [0])
    yield* reads(EventFilter.stream(yield* Fresh.stream()), {}, [])
  })
)

const fromPosition = law(
  "EventStore 7.5 any filter is read from a position, this one included, or from between events",
  Effect.gen(function* () {
    const { filter } = yield* mixed
    const all = yield* Contents.of(filter)
    const numbers = (events: ReadonlyArray<Recorded>) => Fresh.numbers(events).map(Number)
    for (const [i, { position }] of all.entries()) {
      yield* reads(filter, { from: { position } }, numbers(all.slice(i)))
      yield* reads(filter, { from: { position }, direction: "backwards" }, numbers(all.slice(0, i + 1).toReversed()))
      const behind = { position: Position.make(position + 1) }
      yield* reads(filter, { from: behind }, numbers(all.filter((event) => event.position > position)))
    }
    yield* reads(filter, { from: { position: Position.beginning } }, numbers(all))
    yield* reads(filter, { from: { position: Position.beginning }, direction: "backwards" }, [])
    const last = all.at(-1)?.position ?? 0
    yield* reads(
      filter,
      { from: { position: Position.make(last + 1_000_000) }, direction: "backwards", limit: 1 },
      [23]
    )
  })
)

const fromTime = law(
  "EventStore 7.6 a read from a time begins with the first event then or later, backwards with the last then or earlier",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const filter = EventFilter.stream(stream)
    // A clock tick between two events at least, so that there is a time that divides them.
    const last = Effect.map(Contents.of(filter, { direction: "backwards", limit: 1 }), ([event]) =>
      event === undefined ? 0 : DateTime.toEpochMillis(event.recordedAt)
    )
    for (const n of [0, 1, 2]) {
      const before = yield* last
      yield* Check.eventually(
        "appended until the store's clock had ticked",
        "recordedAt rises",
        Effect.andThen(store.append(stream, Fresh.events(1, n)), last),
        (now) => now > before
      )
    }
    const all = yield* Contents.of(filter)
    const numbers = (events: ReadonlyArray<Recorded>) => Fresh.numbers(events).map(Number)
    const millis = DateTime.toEpochMillis
    for (const { recordedAt } of all) {
      for (const shift of [-1, 0, 1]) {
        const time = DateTime.makeUnsafe(millis(recordedAt) + shift)
        const later = all.filter((event) => millis(event.recordedAt) >= millis(time))
        const earlier = all.filter((event) => millis(event.recordedAt) <= millis(time))
        yield* reads(filter, { from: { time } }, numbers(later))
        yield* reads(filter, { from: { time }, direction: "backwards" }, numbers(earlier.toReversed()))
        yield* reads(filter, { from: { time }, limit: 1 }, numbers(later.slice(0, 1)))
      }
    }
  })
)

const past = law(
  "EventStore 7.15 a stream's history is what reading the stream gives, from any revision and up to any limit",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    yield* Effect.forEach(Fresh.range(4), (i) => store.append(stream, Fresh.events(300, 300 * i)))
    const stored = yield* Contents.ofStream(stream)
    const parts = (pages: ReadonlyArray<History>) =>
      pages.flatMap(({ data, revision, schemaVersions, types }) =>
        types.map((type, i) => [revision + i, type, schemaVersions[i], data[i]])
      )
    const ends = (pages: ReadonlyArray<History>) => pages.flatMap(({ first, last }) => [first.id, first.position, last])
    for (const [from, limit] of [
      [0, undefined],
      [0, 1],
      [7, 3],
      [499, 502],
      [500, 500],
      [1199, undefined],
      [1200, undefined],
      [0, 0]
    ] as const) {
      const options = { from: Revision.make(from), ...(limit === undefined ? {} : { limit }) }
      const pages = yield* Contents.history(stream, options)
      const expected = stored.slice(from, limit === undefined ? undefined : from + limit)
      const did = `took the history of a stream of 1200 events from ${from}, limit ${limit}`
      const whole = expected.map(({ data, revision, schemaVersion, type }) => [revision, type, schemaVersion, data])
      yield* Check.equal(did, parts(pages), whole)
      const borders = pages.flatMap(({ revision, types }) => {
        const [first, last] = [stored[revision], stored[revision + types.length - 1]]
        return [first?.id, first?.position, last?.position]
      })
      yield* Check.equal(`${did}: what it says of its ends`, ends(pages), borders)
    }
    const one = yield* Contents.history(stream, {}, 1)
    yield* Check.equal("wanted no more of a history than its first page", one.length, 1)
    const none = yield* Contents.history(yield* Fresh.stream())
    yield* Check.equal("took the history of a stream without events", none, [])
  })
)

const invalid = law(
  "EventStore 7.7 a read that makes no sense is a typed error",
  Effect.gen(function* () {
    const { filter } = yield* mixed
    for (const limit of [-1, 1.5, Number.NaN]) {
      yield* Check.refusedBecause(`read with limit ${limit}`, Contents.of(filter, { limit }), "InvalidRequest")
    }
    const byRevision = Contents.of(filter, { from: { revision: Revision.make(0) } })
    yield* Check.refusedBecause("read a category from a revision", byRevision, "InvalidRequest")
  })
)

/** The laws of reading. */
export const reading = [
  pages("EventStore 7.1 reading forwards in pages of any size gives one list", "forwards"),
  pages("EventStore 7.2 reading backwards in pages of any size gives the same list, turned round", "backwards"),
  long,
  fromRevision,
  fromPosition,
  fromTime,
  past,
  invalid
]
