// Who must keep an inline projection: every writer, whatever it knows, may do, or has a snapshot of.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Aggregate from "evolvent/Aggregate"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import {
  accounts,
  balances,
  compare,
  deposit,
  deposited,
  opened,
  openIt,
  processes,
  register,
  stored
} from "./support/Accounts.ts"
import { serve } from "./support/AppendStore.ts"

const { open, server } = await serve()

const Account = accounts("Account")
const Balances = balances(Account)
const stream = (id: string) => StreamName.make(Account.name, id)

it("refuses a writer that does not know of it, alone or in a group or a transaction, and says what to do", async () => {
  const [aware, old] = await processes(open)
  await aware.run(Effect.andThen(Aggregate.execute(Account, "1", openIt()), register(Balances)))
  const errors = await old.run(
    Effect.gen(function* () {
      const { append, appendAll } = yield* EventStore
      const others = Array.from({ length: 8 }, (_, i) => append(StreamName.make("Other", `${i}`), opened("bob")))
      const refused = [
        Effect.flip(append(stream("1"), deposited(1))),
        Effect.flip(appendAll([{ stream: stream("2"), events: opened("eve") }])),
        Effect.flip(old.sql.withTransaction(append(stream("3"), opened("eve"))))
      ]
      const [found] = yield* Effect.all(
        [Effect.all(refused, { concurrency: "unbounded" }), Effect.all(others, { concurrency: "unbounded" })],
        { concurrency: "unbounded" }
      )
      return found
    })
  )
  for (const error of errors) {
    expect(error).toMatchObject({ _tag: "EventStoreError", isRetryable: false })
    for (const part of ['"balances"', "position 1", "Postgres.layerInline", "Postgres.endInline"]) {
      expect(error.message).toContain(part)
    }
  }
  await aware.run(
    Effect.gen(function* () {
      expect(yield* stored(Account.name)).toBe(1)
      expect(yield* stored("Other")).toBe(8)
      const { folded, kept } = yield* compare(Balances)
      expect(kept).toEqual(folded)
    })
  )
  // It learns of it, and goes on; a repeat and an empty append were never in doubt.
  await old.run(
    Effect.gen(function* () {
      yield* register(Balances)
      yield* Aggregate.execute(Account, "1", deposit(2))
      expect(yield* ReadModel.get(Balances, "1")).toMatchObject({ balance: 2 })
    })
  )
}, 60_000)

it("is registered, switched and ended by a writer that may do no more than write", async () => {
  const schema = "Writers"
  const { create, grant } = Postgres.roles({
    schema,
    owner: "their_owner",
    writer: "their_writer",
    reader: "their_reader"
  })
  const { sql } = await open()
  const execute = (statements: ReadonlyArray<string>) =>
    Effect.runPromise(sql.withTransaction(Effect.forEach(statements, (text) => sql.unsafe(text), { discard: true })))
  await execute(create)
  const as = (username: string) => PgClient.layer({ ...server.connection, username, maxConnections: 4 })
  await Effect.runPromise(Effect.provide(Postgres.migrate({ schema }), as("their_owner")))
  await execute(grant)
  const program = Effect.gen(function* () {
    yield* Aggregate.execute(Account, "1", openIt())
    yield* register(Balances)
    yield* Aggregate.execute(Account, "1", deposit(5))
    const unheard = PgClient.PgClient.use((client) =>
      client.withTransaction(client`SELECT "Writers".append_event('Account-1', (SELECT max(revision) FROM "Writers".events),
        gen_random_uuid(), 'Deposited', 1, '{"amount":1}', '{}')`)
    )
    expect(yield* Effect.flip(unheard)).toMatchObject({ _tag: "SqlError" })
    const { folded, kept } = yield* compare(Balances)
    expect(kept).toEqual(folded)
    yield* Postgres.endInline(Balances)
    return yield* ReadModel.get(Balances, "1")
  })
  const layer = Postgres.layerFromNoMigrations({ schema }).pipe(Layer.provideMerge(as("their_writer")))
  expect(await Effect.runPromise(Effect.provide(program, layer))).toMatchObject({ balance: 5 })
}, 60_000)

it("leaves the rows to the processor once it ended, also where a process still provides it", async () => {
  const [aware, old] = await processes(open)
  await aware.run(Effect.andThen(register(Balances), Aggregate.execute(Account, "1", openIt())))
  await old.run(Postgres.endInline({ name: "balances", version: 1 }))
  await old.run(Aggregate.execute(Account, "1", deposit(5)))
  await aware.run(
    Effect.gen(function* () {
      const { position } = yield* Aggregate.execute(Account, "1", deposit(7))
      // Onto the row without the first deposit the second one must not go.
      expect(yield* ReadModel.get(Balances, "1")).toMatchObject({ balance: 0 })
      yield* Layer.build(Processor.layer(Processor.projection(Balances)))
      yield* Processor.waitFor(Balances, position)
      expect(yield* ReadModel.get(Balances, "1")).toMatchObject({ balance: 12 })
    })
  )
}, 60_000)

it("is refused where the same version is inline for another category", async () => {
  const [store] = await processes(open)
  await store.run(
    Effect.gen(function* () {
      yield* register(Balances)
      const error = yield* Effect.flip(register(balances(accounts("Elsewhere"))))
      expect(error).toMatchObject({ _tag: "InlineRefused", projection: "balances" })
      // What was refused does not take the place of what is kept.
      yield* Aggregate.execute(Account, "1", openIt())
      expect(yield* ReadModel.get(Balances, "1")).toMatchObject({ owner: "ada" })
    })
  )
}, 60_000)

it("refuses a strict transaction whose snapshot is older than the switch, so that it is run again", async () => {
  const own = await open({ maxConnections: 4 })
  const stranger = await open({ schema: own.schema })
  await own.run(
    Effect.gen(function* () {
      const before = balances(accounts("Before"), { name: "before" })
      // There is a trigger already, whose look into the tables is as old as the transaction.
      yield* register(before)
      const stale = own.sql.withTransaction(
        Effect.gen(function* () {
          yield* own.sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`
          yield* own.sql`SELECT 1`
          yield* Effect.promise(() => stranger.run(register(Balances)))
          yield* Aggregate.execute(Account, "7", openIt())
        })
      )
      expect(yield* Effect.flip(stale)).toMatchObject({ _tag: "EventStoreError", isRetryable: true })
      yield* Effect.promise(() => stranger.run(Aggregate.execute(Account, "7", openIt())))
      expect(yield* Effect.map(ReadModel.get(Balances, "7"), (row) => row?.owner)).toBe("ada")
    })
  )
})

it("refuses a strict transaction whose snapshot is older than the end of it, so that it is run again", async () => {
  const own = await open({ maxConnections: 4 })
  const stranger = await open({ schema: own.schema })
  await own.run(
    Effect.gen(function* () {
      yield* register(Balances)
      const stale = own.sql.withTransaction(
        Effect.gen(function* () {
          yield* own.sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`
          yield* own.sql`SELECT 1`
          yield* Effect.promise(() => stranger.run(Postgres.endInline(Balances)))
          yield* Aggregate.execute(Account, "7", openIt())
        })
      )
      expect(yield* Effect.flip(stale)).toMatchObject({ _tag: "EventStoreError", isRetryable: true })
      expect(yield* stored(Account.name)).toBe(0)
    })
  )
})
