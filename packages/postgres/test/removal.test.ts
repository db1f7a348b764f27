// Removed streams on PostgreSQL: rows that are kept inline go with them, and histories that are asked for too late.
import * as Effect from "effect/Effect"
import * as Aggregate from "evolvent/Aggregate"
import { EventStore } from "evolvent/EventStore"
import * as ReadModel from "evolvent/ReadModel"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import * as historyColumns from "../src/internal/historyColumns.ts"
import * as readHistory from "../src/internal/readHistory.ts"
import { accounts, balances, deposit, openIt, register } from "./support/Accounts.ts"
import { fresh, numbered, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const { events, run, schema, sql } = await open({ maxConnections: 10 })

it("a row that is kept in the append's transaction goes in that of the removal, and stays where that is undone", () =>
  run(
    Effect.gen(function* () {
      const Account = accounts("Removed")
      const Balances = balances(Account, { name: "removed" })
      yield* register(Balances)
      yield* Aggregate.execute(Account, "7", openIt())
      yield* Aggregate.execute(Account, "7", deposit(5))
      yield* Aggregate.execute(Account, "8", openIt())
      const store = yield* EventStore
      const remove = (id: string, as: "archived" | "deleted", expected: number) =>
        store.remove(StreamName.make("Removed", id), { as, expected: Revision.make(expected) })
      yield* Effect.ignore(sql.withTransaction(Effect.andThen(remove("7", "deleted", 1), Effect.fail("undone"))))
      expect(yield* ReadModel.get(Balances, "7")).toMatchObject({ balance: 5 })
      yield* remove("7", "deleted", 1)
      expect(yield* ReadModel.get(Balances, "7")).toBeUndefined()
      yield* remove("8", "archived", 0)
      expect(yield* ReadModel.get(Balances, "8")).toMatchObject({ owner: "ada" })
    })
  ))

it("a page of a history that begins before a tombstone is that tombstone, whichever way it is read", () =>
  run(
    Effect.gen(function* () {
      const db = Database.make(sql, schema)
      for (const count of [1, 100, 128, 1100, 3000]) {
        const stream = fresh("History")
        yield* events.append(
          stream,
          Array.from({ length: count }, (_, n) => numbered(n))
        )
        yield* events.remove(stream, { as: "archived", expected: Revision.make(count - 1) })
        for (const [from, limit] of [
          [0, 10],
          [0, 1024],
          [0, 2048],
          [Math.max(0, count - 20), 2048],
          [count, 2048]
        ] as const) {
          const { endsAt, histories } = yield* readHistory.make(db)(stream, Revision.make(from), limit)
          const found = histories.map(({ revision, types }) => [Number(revision), ...types])
          expect([found, endsAt ?? count]).toEqual([[[count, "$archived"]], count])
        }
        const torn = yield* historyColumns.make(db)(stream, Revision.make(0), 2048)
        expect(torn).toBeUndefined()
      }
    })
  ))
