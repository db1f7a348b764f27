// A store that was copied to NATS: read by time though the server's own times are later, killed between messages, and at speed.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { describe, expect, it } from "vitest"
import * as Nats from "../src/Nats.ts"
import { serve } from "./support/served.ts"

const server = await serve()

let stores = 0
const inStore = <A, E>(effect: Effect.Effect<A, E, EventStore>) =>
  Effect.runPromise(Effect.provide(effect, Nats.layer({ servers: server.url, prefix: `import${stores++}` })))

const years = 365 * 86_400_000
const then = Date.now() - 5 * years

/** Events of some streams in turn, a minute apart. */
const several = (count: number) =>
  Effect.forEach(Array.from({ length: count }).keys(), (n) =>
    Effect.map(EventId.generate, (id): EncodedRecorded => {
      const category = n % 2 === 0 ? "Account" : "Order"
      return {
        id,
        stream: StreamName.make(category, String(n % 6)),
        category,
        revision: Revision.make(Math.floor(n / 6)),
        position: Position.make(n + 1),
        type: "Counted",
        schemaVersion: 1,
        data: `{"n":${n}}`,
        metadata: "{}",
        recordedAt: then + 60_000 * n
      }
    })
  )

const numbersOf = (filter: EventFilter.EventFilter, time: number, direction: "forwards" | "backwards", limit = 5) =>
  EventStore.use((store) =>
    Effect.map(
      Stream.runCollect(store.read(filter, { from: { time: DateTime.makeUnsafe(time) }, direction, limit })),
      (events) => events.map(({ data }) => (data as { readonly n: number }).n)
    )
  )

describe("an imported log", () => {
  it("is read from times long before the server had it, and from those since", () =>
    inStore(
      Effect.gen(function* () {
        const store = yield* EventStore
        const events = yield* several(400)
        yield* store.importEncoded({ events, behind: Position.beginning })
        const at = then + 60_000 * 100
        const everything = EventFilter.all()
        const orders = EventFilter.category("Order")
        expect(yield* numbersOf(everything, at, "forwards")).toEqual([100, 101, 102, 103, 104])
        expect(yield* numbersOf(everything, at, "backwards")).toEqual([100, 99, 98, 97, 96])
        expect(yield* numbersOf(orders, at, "backwards")).toEqual([99, 97, 95, 93, 91])
        expect(yield* numbersOf(orders, at - 1, "forwards")).toEqual([101, 103, 105, 107, 109])
        expect(yield* numbersOf(everything, then - 1, "backwards")).toEqual([])
        // What is appended from here on is later than all of them.
        yield* store.append(StreamName.make("Order", "9"), [{ type: "Counted", data: { n: 400 } }])
        expect(yield* numbersOf(everything, Date.now() + 1000, "backwards")).toEqual([400, 399, 398, 397, 396])
        expect(yield* numbersOf(everything, Date.now() - years, "backwards")).toEqual([399, 398, 397, 396, 395])
        expect(yield* numbersOf(everything, Date.now() - years, "forwards")).toEqual([400])
      })
    ))

  it("of which a page was stored in part goes on behind that", () =>
    inStore(
      Effect.gen(function* () {
        const store = yield* EventStore
        const events = yield* several(60)
        const first = yield* store.importEncoded({ events: events.slice(0, 20), behind: Position.beginning })
        const behind = first._tag === "Imported" ? first.last : Position.beginning
        // The same page again, by one who has not heard: its first message is refused, and all behind it.
        const again = yield* store.importEncoded({ events: events.slice(0, 40), behind: Position.beginning })
        expect(again).toEqual({ _tag: "Moved", newest: behind })
        // Two at the same time: one of them, and nothing of the other.
        const both = yield* Effect.forEach([0, 1], () => store.importEncoded({ events: events.slice(20), behind }), {
          concurrency: 2
        })
        expect(both.map(({ _tag }) => _tag).toSorted()).toEqual(["Imported", "Moved"])
        const found = yield* Stream.runCollect(store.readEncoded(EventFilter.all()))
        expect(found.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
      })
    ))

  it("goes on with a stream that had been archived and restored, one message after the other", () =>
    inStore(
      Effect.gen(function* () {
        const store = yield* EventStore
        const events = (yield* several(30)).filter((_, n) => n % 6 === 0)
        const types = ["Counted", "Counted", "$archived", "$restored", "Counted"]
        const restored = events.map((event, n) => ({ ...event, type: types[n] ?? "" }))
        yield* store.importEncoded({ events: restored, behind: Position.beginning })
        const stream = StreamName.make("Account", "0")
        yield* store.append(stream, [{ type: "Counted", data: { n: 5 } }])
        const found: Array<string> = []
        yield* store.history(stream, (history) => Effect.sync(() => found.push(...history.types) > 0))
        expect(found).toEqual([...types, "Counted"])
        const backwards = store.read(EventFilter.stream(stream), { direction: "backwards" })
        const revisions = (yield* Stream.runCollect(backwards)).map(({ revision }) => revision)
        expect(revisions).toEqual([5, 4, 3, 2, 1, 0])
      })
    ))

  it("holds JSON that was written over several lines", () =>
    inStore(
      Effect.gen(function* () {
        const store = yield* EventStore
        const [event] = yield* several(1)
        if (event === undefined) return
        const texts = { data: '{\r\n  "n": 7,\n  "text": "a\\nb"\n}', metadata: '{\n"by":\n"ada"}' }
        yield* store.importEncoded({ events: [{ ...event, ...texts }], behind: Position.beginning })
        const [stored] = yield* Stream.runCollect(store.readEncoded(EventFilter.all()))
        expect(JSON.parse(stored?.data ?? "")).toEqual({ n: 7, text: "a\nb" })
        expect(JSON.parse(stored?.metadata ?? "")).toEqual({ by: "ada" })
        yield* store.append(event.stream, [{ type: "Counted", data: { n: 8 } }])
        expect(yield* numbersOf(EventFilter.stream(event.stream), then - 1, "forwards")).toEqual([7, 8])
      })
    ))
})
