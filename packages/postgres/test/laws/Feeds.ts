// Laws of reading: wide holes in the positions, and filters of any number of categories.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import type { EventFilter as Filter } from "evolvent/EventFilter"
import type { ReadOptions } from "evolvent/EventStore"
import { calls, stand } from "./Bench.ts"
import type { Bench, Stand } from "./Bench.ts"
import { follow, from } from "./Following.ts"
import { equal, law } from "./Law.ts"

const read = ({ store }: Stand, filter: Filter, options?: ReadOptions) =>
  Effect.map(Stream.runCollect(store.read(filter, options)), (events) => events.map(({ position }) => Number(position)))

const holes = law(
  "Feed 1 holes in the positions of any width are read across, in both directions",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema } = here
    const append = calls(schema)
    const followers = yield* follow(here)
    const quick = yield* here.session
    const expected: Array<number> = []
    let at = 0
    for (const width of [0, 99_999, 100_000, 100_001, 250_000, 5_000_000_000, 0]) {
      at += width + 1
      yield* quick.run(`SELECT setval('${schema}.position', ${at}, false)`)
      yield* quick.run(append.event("A-1"))
      expected.push(at)
    }
    const [last, backwards] = [expected.at(-1) ?? 0, expected.toReversed()]
    for (const filter of [EventFilter.all(), EventFilter.category("A"), EventFilter.category("A", { types: ["T"] })]) {
      const did = `read ${EventFilter.describe(filter)} over wide holes`
      yield* equal(`${did}, forwards`, yield* read(here, filter), expected)
      yield* equal(`${did}, backwards`, yield* read(here, filter, { direction: "backwards" }), backwards)
      yield* equal(`${did}, from within one`, yield* read(here, filter, { from: from(200_010) }), expected.slice(3))
      yield* equal(
        `${did}, backwards from within one`,
        yield* read(here, filter, { direction: "backwards", from: from(last - 1_000_000) }),
        backwards.slice(2)
      )
      for (const limit of [1, 2, 3]) {
        yield* equal(`${did}, ${limit} at most`, yield* read(here, filter, { limit }), expected.slice(0, limit))
      }
    }
    const none = EventFilter.category("Nobody")
    yield* equal("read a category without events over wide holes", yield* read(here, none), [])
    yield* equal("… and backwards", yield* read(here, none, { direction: "backwards" }), [])
    yield* followers.stand("followed over wide holes", last)
    yield* followers.sawAll
  })
)

const merged = law(
  "Feed 2 a filter of any number of categories gives exactly their events, in order and over many pages",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema, sql } = here
    const names = Array.from({ length: 12 }, (_, i) => `C${i}`)
    // More than two pages of every filter but the narrowest.
    const count = 2400
    yield* sql.unsafe(`INSERT INTO ${schema}.events
      (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
      SELECT nextval('${schema}.position'), (i - 1) / 12, now(), gen_random_uuid(), 1, 'C' || i % 12 || '-1', 'C' || i % 12,
        CASE WHEN i % 5 = 0 THEN 'Odd' ELSE 'Even' END, '{}', '{}'
      FROM generate_series(1, ${count}) i`)
    const all = Array.from({ length: count }, (_, i) => i + 1)
    for (let k = 1; k <= names.length; k++) {
      const chosen = names.slice(0, k)
      const whole = EventFilter.categories(chosen.map((category) => ({ category })))
      const every = all.filter((i) => i % 12 < k)
      const did = `read ${k} categories`
      yield* equal(`${did}, forwards`, yield* read(here, whole), every)
      yield* equal(`${did}, backwards`, yield* read(here, whole, { direction: "backwards" }), every.toReversed())
      yield* equal(
        `${did}, from the middle, 7`,
        yield* read(here, whole, { from: from(100), limit: 7 }),
        every.filter((i) => i > 100).slice(0, 7)
      )
      // The first has types of its own.
      const typed = EventFilter.categories(
        chosen.map((category, i) => (i === 0 ? { category, types: ["Odd"] } : { category }))
      )
      yield* equal(
        `${did}, one with a type`,
        yield* read(here, typed),
        every.filter((i) => i % 12 !== 0 || i % 5 === 0)
      )
    }
  })
)

/** Laws of feeds. */
export const feeding: ReadonlyArray<Law<Bench>> = [holes, merged]
