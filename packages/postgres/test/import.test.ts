// A store that was copied to PostgreSQL: read by time, beside those who append meanwhile, and past projections of its appends.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { serve } from "./support/AppendStore.ts"

const { open } = await serve()
const then = Date.parse("2019-03-01T12:00:00.007Z")

/** Events of some streams in turn, a second apart. */
const several = (count: number, from = 0) =>
  Effect.runPromise(
    Effect.forEach(Array.from({ length: count }).keys(), (i) =>
      Effect.map(EventId.generate, (id): EncodedRecorded => {
        const n = from + i
        return {
          id,
          stream: StreamName.make("Account", String(n % 7)),
          category: "Account",
          revision: Revision.make(Math.floor(n / 7)),
          position: Position.make(n + 1),
          type: "Counted",
          schemaVersion: 1,
          data: `{"n": ${n}, "exact": 12345678901234567890.10}`,
          metadata: "{}",
          recordedAt: then + 1000 * n
        }
      })
    )
  )

it("keeps texts and times to the digit, and is read from any time", async () => {
  const { run } = await open()
  const events = await several(500)
  await run(
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.importEncoded({ events, behind: Position.beginning })
      const found = yield* Stream.runCollect(store.readEncoded(EventFilter.all()))
      expect(found.map(({ data, recordedAt }) => [data, recordedAt])).toEqual(
        events.map(({ data, recordedAt }) => [data, recordedAt])
      )
      const read = (time: number, direction: "forwards" | "backwards") =>
        Effect.map(
          Stream.runCollect(
            store.read(EventFilter.all(), { from: { time: DateTime.makeUnsafe(time) }, direction, limit: 2 })
          ),
          (list) => list.map(({ data }) => (data as { readonly n: number }).n)
        )
      expect(yield* read(then + 300_000, "forwards")).toEqual([300, 301])
      expect(yield* read(then + 300_000, "backwards")).toEqual([300, 299])
      expect(yield* read(then - 1, "backwards")).toEqual([])
    })
  )
})

it("waits for an append that is not through, and then finds that the log went on", async () => {
  const { run, sql } = await open()
  const events = await several(10)
  await run(
    Effect.gen(function* () {
      const store = yield* EventStore
      const other = StreamName.make("Order", "1")
      // Within a transaction that takes its time, and has drawn its position.
      const slow = yield* Effect.forkScoped(
        sql.withTransaction(
          Effect.andThen(store.append(other, [{ type: "Placed", data: {} }]), Effect.sleep("400 millis"))
        )
      )
      yield* Effect.sleep("150 millis")
      const outcome = yield* store.importEncoded({ events, behind: Position.beginning })
      expect(outcome._tag).toBe("Moved")
      yield* Fiber.join(slow)
      expect(yield* Stream.runCollect(store.read(EventFilter.all()))).toHaveLength(1)
    })
  )
})

it("is followed without a gap while pages come and others append", async () => {
  const { run } = await open()
  const events = await several(1400)
  await run(
    Effect.gen(function* () {
      const store = yield* EventStore
      const seen: Array<string> = []
      const follower = yield* Effect.forkScoped(
        Stream.runForEach(store.subscribe(EventFilter.all()), (page) =>
          Effect.sync(() => page.events.forEach(({ id }) => seen.push(id)))
        )
      )
      const appended = yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 60 }).keys(), (n) =>
          store.append(StreamName.make("Order", String(n)), [{ type: "Placed", data: {} }])
        )
      )
      for (let i = 0; i < events.length;) {
        const page = events.slice(i, i + 100)
        const outcome = yield* store.importEncoded({ events: page, behind: yield* store.head })
        if (outcome._tag === "Imported") i += 100
        expect(outcome._tag).not.toBe("Misplaced")
      }
      yield* Fiber.join(appended)
      const all = yield* Stream.runCollect(store.read(EventFilter.all()))
      expect(all).toHaveLength(1460)
      while (seen.length < all.length) yield* Effect.sleep("10 millis")
      expect(seen).toEqual(all.map(({ id }) => id))
      yield* Fiber.interrupt(follower)
    })
  )
}, 60_000)
