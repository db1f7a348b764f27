// Laws of order: transactions that are held open at every step, and what does and does not hold readers up.
import type { Law } from "@evolvent/testing/conformance"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Bench, calls, sessionOf, stand } from "./Bench.ts"
import { follow } from "./Following.ts"
import { law } from "./Law.ts"

/** A session in another database of the same server. */
const elsewhere = Effect.gen(function* () {
  const { server } = yield* Bench
  const name = `law_${crypto.randomUUID().slice(0, 8)}`
  const options = { ...server.connection, maxConnections: 2 }
  const here = Context.get(yield* Layer.build(PgClient.layer(options)), PgClient.PgClient)
  yield* here.unsafe(`CREATE DATABASE ${name} STRATEGY file_copy`)
  yield* Effect.addFinalizer(() => Effect.ignore(here.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)))
  const there = yield* Layer.build(PgClient.layer({ ...options, database: name }))
  return yield* sessionOf(Context.get(there, PgClient.PgClient))
})

const held = law(
  "Order 4 what is open, undone, rolled back or killed is not passed before its end, and not missed",
  Effect.gen(function* () {
    const here = yield* stand()
    const append = calls(here.schema)
    const followers = yield* follow(here)
    const [one, two, three, quick] = [
      yield* here.session,
      yield* here.session,
      yield* here.session,
      yield* here.session
    ]
    yield* quick.run(append.event("A-1"))
    yield* followers.stand("appended 1", 1)
    yield* one.run("BEGIN")
    yield* one.run(append.event("A-1"))
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("appended 2 in a transaction that stays open, and 3", 1)
    yield* one.run("SAVEPOINT undone")
    yield* one.run(append.one("A-3"))
    yield* one.run("ROLLBACK TO undone")
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("drew 4 and 5 behind a savepoint that was undone, and appended 6", 1)
    yield* two.run("BEGIN")
    yield* two.run(append.events("A-4"))
    yield* one.run(append.event("A-5"))
    yield* followers.stand("appended 7 and 8 in a second transaction, and 9 in the first", 1)
    yield* one.run("COMMIT")
    yield* followers.stand("committed 2 and 9", 6)
    yield* quick.run(append.event("A-2"))
    yield* two.run("ROLLBACK")
    yield* followers.stand("appended 10, then rolled 7 and 8 back", 10)
    yield* three.run("BEGIN")
    const [backend] = yield* three.run("SELECT pg_backend_pid()")
    yield* three.run(append.group("A-6"))
    yield* quick.run(append.event("A-1"))
    yield* followers.stand("appended 11 and 12 in a third transaction, and 13", 10)
    yield* quick.run(`SELECT pg_terminate_backend(${Number(backend?.[0])}, 10000)`)
    yield* followers.stand("killed the third", 13)
    yield* one.run("BEGIN")
    yield* one.run(append.one("A-7"))
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("appended 14 and 15 in a transaction, and 16", 13)
    yield* one.run("COMMIT")
    yield* followers.stand("committed 14 and 15", 16)
    yield* followers.sawAll
  })
)

const pristine = law(
  "Order 5 the first append of a store is as safe as any other",
  Effect.gen(function* () {
    const here = yield* stand()
    const append = calls(here.schema)
    const followers = yield* follow(here)
    const [slow, quick] = [yield* here.session, yield* here.session]
    yield* followers.stand("made a store", 0)
    yield* slow.run("BEGIN")
    yield* slow.run(append.event("A-1"))
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("appended 1 in a transaction that stays open, and 2", 0)
    yield* slow.run("COMMIT")
    yield* followers.stand("committed 1", 2)
    yield* followers.sawAll
  })
)

