// The read model is the fold of the log, at every moment: under random commands from all sides, and when the server dies.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { InlineProjections } from "../src/InlineProjections.ts"
import { accounts, balances, compare, histories, poison, stored } from "./support/Accounts.ts"
import { count, numbered, serve } from "./support/AppendStore.ts"
import type { Store } from "./support/AppendStore.ts"

const { open, server } = await serve()

const Account = accounts("Account")
const Balances = balances(Account)
const Histories = histories(Account)
const stream = (id: string) => StreamName.make(Account.name, id)

const register = InlineProjections.use((inline) =>
  Effect.andThen(inline.register(Balances), inline.register(Histories))
)

/** How many rows of a read model are not what the log says in the very same snapshot. */
const differences = (store: Store) =>
  count(
    store,
    `SELECT count(*)::int FROM (
       SELECT substr(stream, length(category) + 2) AS key, count(*) AS n, max(revision) AS revision, max(position) AS position
       FROM ${store.schema}.events WHERE category = '${Account.name}' GROUP BY 1
     ) e FULL JOIN ${store.schema}.histories_v1 h ON h.key = e.key
     WHERE e.key IS NULL OR h.key IS NULL OR (h.row->>'events')::int <> e.n OR (h.row->>'revision')::int <> e.revision
       OR (h.row->>'position')::bigint <> e.position OR h.position <> e.position`
  )

/** Numbers that look random, and are the same in each run. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}

/** A row as it is, and as the stream's own events make it. */
const own = (id: string) =>
  Effect.gen(function* () {
    const { read } = yield* EventStore
    const folded = yield* Projection.fold(Balances, read(EventFilter.stream(stream(id))))
    return [yield* ReadModel.get(Balances, id), folded.get(id)] as const
  })

const undone = "undone" as const

/** Appends, executes, repeats, conflicts, fails, in and out of transactions and savepoints that may be rolled back. */
const client = (store: Store, seed: number, rounds: number) =>
  Effect.gen(function* () {
    const below = random(seed)
    const { append, appendAll } = yield* EventStore
    const id = () => `${below(12)}`
    const one = Effect.suspend((): Effect.Effect<void, unknown, EventStore> => {
      const key = id()
      const amount = below(40) === 0 ? poison : 1 + below(5)
      switch (below(8)) {
        case 0:
          return Effect.asVoid(Aggregate.execute(Account, key, { _tag: "Open", owner: `${seed}` }))
        case 1:
          return Effect.asVoid(Aggregate.execute(Account, key, { _tag: "Close" }))
        case 2:
          return Effect.asVoid(Aggregate.execute(Account, key, { _tag: "Burst", amounts: [amount, 1, 2] }))
        case 3: {
          const events = [{ ...numbered(1), type: "Opened", data: { owner: "twice" } }]
          return Effect.andThen(append(stream(key), events), append(stream(key), events))
        }
        case 4:
          return Effect.asVoid(
            append(stream(key), [{ type: "Opened", data: { owner: "first" } }], { expected: "noStream" })
          )
        case 5: {
          const appends = [...new Set([key, id(), id()])].toSorted().map((one) => ({
            stream: stream(one),
            events: [
              { type: "Opened", data: { owner: "all" } },
              { type: "Deposited", data: { amount } }
            ]
          }))
          return Effect.asVoid(appendAll(appends))
        }
        default:
          return Effect.asVoid(Aggregate.execute(Account, key, { _tag: "Deposit", amount }))
      }
    })
    // Rejections, conflicts and a handler that throws are what is meant to happen.
    const tried = Effect.exit(one)
    const inTransaction = store.sql.withTransaction(
      Effect.gen(function* () {
        // One stream for each: who took several in any order would be ended by a deadlock, rightly.
        const key = id()
        yield* Effect.exit(append(stream(key), [{ type: "Opened", data: { owner: "tx" } }]))
        const nested = store.sql.withTransaction(
          Effect.andThen(
            append(stream(key), [{ type: "Deposited", data: { amount: 3 } }]),
            below(2) === 0 ? Effect.fail(undone) : Effect.void
          )
        )
        yield* Effect.exit(nested)
        const [kept, folded] = yield* own(key)
        expect(kept).toEqual(folded)
        if (below(3) === 0) return yield* Effect.fail(undone)
      })
    )
    for (let i = 0; i < rounds; i++) {
      if (below(5) !== 0) yield* tried
      else {
        const exit = yield* Effect.exit(inTransaction)
        if (Exit.isSuccess(exit)) continue
        const failed = Cause.findError(exit.cause)
        if (Result.isFailure(failed) || failed.success !== undone) return yield* Effect.failCause(exit.cause)
      }
    }
  })

