// The plans of every read: by index and in its order at a million events, whatever the server knew when it planned them.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { ReadOptions } from "evolvent/EventStore"
import type { EventFilter as Filter } from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { during, settings, squeezed } from "./plans/Explained.ts"
import type { Explained } from "./plans/Explained.ts"

const million = 1_000_000
const schema = "plans"

const scope = Scope.makeUnsafe()
const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Scope.provide(effect, scope))
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

const server = await run(
  EmbeddedPostgres.start({
    // Nobody analyzes but the test.
    settings: { autovacuum: "off", fsync: "off", max_wal_size: "4GB", shared_buffers: "256MB", full_page_writes: "off" }
  })
)

const client = (maxConnections: number) =>
  run(Effect.map(Layer.build(PgClient.layer({ ...server.connection, maxConnections })), Context.get(PgClient.PgClient)))

/** A store on one connection, so that all its statements are planned in one session. */
const open = () =>
  run(
    Effect.map(
      Layer.build(
        Postgres.layerFrom({ schema, listen: false }).pipe(
          Layer.provide(PgClient.layer({ ...server.connection, maxConnections: 1 }))
        )
      ),
      Context.get(EventStore)
    )
  )

type Store = EventStore["Service"]

const time = (seconds: number) => DateTime.makeUnsafe(Date.UTC(2026, 0, 1) + seconds * 1000)
const categories = (count: number, types?: ReadonlyArray<string>) =>
  EventFilter.categories(
    Array.from({ length: count }, (_, i) => ({ category: `C${i}`, ...(types === undefined ? {} : { types }) }))
  )
const big = StreamName.make("C0", "big")
const small = StreamName.make("C1", "777")

const page = 500
// As far as a page looks for what its types leave out, and as far as times may be out of order.
const window = 100_000
const disorder = 20_000

/** One of how many events belongs to the first categories, at least: of twenty, C0 has three and the others one each. */
const share = (count: number): number => Math.ceil(20 / (count + 2)) + 1

interface Read {
  readonly what: string
  readonly call: (store: Store) => Effect.Effect<unknown, unknown>
  /** How many events one of its statements may look at. */
  readonly touches: number
}

const inBothDirections = (
  what: string,
  filter: Filter,
  touches: number,
  options: ReadOptions = {}
): ReadonlyArray<Read> =>
  (["forwards", "backwards"] as const).map((direction) => ({
    what: `${what}, ${direction}`,
    call: (store) => Stream.runDrain(store.read(filter, { limit: page, ...options, direction })),
    touches
  }))

const middle = { position: Position.make(million / 2) }
const from = (place: ReadOptions["from"] & {}) => ({ from: place })

// Of each row's first event the id as well, and the stream's last one.
const history = (what: string, stream: StreamName.StreamName, from: number, limit: number): Read => ({
  what: `the history of stream ${stream}${what}`,
  call: (store) => store.history(stream, () => Effect.succeed(true), { from: Revision.make(from), limit }),
  touches: limit + Math.ceil(limit / 128) + 1
})

const reads: ReadonlyArray<Read> = [
  ...[big, small].flatMap((stream) => [
    history("", stream, 0, 1024),
    history(" from a revision", stream, 5, 300),
    history(", one event", stream, 3, 1),
    history(", page by page", stream, 0, 6000)
  ]),
  history(" from far behind", big, 90_000, 1024),
  history(" from beyond its end", small, 1000, 1024),
  ...[big, small].flatMap((stream) => [
    ...inBothDirections(`stream ${stream}`, EventFilter.stream(stream), page),
    ...inBothDirections(
      `stream ${stream} from a revision`,
      EventFilter.stream(stream),
      page,
      from({ revision: Revision.make(5) })
    ),
    ...inBothDirections(`stream ${stream} from a position`, EventFilter.stream(stream), page, from(middle)),
    ...inBothDirections(
      `stream ${stream} from a time`,
      EventFilter.stream(stream),
      page,
      from({ time: time(500_000) })
    ),
    ...inBothDirections(`stream ${stream}, a type`, EventFilter.stream(stream, { types: ["T1"] }), window)
  ]),
  ...inBothDirections("all", EventFilter.all(), page + 5),
  ...inBothDirections("all, the library's own too", EventFilter.all({ system: true }), page),
  ...inBothDirections("all from a position", EventFilter.all(), page + 5, from(middle)),
  ...inBothDirections("all from a time", EventFilter.all(), disorder + 1, from({ time: time(500_000) })),
  ...inBothDirections("all from beyond all times", EventFilter.all(), disorder + 1, from({ time: time(-5) })),
  ...inBothDirections("all, a type", EventFilter.all({ types: ["T1"] }), page * 11),
  ...inBothDirections("all, a rare type", EventFilter.all({ types: ["Nobody's"] }), window),
  // There is no index on categories: a page looks through the log, and at no more of it than its window.
  ...[1, 2, 9].flatMap((count) => [
    ...inBothDirections(`${count} categories`, categories(count), page * share(count)),
    ...inBothDirections(`${count} categories from a position`, categories(count), page * share(count), from(middle)),
    ...inBothDirections(`${count} categories with types`, categories(count, ["T1", "T2"]), page * share(count) * 6)
  ]),
  ...inBothDirections("a category that nobody has", EventFilter.category("Nobody"), window),
  {
    what: "a subscription that goes on",
    call: (store) =>
      Stream.runDrain(Stream.take(store.subscribe(EventFilter.category("C1"), { after: middle.position }), 2)),
    touches: page * 21
  },
  { what: "head", call: (store) => store.head, touches: 1 },
  { what: "streamRevision", call: (store) => store.streamRevision(big), touches: 1 },
  {
    what: "find",
    call: (store) => store.find(small, EventId.make("00000000-0000-7000-8000-000000000309")),
    touches: 1
  }
]

