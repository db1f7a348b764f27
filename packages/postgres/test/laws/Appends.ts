// Laws of appending: what is gathered into one statement keeps its own outcome, and locks come before what rests on them.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { BeginTransaction } from "effect/sql/SqlClient"
import * as EventId from "evolvent/EventId"
import type { Append, Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { Bench, calls, stand } from "./Bench.ts"
import type { Stand } from "./Bench.ts"
import { equal, eventually, law } from "./Law.ts"
import * as Wire from "./Wire.ts"

const name = (id: string) => StreamName.make("A", id)
const at = (n: number): Revision.Revision => Revision.make(n)
const event = (id?: EventId.EventId) => ({ type: "T", data: {}, ...(id === undefined ? {} : { id }) })

/** How an append ended, in short: the revision, a conflict with the stream's, or what it was refused with. */
export const ended = (stand: Stand, id: string, expected: Expected, eventId?: EventId.EventId) =>
  stand.store.append(name(id), [event(eventId)], { expected }).pipe(
    Effect.map(({ repeated, revision }) => `${repeated ? "repeats" : "at"} ${revision}`),
    Effect.catch((error) => Effect.succeed(short(error)))
  )

const short = (error: {
  readonly _tag: string
  readonly actual?: unknown
  readonly reason?: { readonly _tag: string }
}): string =>
  error._tag === "WrongExpectedRevision"
    ? `conflict at ${String(error.actual)}`
    : error.reason === undefined
      ? error._tag
      : `${error._tag}, ${error.reason._tag}`

/** Waits until a session waits for a lock. */
const isWaiting = ({ session, schema }: Stand) =>
  Effect.flatMap(session, ({ run }) =>
    eventually(
      "held a stream",
      "somebody waits for it",
      run(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`),
      ({ length }) => length > 0
    )
  )

const group = law(
  "Append 1 appends of one moment have an outcome each, in the order of their calls",
  Effect.gen(function* () {
    const here = yield* stand()
    const stranger = yield* here.session
    const first = yield* EventId.generate
    yield* ended(here, "known", "noStream", first)
    yield* stranger.run("BEGIN")
    yield* stranger.run(calls(here.schema).event("A-held"))
    const outcomes: Array<string | undefined> = []
    const together = yield* Effect.forkScoped(
      Effect.all(
        [
          ended(here, "one", "noStream"),
          ended(here, "two", "any"),
          ended(here, "one", at(7)),
          ended(here, "one", at(0)),
          ended(here, "two", at(5)),
          ended(here, "known", "noStream", first),
          ended(here, "known", at(3), first),
          ended(here, "three", "streamExists"),
          ended(here, "one", "any"),
          ended(here, "two", "any"),
          ended(here, "four", "noStream"),
          ended(here, "known", at(9)),
          ended(here, "held", "any")
        ].map((append, i) => Effect.map(append, (outcome) => void (outcomes[i] = outcome))),
        { concurrency: "unbounded" }
      )
    )
    yield* eventually(
      "appended thirteen times in one moment, once to a stream that is held",
      "the other twelve end",
      Effect.sync(() => outcomes.filter((outcome) => outcome !== undefined).length),
      (count) => count === 12
    )
    yield* equal("appended thirteen times in one moment", outcomes.slice(0, 12), [
      "at 0",
      "at 0",
      "conflict at 0",
      "at 1",
      "conflict at 0",
      "repeats 0",
      "repeats 0",
      "conflict at undefined",
      "at 2",
      "at 1",
      "at 0",
      "conflict at 0"
    ])
    const rows = yield* here.sql.unsafe(
      `SELECT stream, count(*)::int, max(revision)::int FROM ${here.schema}.events GROUP BY 1 ORDER BY 1`
    ).values
    yield* equal("appended thirteen times in one moment: what is stored", rows, [
      ["A-four", 1, 0],
      ["A-known", 1, 0],
      ["A-one", 3, 2],
      ["A-two", 2, 1]
    ])
    yield* stranger.run("COMMIT")
    yield* Fiber.join(together)
    yield* equal("let go of the stream that one of them waits for", outcomes[12], "at 1")
  })
)

const blamed = law(
  "Append 2 one append that makes a statement fail does nothing to those beside it",
  Effect.gen(function* () {
    const here = yield* stand()
    const stranger = yield* here.session
    const id = yield* EventId.generate
    yield* stranger.run("BEGIN")
    // The id is being stored in another stream: whoever brings it again has to wait for that.
    yield* stranger.run(calls(here.schema).event("A-other").replace("gen_random_uuid()", `'${id}'`))
    const [first, guilty] = [
      yield* Effect.forkScoped(ended(here, "first", "any")),
      yield* Effect.forkScoped(ended(here, "guilty", "noStream", id))
    ]
    const others = yield* Effect.all(
      ["a", "b", "c"].map((stream) => ended(here, stream, "noStream")),
      {
        concurrency: "unbounded"
      }
    )
    yield* equal("appended beside an id that somebody is storing", others, ["at 0", "at 0", "at 0"])
    yield* Fiber.join(first)
    yield* stranger.run("COMMIT")
    yield* equal("brought an id that another stream has by now", yield* Fiber.join(guilty), "EventIdReused")
  })
)

const waits = law(
  "Append 3 an append that waited for its stream finds it as it is then",
  Effect.gen(function* () {
    const here = yield* stand()
    const append = calls(here.schema)
    const stranger = yield* here.session
    for (const [i, expected] of (["any", "streamExists", at(2)] as const).entries()) {
      yield* stranger.run("BEGIN")
      yield* stranger.run(append.event("A-1"))
      const inside = yield* Effect.forkScoped(here.sql.withTransaction(ended(here, "1", expected)))
      yield* isWaiting(here)
      yield* stranger.run("COMMIT")
      const did = `appended in a transaction that waited for the stream, expecting ${expected}`
      yield* equal(did, yield* Fiber.join(inside), ["at 1", "at 3", "conflict at 4"][i])
    }
  })
)

const clock = law(
  "Append 4 recordedAt does not decrease where the server's clock goes back",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema, sql } = here
    const quick = yield* here.session
    // As if the clock had been an hour ahead when this was stored.
    for (const stream of ["A-1", "A-2", "A-3", "A-3x", "A-4", "A-4x"]) {
      yield* quick.run(calls(schema).event(stream))
      yield* sql.unsafe(
        `UPDATE ${schema}.events SET recorded_at = recorded_at + interval '1 hour' WHERE stream = '${stream}'`
      )
    }
    yield* quick.run(calls(schema).event("A-1"))
    yield* quick.run(calls(schema).one("A-2"))
    yield* quick.run(calls(schema).group("A-3"))
    yield* quick.run(calls(schema).events("A-4"))
    const fallen = yield* sql.unsafe(`SELECT stream, revision::int FROM (
      SELECT *, lag(recorded_at) OVER (PARTITION BY stream ORDER BY revision) AS before FROM ${schema}.events
    ) e WHERE recorded_at < before`).values
    yield* equal("set the clock back by an hour: what is recorded before its predecessor", fallen, [])
  })
)

const strict = law(
  "Append 5 in a transaction of stricter isolation a stale head is a failure that may pass, and no conflict",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema, sql, store } = here
    const quick = yield* here.session
    const within = <E>(append: Effect.Effect<string, E>) =>
      Effect.provideService(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql.unsafe("SELECT 1")
            yield* quick.run(calls(schema).event("A-1"))
            return yield* Effect.flatMap(append, (outcome) => Effect.fail(outcome))
          })
        ),
        BeginTransaction,
        "BEGIN ISOLATION LEVEL REPEATABLE READ"
      ).pipe(Effect.catch((outcome) => Effect.succeed(String(outcome))))
    const all = (appends: ReadonlyArray<Append>) =>
      Effect.catch(Effect.as(store.appendAll(appends), "stored"), (error) => Effect.succeed(short(error)))
    yield* quick.run(calls(schema).event("A-1"))
    const stale = "EventStoreError, Unavailable"
    const both = (expected: Expected): ReadonlyArray<Append> => [
      { stream: name("1"), events: [event()], expected },
      { stream: name("2"), events: [event()] }
    ]
    const did = (what: string) => `another process appended behind this transaction's snapshot, then ${what}`
    yield* equal(did("expected its revision"), yield* within(ended(here, "1", at(1))), stale)
    yield* equal(did("expected the one before"), yield* within(ended(here, "1", at(1))), stale)
    yield* equal(did("expected any"), yield* within(ended(here, "1", "any")), stale)
    yield* equal(did("expected its revision in appendAll"), yield* within(all(both(at(4)))), stale)
    yield* equal(did("expected any in appendAll"), yield* within(all(both("any"))), stale)
    yield* equal(did("appended elsewhere"), yield* within(ended(here, "3", "noStream")), "at 0")
    // A conflict of which the snapshot is a witness is one.
    yield* equal(did("was wrong about another stream"), yield* within(ended(here, "9", at(4))), "conflict at undefined")
  })
)

const known = law(
  "Append 6 an append that is alone is known again, whatever it expects, and its ids belong to one stream",
  Effect.gen(function* () {
    const here = yield* stand()
    for (const count of [1, 2]) {
      const ids = yield* Effect.forEach(Array.from({ length: count }), () => EventId.generate)
      const append = (stream: string, expected: Expected) =>
        here.store.append(name(stream), ids.map(event), { expected }).pipe(
          Effect.map(({ repeated, revision }) => `${repeated ? "repeats" : "at"} ${revision}`),
          Effect.catch((error) => Effect.succeed(short(error)))
        )
      yield* append(`${count}`, "noStream")
      for (const expected of ["noStream", "any", "streamExists", at(count - 1), at(count), at(7)] as const) {
        const did = `appended ${count} events again, expecting ${expected}`
        yield* equal(did, yield* append(`${count}`, expected), `repeats ${count - 1}`)
        yield* equal(`${did}, to another stream`, yield* append(`${count}x`, expected), "EventIdReused")
      }
    }
  })
)

const cut = law(
  "Append 7 an append whose answer is lost is found again, and is nobody else's",
  Effect.gen(function* () {
    const wire = yield* Wire.make((yield* Bench).server)
    const bench = { ...(yield* Bench), server: wire.server }
    const here = yield* Effect.provideService(stand({ listen: false, maxConnections: 1 }), Bench, bench)
    const quiet = Effect.sleep("30 millis")
    // Its statement is prepared, and nobody is being notified any more.
    yield* ended(here, "1", "any")
    for (let i = 0; i < 3; i++) {
      yield* quiet
      yield* wire.cut
      yield* equal("lost the answer of an append, expecting a revision", yield* ended(here, "1", at(i)), `at ${i + 1}`)
      yield* equal("counted the answers that were lost", wire.lost(), i + 1)
    }
    const rows = yield* here.sql.unsafe(`SELECT count(*)::int FROM ${here.schema}.events`).values
    yield* equal("lost the answers of three appends of four: how many are stored", rows, [[4]])
  })
)

/** Laws of appends. */
export const appending: ReadonlyArray<Law<Bench>> = [group, blamed, waits, clock, strict, known, cut]