const idle = law(
  "Order 6 a transaction that has appended nothing holds no reader up",
  Effect.gen(function* () {
    const here = yield* stand()
    const append = calls(here.schema)
    const followers = yield* follow(here)
    const [numbered, refused, old, quick] = [
      yield* here.session,
      yield* here.session,
      yield* here.session,
      yield* here.session
    ]
    const other = yield* elsewhere
    yield* quick.run(append.event("A-1"))
    for (const session of [numbered, other]) {
      yield* session.run("BEGIN")
      yield* session.run("SELECT pg_current_xact_id()::text")
    }
    yield* refused.run("BEGIN")
    // A conflict: it has the lock of its stream until it ends, and nothing else.
    yield* refused.run(append.one("A-1", 7))
    yield* refused.run(append.group("A-3", 7))
    yield* old.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
    yield* old.run("SELECT 1")
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("appended 2 while four transactions are open that appended nothing", 2)
    yield* followers.sawAll
  })
)

const foreign = law(
  "Order 7 locks of other programs hold no reader up, in both key spaces, here and in another database",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema } = here
    const append = calls(schema)
    const followers = yield* follow(here)
    const [locker, quick] = [yield* here.session, yield* here.session]
    const other = yield* elsewhere
    const [found] = yield* quick.run(`SELECT '${schema}.position'::regclass::oid::int`)
    const oid = Number(found?.[0])
    yield* quick.run(append.event("A-1"))
    yield* locker.run(`SELECT pg_advisory_lock_shared((${oid}::bigint << 32))`)
    yield* locker.run(`SELECT pg_advisory_lock_shared(${oid + 1_000_000}, 0), pg_advisory_lock(${oid}, 0)`)
    yield* other.run(`SELECT pg_advisory_lock_shared(${oid}, 0), pg_advisory_lock(${oid}, 1)`)
    yield* quick.run(append.event("A-2"))
    yield* followers.stand("appended 2 while others hold locks that look like floors", 2)
    yield* locker.run("SELECT pg_advisory_unlock_all()")
    yield* followers.sawAll
  })
)

const neighbours = law(
  "Order 8 two stores in one database do not hold each other's readers up",
  Effect.gen(function* () {
    const [one, two] = [yield* stand(), yield* stand()]
    const [slow, quick] = [yield* one.session, yield* one.session]
    const [first, second] = [yield* follow(one), yield* follow(two)]
    yield* quick.run(calls(one.schema).event("A-1"))
    yield* quick.run(calls(two.schema).event("A-1"))
    yield* slow.run("BEGIN")
    yield* slow.run(calls(one.schema).event("A-1"))
    for (let i = 0; i < 3; i++) yield* quick.run(calls(two.schema).event("A-1"))
    yield* quick.run(calls(one.schema).event("A-2"))
    yield* first.stand("appended 2 in a transaction that stays open, and 3", 1)
    yield* second.stand("appended 4 in the neighbour's store", 4)
    yield* slow.run("COMMIT")
    yield* first.stand("committed 2", 3)
    yield* first.sawAll
    yield* second.sawAll
  })
)

const round = law(
  "Order 9 positions pass 2^31, 2^32 and 2^33 like any other",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema } = here
    const append = calls(schema)
    const followers = yield* follow(here)
    const [one, two, three, quick] = [
      yield* here.session,
      yield* here.session,
      yield* here.session,
      yield* here.session
    ]
    let before = 1
    yield* quick.run(append.event("A-1"))
    for (const power of [31, 32, 33, 52]) {
      const base = 2 ** power
      const did = (what: string) => `${what} around 2^${power}`
      yield* quick.run(`SELECT setval('${schema}.position', ${base - 2})`)
      for (const session of [one, two, three]) yield* session.run("BEGIN")
      yield* one.run(append.event("A-2"))
      yield* quick.run(append.event("A-1"))
      yield* two.run(append.event("A-3"))
      yield* three.run(append.one("A-4"))
      yield* quick.run(append.event("A-1"))
      yield* followers.stand(did("opened three appends, and made two"), before)
      yield* one.run("COMMIT")
      yield* followers.stand(did("committed the first"), base)
      yield* two.run("COMMIT")
      yield* followers.stand(did("committed the second"), base + 1)
      yield* three.run("ROLLBACK")
      yield* followers.stand(did("rolled the third back"), base + 4)
      before = base + 4
    }
    yield* followers.sawAll
  })
)

/** Laws of what is held open. */
export const holding: ReadonlyArray<Law<Bench>> = [held, pristine, idle, foreign, neighbours, round]