const together = 5

/** Appends are made of reads as well: of the head, and of ids. */
const again: ReadonlyArray<Read> = [
  {
    what: "an append, its repeat, and a conflict",
    touches: 3,
    call: Effect.fnUntraced(function* (store) {
      const [id, other] = [yield* EventId.generate, yield* EventId.generate]
      const events = [{ id, type: "T", data: {} }]
      for (const expected of ["any", "noStream"] as const)
        yield* store.append(StreamName.make("D", id), events, { expected })
      yield* Effect.result(store.append(small, [{ type: "T", data: {} }], { expected: "noStream" }))
      const two = [...events, { id: other, type: "T", data: {} }].map((event, i) => ({
        stream: StreamName.make("E", `${id}-${i}`),
        events: [{ ...event, id: i === 0 ? event.id : other }]
      }))
      yield* Effect.result(store.appendAll(two))
      yield* Effect.all(
        Array.from({ length: 5 }, (_, i) =>
          store.append(StreamName.make("F", `${id}-${i % 3}`), [{ type: "T", data: {} }])
        ),
        { concurrency: "unbounded" }
      )
    })
  },
  {
    what: "appends at known revisions, alone and together",
    // Of each append the head, and what it stores.
    touches: 2 * together,
    // Often enough to be planned for good.
    call: Effect.fnUntraced(function* (store) {
      const id = yield* EventId.generate
      const append = (stream: string, n: number) =>
        store.append(StreamName.make("G", `${id}-${stream}`), [{ type: "T", data: {} }], {
          expected: n === 0 ? "noStream" : Revision.make(n - 1)
        })
      for (let n = 0; n < 8; n++) {
        yield* append("alone", n)
        yield* Effect.all(
          Array.from({ length: together }, (_, i) => append(`${i}`, n)),
          { concurrency: "unbounded" }
        )
      }
    })
  }
]

const forbidden = /Seq Scan|Sort|Bitmap/

/** What ran for a read looked at events by an index only, in its order, and at no more than it may. */
const examine = (statements: ReadonlyArray<Explained>, touches: number) => {
  expect(statements.length).toBeGreaterThan(0)
  for (const { nodes, text, touched } of statements) {
    const types = nodes.map((node) => node["Node Type"])
    expect(
      types.filter((type) => forbidden.test(type)),
      text
    ).toEqual([])
    expect(touched, text).toBeLessThanOrEqual(touches)
  }
}

const load = `INSERT INTO ${schema}.events
  (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
  SELECT i,
    CASE WHEN i % 10 = 0 THEN i / 10 - 1 ELSE (i - 1) / 200000 END,
    '2026-01-01Z'::timestamptz + i * interval '1 second',
    ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
    1,
    CASE WHEN i % 10 = 0 THEN 'C0-big' ELSE 'C' || (i - 1) % 20 || '-' || (i - 1) % 200000 END,
    CASE WHEN i % 10 = 0 THEN 'C0' ELSE 'C' || (i - 1) % 20 END,
    'T' || (i / 7) % 10,
    '{}', '{}'
  FROM generate_series(1, ${million}) i`

const seen = new Set<string>()

/** Every read on a store, each examined. */
const examineAll = (all: ReadonlyArray<Read>, store: () => Store) =>
  it.each(all.map((read) => [read.what, read] as const))("%s", (_, { call, touches }) =>
    run(
      Effect.map(during(server, call(store())), (statements) => {
        for (const { text } of statements) seen.add(text)
        examine(statements, touches)
      })
    )
  )

let old: Store

beforeAll(async () => {
  const sql = await client(1)
  // From here on every new session explains itself.
  for (const text of settings(server.connection.database)) await run(sql.unsafe(text))
  old = await open()
  // Each statement is planned while the table is empty and nothing is known of it.
  for (const { call } of [...reads.filter(({ what }) => !what.startsWith("a subscription")), ...again]) {
    for (let i = 0; i < 2; i++) await run(call(old))
  }
  // TRUNCATE would have them planned again.
  await run(sql.unsafe(`DELETE FROM ${schema}.events`))
  await run(sql.unsafe(load))
  await run(sql.unsafe(`SELECT setval('${schema}.position', ${million})`))
}, 120_000)

describe("planned when the table was empty, and never analyzed", () => examineAll([...reads, ...again], () => old))

describe("planned when the table was analyzed", () => {
  let fresh: Store
  beforeAll(async () => {
    const sql = await client(1)
    await run(sql.unsafe(`ANALYZE ${schema}.events`))
    fresh = await open()
  }, 60_000)
  examineAll([...reads, ...again], () => fresh)
})

it("looked at every statement on events that the functions which read hold", async () => {
  const sql = await client(1)
  const rows = await run(
    sql.unsafe(`SELECT prosrc FROM pg_proc WHERE pronamespace = '${schema}'::regnamespace
      AND proname IN ('read_history', 'read_stream', 'revision_at', 'position_at', 'safe_position')`).values
  )
  expect(rows.length).toBe(5)
  const statements = rows.flatMap(([source]) =>
    String(source)
      .split(";")
      .filter((text) => text.includes(".events"))
      .map((text) => squeezed(text.slice(text.indexOf("SELECT")).replace(/INTO \w+(, ?\w+)*/, "")))
  )
  expect(statements.length).toBeGreaterThan(10)
  expect(statements.filter((text) => !seen.has(text))).toEqual([])
})
