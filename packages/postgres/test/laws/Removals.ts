// Laws of removal: transactions that are held open while a stream goes, many streams at once, and what is left of the bytes.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { calls, stand } from "./Bench.ts"
import type { Bench } from "./Bench.ts"
import { follow } from "./Following.ts"
import { equal, eventually, law } from "./Law.ts"

const uuid = "gen_random_uuid()"

/** The text by which another process removes a stream that ends at a revision. */
const removing = (schema: string, stream: string, expected: number) =>
  `SELECT outcome, revision::float8, position::float8
    FROM ${schema}.remove_stream('${stream}', 'A', ${expected}, ${uuid}, '$archived', 1, '{"events":${expected + 1}}', '{}')`

const held = law(
  "Removal 1 nobody passes a removal that is not through, and a removal that is undone removes nothing",
  Effect.gen(function* () {
    const here = yield* stand()
    const append = calls(here.schema)
    const followers = yield* follow(here, [EventFilter.all(), EventFilter.category("A")])
    const seen: Array<string> = []
    yield* Stream.runForEach(here.store.subscribe(EventFilter.category("A")), ({ events }) =>
      Effect.sync(() => {
        for (const { position, type } of events) seen.push(`${position} ${type}`)
      })
    ).pipe(Effect.forkScoped)
    const saw = (did: string, all: ReadonlyArray<string>) =>
      eventually(
        did,
        `it is ${all.join(", ")}`,
        Effect.sync(() => [...seen]),
        (found) => found.join() === all.join()
      )
    const [one, two, quick] = [yield* here.session, yield* here.session, yield* here.session]
    yield* quick.run(append.one("A-1"))
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("appended 1 and 2 to a stream, and 3 to another", 3)
    yield* one.run("BEGIN")
    yield* one.run(removing(here.schema, "A-1", 1))
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("removed the stream in a transaction that stays open, and appended 5", 3)
    yield* one.run("ROLLBACK")
    yield* followers.stand("rolled that back", 5)
    const left = yield* quick.run(`SELECT count(*)::int FROM ${here.schema}.events WHERE stream = 'A-1'`)
    yield* equal("rolled that back: what the stream holds", left, [[2]])

    yield* one.run("BEGIN")
    const [removed] = yield* one.run(removing(here.schema, "A-1", 1))
    yield* equal("removed it again", removed, [0, 2, 6])
    const waiting = yield* Effect.forkScoped(two.run(append.one("A-1", -2)))
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("removed it in a transaction that stays open, and appended 7", 5)
    yield* one.run("COMMIT")
    const [refused] = yield* Fiber.join(waiting)
    yield* equal("appended two events meanwhile", refused?.[0], 6)
    yield* followers.stand("committed the removal", 7)
    yield* saw("followed all of it", ["1 T", "2 T", "3 T", "5 T", "6 $archived", "7 T"])

    // A slow append that was first holds up who would pass it, and what is removed meanwhile is told of behind it.
    yield* one.run("BEGIN")
    yield* one.run(append.event("A-3"))
    yield* quick.run(removing(here.schema, "A-2", 2))
    // Where the last event that readers had passed is gone, they wait behind it, and not before it.
    yield* equal("removed a stream while an append stays open: the head", Number(yield* here.store.head), 6)
    yield* followers.passed(7)
    yield* one.run("COMMIT")
    yield* followers.stand("committed the append", 9)
    yield* saw("followed on", ["1 T", "2 T", "3 T", "5 T", "6 $archived", "7 T", "8 T", "9 $archived"])
  })
)

const many = law(
  "Removal 2 of many appends that are gathered those to removed streams are refused, and no other",
  Effect.gen(function* () {
    const { store } = yield* stand()
    const names = Array.from({ length: 24 }, (_, i) => StreamName.make("A", String(i)))
    const event = [{ type: "T", data: {} }]
    yield* Effect.forEach(names, (name) => store.append(name, event), { concurrency: 8 })
    const expected = (i: number) => Revision.make(i % 2 === 0 ? 1 : 0)
    const gone = names.filter((_, i) => i % 2 === 0)
    yield* Effect.forEach(gone, (name) => store.remove(name, { as: "archived", expected: Revision.make(0) }))
    for (const round of [1, 2, 3]) {
      const ends = yield* Effect.forEach(
        names,
        (name, i) =>
          Effect.result(store.append(name, event, { expected: i % 2 === 0 ? expected(i) : Revision.make(round - 1) })),
        { concurrency: "unbounded" }
      )
      const tags = ends.map((end) =>
        end._tag === "Success"
          ? "stored"
          : end.failure._tag === "EventStoreError"
            ? end.failure.reason._tag
            : end.failure._tag
      )
      const due = names.map((_, i) => (i % 2 === 0 ? "StreamArchived" : "stored"))
      yield* equal(`appended to all of 24 streams, half of which were removed (round ${round})`, tags, due)
    }
  })
)

const bytes = law(
  "Removal 3 of what is removed no row is left in any table, and undone with its transaction it is all there",
  Effect.gen(function* () {
    const { schema, sql, store } = yield* stand()
    const stream = StreamName.make("A", "1")
    const secret = `secret ${crypto.randomUUID()}`
    yield* store.append(stream, [
      { type: "T", data: { secret } },
      { type: "T", data: { large: secret.repeat(5000) } }
    ])
    const removal = store.remove(stream, { as: "deleted", expected: Revision.make(1) })
    yield* Effect.ignore(sql.withTransaction(Effect.andThen(removal, Effect.fail("undone"))))
    const count = Effect.gen(function* () {
      const tables = yield* sql.unsafe(`SELECT format('%I', table_name) FROM information_schema.tables
        WHERE table_schema = '${schema}' AND table_type = 'BASE TABLE'`).values
      let found = 0
      for (const [table] of tables) {
        const text = `SELECT count(*)::int FROM ${schema}.${String(table)} t WHERE t::text LIKE '%${secret}%'`
        found += Number((yield* sql.unsafe(text).values)[0]?.[0])
      }
      return found
    })
    yield* equal("removed a stream in a transaction that was undone: rows with its data", yield* count, 2)
    yield* removal
    yield* equal("removed it: rows with its data", yield* count, 0)
    const left = yield* Stream.runCollect(store.read(EventFilter.stream(stream)))
    yield* equal(
      "removed it: its events",
      left.map(({ type }) => type),
      ["$deleted"]
    )
  })
)

/** Laws of removal. */
export const removals: ReadonlyArray<Law<Bench>> = [held, many, bytes]
