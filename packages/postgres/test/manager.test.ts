// Process managers over real restarts: kill -9 while money is on its way, deadlines that fall due while nobody is there.
import { fork, type ChildProcess } from "node:child_process"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../src/Postgres.ts"
import { Account, Request, Transfer } from "./support/transferDomain.ts"

const file = new URL("support/transferProcess.ts", import.meta.url)

const ended = (child: ChildProcess) =>
  new Promise<void>((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done()
    else child.once("exit", () => done())
  })

/** Another process that runs the transfers, killed with its scope at the latest. */
const startOn = (connection: PgClient.PgClientConfig) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(file, [JSON.stringify(connection)], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
      return {
        kill: Effect.promise(() => {
          child.kill("SIGKILL")
          return ended(child)
        })
      }
    }),
    ({ kill }) => kill
  )

const eventsOf = (category: string, ...types: ReadonlyArray<string>) =>
  EventStore.use((store) =>
    Stream.runCollect(store.read(EventFilter.category(category, types.length === 0 ? {} : { types })))
  )

/** Waits for so many; where they do not come, says what the manager is at. */
const until = <E, R>(what: string, count: number, look: Effect.Effect<ReadonlyArray<unknown>, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    while (true) {
      const { length } = yield* look
      if (length >= count) return
      const { lag, stopped } = yield* Processor.status(Processor.manager(Transfer))
      const behind = `${stopped?.problem ?? "not stopped"}, ${lag?.events ?? 0} events behind`
      if (performance.now() - start > 40_000) assert.fail(`${length} of ${count} ${what}; the manager is ${behind}`)
      yield* Effect.sleep(20)
    }
  })

const accounts = ["a", "b", "c", "d"]
const opened = 1000

/** How many seconds a transfer waits to be confirmed: longer than it takes to kill a few processes. */
const seconds = 4

/** A third is confirmed, a third is confirmed and goes to an account that nobody has opened, a third is never confirmed. */
const transfers = Array.from({ length: 24 }, (_, n) => ({
  id: `t${n}`,
  kind: (["delivered", "refused", "late"] as const)[n % 3] ?? "late",
  from: accounts[n % 4] ?? "a",
  to: n % 3 === 1 ? "nobody" : (accounts[(n + 1) % 4] ?? "a"),
  amount: 1 + n
}))

const balances = Effect.map(
  Effect.forEach([...accounts, "nobody"], (id) => Aggregate.load(Account, id)),
  (loaded) => loaded.map(({ state }) => state.balance)
)

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, one) => total + one, 0)

const keyOf = ({ data, streamId, type }: Recorded) => `${type} ${(data as { transfer?: string }).transfer ?? streamId}`

describe("transfers", () => {
  it.live(
    "lose and double no money by kill -9, and a deadline that falls due meanwhile is kept by the next process",
    () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres.start()
        const { database, host, port, username } = server
        const stores = Postgres.layerFrom().pipe(
          Layer.provideMerge(PgClient.layer({ ...server.connection, maxConnections: 6 }))
        )
        const start = startOn({ host, port, database, username })
        yield* Effect.gen(function* () {
          for (const id of accounts) yield* Aggregate.execute(Account, id, { _tag: "Open", balance: opened })
          const ask = Effect.forEach(
            transfers,
            ({ amount, from, id, kind, to }) =>
              Effect.gen(function* () {
                yield* Aggregate.execute(Request, id, { _tag: "Ask", from, to, amount, seconds })
                if (kind !== "late") yield* Aggregate.execute(Request, id, { _tag: "Confirm" })
              }),
            { concurrency: 4 }
          )
          // Each is killed as soon as it has got a little further.
          let first = yield* start
          yield* ask
          for (const enough of [4, 12, 20]) {
            yield* until("own events", enough, eventsOf("Transfer"))
            yield* first.kill
            first = yield* start
          }
          // The last one has set every deadline before it is killed.
          const processor = Processor.manager(Transfer)
          yield* until("transfers were begun", transfers.length, eventsOf("Transfer", "Taken"))
          const taken = yield* eventsOf("Transfer", "Taken")
          const last = taken.at(-1) ?? assert.fail("nothing was taken")
          yield* Processor.waitFor(processor, last.position, { timeout: "20 seconds" })
          yield* first.kill

          const isLate = ({ data }: Recorded) => (data as { why?: string }).why === "late"
          const late = Effect.map(eventsOf("Transfer", "GivenBack"), (all) => all.filter(isLate))
          const before = (yield* late).length
          const now = DateTime.toEpochMillis(yield* DateTime.now)
          yield* Effect.sleep(Math.max(0, DateTime.toEpochMillis(last.recordedAt) + seconds * 1000 - now) + 200)
          assert.strictEqual((yield* late).length, before)
          assert.isBelow(before, transfers.length / 3)

          yield* start
          yield* until("transfers were ended", transfers.length, eventsOf("Account", "Credited", "Refunded"))
          const head = (yield* eventsOf("Transfer")).at(-1) ?? last
          yield* Processor.waitFor(processor, head.position, { timeout: "20 seconds" })

          const endOf = { delivered: "Credited", refused: "Refunded", late: "Refunded" } as const
          const expected = transfers.flatMap(({ id, kind }) => [`Reserved ${id}`, `${endOf[kind]} ${id}`])
          const moved = (yield* eventsOf("Account", "Reserved", "Credited", "Refunded")).map(keyOf)
          assert.deepStrictEqual(moved.toSorted(), expected.toSorted())
          assert.strictEqual(sum(yield* balances), accounts.length * opened)
          for (const event of yield* late) {
            const set = taken.find(({ streamId }) => streamId === event.streamId) ?? last
            const waited = DateTime.toEpochMillis(event.recordedAt) - DateTime.toEpochMillis(set.recordedAt)
            assert.isAtLeast(waited, seconds * 1000 - 50)
          }
          assert.strictEqual((yield* late).length, transfers.length / 3)
        }).pipe(Effect.provide(stores))
      }).pipe(Effect.scoped),
    180_000
  )
})
