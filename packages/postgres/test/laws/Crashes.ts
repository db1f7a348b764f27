// Laws of order: a server that forgets the positions it gave out, and transactions that see an older state than they lock.
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import { BeginTransaction } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { Bench, calls, stand } from "./Bench.ts"
import { follow, from } from "./Following.ts"
import { broken, equal, eventually, law } from "./Law.ts"

// What no commit has flushed is written after this long by itself: the law is over by then.
const settings = { wal_writer_delay: "10s", checkpoint_timeout: "1h", autovacuum: "off", fsync: "off" }

const rewound = law(
  "Order 10 a reader that outlives a crash misses nothing at positions that are drawn again",
  Effect.gen(function* () {
    const server = yield* EmbeddedPostgres.start({ settings })
    const here = yield* Effect.provideService(stand(), Bench, { ...(yield* Bench), server })
    const { schema, store } = here
    const append = calls(schema)
    const followers = yield* follow(here, [EventFilter.all(), EventFilter.category("A"), EventFilter.category("B")])
    const drawn = yield* Effect.scoped(
      Effect.gen(function* () {
        const [slow, quick] = [yield* here.session, yield* here.session]
        for (let i = 0; i < 3; i++) yield* quick.run(append.event("A-1"))
        yield* followers.passed(3)
        yield* slow.run("BEGIN")
        yield* slow.run(`SELECT count(nextval('${schema}.position')) FROM generate_series(1, 500)`)
        yield* slow.run("ROLLBACK")
        const [last] = yield* quick.run(`SELECT pg_sequence_last_value('${schema}.position')`)
        yield* followers.settled
        yield* server.kill
        yield* server.restart()
        return Number(last?.[0])
      })
    )
    yield* eventually(
      "started the server again",
      "it answers",
      Effect.map(Effect.result(store.head), ({ _tag }) => _tag),
      (tag) => tag === "Success"
    )
    const next = yield* here.session
    for (let i = 0; i < 3; i++) yield* next.run(append.event("A-1"))
    const [row] = yield* next.run(
      `SELECT max(position), min(position) FILTER (WHERE position > 3) FROM ${schema}.events`
    )
    if (Number(row?.[0]) >= drawn) {
      return yield* broken("killed the server", "it forgets the positions up to 503, or the law shows nothing", row)
    }
    yield* followers.passed(Number(row?.[0]))
    // The third filter matches nothing: it passes what is visible, all the same.
    yield* followers.sawAll
    const seen = yield* Stream.runCollect(store.read(EventFilter.all()))
    yield* equal("appended three events at positions that were drawn before: how many there are", seen.length, 6)
  })
)

const strict = law(
  "Order 11 a feed is not read in a snapshot that is older than the locks, also where the tail knows more",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema, sql, store } = here
    const append = calls(schema)
    const followers = yield* follow(here)
    const [slow, quick] = [yield* here.session, yield* here.session]
    for (let i = 0; i < 3; i++) yield* quick.run(append.event("A-1"))
    yield* followers.settled
    for (const level of ["REPEATABLE READ", "SERIALIZABLE"]) {
      const before = yield* followers.settled
      yield* slow.run("BEGIN")
      yield* slow.run(append.event("A-2"))
      yield* quick.run(append.event("A-1"))
      const read = (direction: "forwards" | "backwards", place: number, limit: number) =>
        Stream.runCollect(store.read(EventFilter.all(), { direction, from: from(place), limit })).pipe(
          Effect.map((events) => events.map(({ position }) => Number(position))),
          Effect.catch(({ isRetryable, reason }) => Effect.succeed(`${reason._tag}, ${isRetryable}`))
        )
      const inside = Effect.gen(function* () {
        yield* sql.unsafe("SELECT 1")
        yield* slow.run("COMMIT")
        yield* followers.passed(before + 2)
        return [
          yield* Effect.result(read("forwards", before, 1)),
          yield* Effect.result(read("backwards", before, 2)),
          yield* Effect.result(read("forwards", before, 100))
        ].map((result) => (result._tag === "Success" ? result.success : result.failure))
      })
      // An error in it ends the transaction: what follows in it is refused because of that.
      const found = yield* Effect.provideService(
        Effect.catch(sql.withTransaction(Effect.flatMap(inside, (all) => Effect.fail(all))), Effect.succeed),
        BeginTransaction,
        `BEGIN ISOLATION LEVEL ${level}`
      )
      const did = `read in a transaction that is ${level}, of whose snapshot ${before + 1} is no part, but ${before + 2}`
      yield* equal(did, found, ["InvalidRequest, false", "InvalidRequest, false", "InvalidRequest, false"])
    }
    yield* followers.sawAll
  })
)

/** Laws of crashes and of old snapshots. */
export const surviving: ReadonlyArray<Law<Bench>> = [rewound, strict]
