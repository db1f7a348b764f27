// An inbox around SQL of the application's own: a message delivered again leaves one row, whatever was killed.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Bus from "evolvent/Bus"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { count, serve, until } from "./support/AppendStore.ts"

const { open } = await serve()

const message = (n: number): Bus.Message => ({
  id: EventId.derive("message", String(n), 0),
  key: "Order-1",
  category: "Order",
  type: "Placed",
  schemaVersion: 1,
  stream: StreamName.make("Order", "1"),
  revision: Revision.make(n),
  data: n,
  metadata: {}
})

it("what a handler inserts is there once: killed behind it, delivered again, raced for", async () => {
  const store = await open()
  const { run, sql } = store
  await run(
    Effect.gen(function* () {
      yield* sql`CREATE TABLE invoices (n int NOT NULL)`
      let begun = 0
      const hangs = yield* Bus.inbox("billing", ({ revision }) =>
        Effect.gen(function* () {
          yield* sql`INSERT INTO invoices (n) VALUES (${revision})`
          begun += 1
          return yield* Effect.never
        })
      )
      const fiber = yield* Effect.forkScoped(hangs(message(0)))
      yield* until(
        "the handler hangs",
        Effect.sync(() => begun === 1)
      )
      yield* Fiber.interrupt(fiber)
      const inserts = Bus.inbox("billing", ({ revision }) => sql`INSERT INTO invoices (n) VALUES (${revision})`)
      const handlers = yield* Effect.all([inserts, inserts, inserts])
      for (const n of [0, 1, 0, 2, 1]) {
        yield* Effect.forEach(handlers, (handle) => handle(message(n)), { concurrency: 3 })
      }
      expect(yield* count(store, "SELECT count(*)::int FROM invoices")).toBe(3)
      expect(yield* count(store, "SELECT count(DISTINCT n)::int FROM invoices")).toBe(3)
      yield* sql`DROP TABLE invoices`
    })
  )
})

it("a handler that hides a failed statement does not commit, and does not hang", async () => {
  const { run, sql } = await open()
  await run(
    Effect.gen(function* () {
      let calls = 0
      const handle = yield* Bus.inbox("billing", () =>
        Effect.suspend(() => {
          calls += 1
          return calls === 1 ? Effect.ignore(sql`SELECT * FROM nowhere`) : Effect.void
        })
      )
      const error = yield* Effect.flip(Effect.timeout(handle(message(0)), "5 seconds"))
      expect([error._tag, calls]).toEqual(["BusError", 1])
      yield* handle(message(0))
      yield* handle(message(0))
      expect(calls).toBe(2)
    })
  )
})