it("is the fold of the log at every moment of a storm, whatever fails and is undone in it", async () => {
  const first = await open({ maxConnections: 8 })
  const second = await open({ schema: first.schema, maxConnections: 8 })
  await first.run(register)
  await second.run(register)
  const storm = { isOver: false }
  const looks: Array<number> = []
  const looking = first.run(
    Effect.gen(function* () {
      while (!storm.isOver) {
        looks.push(yield* differences(first))
        yield* Effect.sleep("20 millis")
      }
    })
  )
  const clients = [first, second].flatMap((store, process) =>
    Array.from({ length: 6 }, (_, i) => store.run(client(store, 10 * process + i + 1, 40)))
  )
  const ended = await Promise.allSettled(clients)
  storm.isOver = true
  await looking
  for (const end of ended) expect(end).toMatchObject({ status: "fulfilled" })
  expect(looks.length).toBeGreaterThan(5)
  expect(looks.filter((differing) => differing > 0)).toEqual([])
  await first.run(
    Effect.gen(function* () {
      expect(yield* stored(Account.name)).toBeGreaterThan(100)
      for (const { folded, kept } of [yield* compare(Balances), yield* compare(Histories)]) expect(kept).toEqual(folded)
    })
  )
}, 60_000)

it("loses and doubles nothing when the server is killed again and again", async () => {
  const store = await open({ maxConnections: 8 })
  await store.run(register)
  const acknowledged: Array<string> = []
  const storm = { isOver: false }
  const writer = (number: number) =>
    Effect.gen(function* () {
      const { append } = yield* EventStore
      for (let i = 0; !storm.isOver; i++) {
        const event = { ...numbered(i), type: "Opened", data: { owner: `${i}` } }
        const exit = yield* Effect.exit(append(stream(`${number}-${i % 3}`), [event]))
        if (Exit.isSuccess(exit)) acknowledged.push(event.id)
        else yield* Effect.sleep("10 millis")
      }
    })
  const writers = Array.from({ length: 6 }, (_, i) => store.run(writer(i)))
  for (let kills = 0; kills < 3; kills++) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    await Effect.runPromise(Effect.andThen(server.kill, server.restart()))
  }
  await new Promise((resolve) => setTimeout(resolve, 300))
  storm.isOver = true
  await Promise.all(writers)
  await store.run(
    Effect.gen(function* () {
      const { read } = yield* EventStore
      const events = yield* Stream.runCollect(read(EventFilter.category(Account.name)))
      const ids = events.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      const known = new Set<string>(ids)
      expect(acknowledged.filter((id) => !known.has(id))).toEqual([])
      expect(acknowledged.length).toBeGreaterThan(20)
      for (const { folded, kept } of [yield* compare(Balances), yield* compare(Histories)]) expect(kept).toEqual(folded)
    }).pipe(Effect.retry({ times: 5 }))
  )
}, 60_000)

it("is inline or not, and nothing between, when the server dies within the switch", async () => {
  for (const after of [1, 5, 12, 30]) {
    const store = await open({ maxConnections: 4 })
    const stands = `SELECT (SELECT count(*) FROM ${store.schema}.inline_projections)::int,
      (SELECT count(*) FROM pg_trigger WHERE tgrelid = '${store.schema}.events'::regclass AND tgname = 'events_inline')::int,
      (SELECT count(*) FROM ${store.schema}.checkpoints WHERE lease_until = 'infinity' AND holder = 'inline')::int`
    await store.run(
      Effect.gen(function* () {
        for (let i = 0; i < 10; i++) yield* Aggregate.execute(Account, `${i}`, { _tag: "Open", owner: "ada" })
        const switching = yield* Effect.forkScoped(
          Effect.exit(InlineProjections.use((inline) => inline.register(Balances)))
        )
        yield* Effect.sleep(after)
        yield* server.kill
        switching.interruptUnsafe()
        yield* server.restart()
        const [row = []] = yield* Effect.retry(store.sql.unsafe(stands).values, { times: 5 })
        expect([
          [0, 0, 0],
          [1, 1, 16]
        ]).toContainEqual([...row])
        yield* register
        yield* Aggregate.execute(Account, "1", { _tag: "Deposit", amount: 5 })
        for (const { folded, kept } of [yield* compare(Balances), yield* compare(Histories)])
          expect(kept).toEqual(folded)
        expect(yield* ReadModel.get(Balances, "1")).toEqual({ owner: "ada", balance: 5, count: 2 })
      })
    )
    await Effect.runPromise(store.close)
  }
}, 60_000)
