// Storms of appends of several processes that lose answers: each event is stored once and in order. What is the same every
// time is in laws/Appends.ts and laws/Claims.ts.
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EventData } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import type { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { serve } from "./support/served.ts"
import { layoutOf, losing, open } from "./support/storing.ts"

const server = await serve()
const layout = layoutOf("append")

const numbered = (n: number, more: Partial<EventData> = {}): EventData => ({ type: "Counted", data: { n }, ...more })

const numbersOf = (store: EventStore["Service"], stream: StreamName.StreamName) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.stream(stream))), (events) =>
    events.map(({ data, revision }) => [revision, (data as { readonly n: number }).n] as const)
  )

/** What a test throws dice with. */
const dice = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state / 2 ** 32
  }
}

it.live("an append whose request or answer is lost is stored once, also beside others on the same stream", () =>
  Effect.gen(function* () {
    const random = dice(7)
    const broken = losing(() => {
      const at = random()
      return at < 0.2 ? "answerLost" : at < 0.3 ? "requestLost" : "sent"
    })
    const stores = yield* Effect.forEach([broken, broken, undefined], (one) => open(server.url, layout, one))
    const stream = StreamName.make("Account", "lossy")
    const acknowledged: Array<number> = []
    yield* Effect.forEach(
      stores,
      (store, who) =>
        Effect.forEach(
          Array.from({ length: 60 }, (_, i) => who * 1000 + i),
          (n) => Effect.map(store.append(stream, [numbered(n)]), ({ revision }) => (acknowledged[revision ?? -1] = n)),
          { discard: true }
        ),
      { concurrency: 3 }
    )
    const [store] = stores
    if (store === undefined) return
    const found = yield* numbersOf(store, stream)
    expect(found.map(([, n]) => n)).toEqual(acknowledged)
    expect(found.length).toBe(180)
    for (const who of [0, 1, 2]) {
      const own = found.map(([, n]) => n).filter((n) => Math.floor(n / 1000) === who)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  })
)

it.live("of racers at one revision one wins, whatever answers are lost, and the others learn where the stream is", () =>
  Effect.gen(function* () {
    const random = dice(3)
    const broken = losing(() => (random() < 0.5 ? "answerLost" : "sent"))
    const stores = yield* Effect.forEach([broken, broken, broken], (one) => open(server.url, layout, one))
    const stream = StreamName.make("Account", "raced")
    for (let n = 0; n < 20; n++) {
      const expected = n === 0 ? ("noStream" as const) : Revision.make(n - 1)
      const ended = yield* Effect.forEach(
        stores,
        (store, who) => Effect.result(store.append(stream, [numbered(10 * n + who)], { expected })),
        { concurrency: 3 }
      )
      expect(ended.filter(({ _tag }) => _tag === "Success").length).toBe(1)
      for (const one of ended) {
        if (one._tag === "Success") expect(one.success).toMatchObject({ revision: n, repeated: false })
        else expect(one.failure).toMatchObject({ _tag: "WrongExpectedRevision", actual: n })
      }
    }
  })
)

it.live("of those who append the same ids at the same time one writes, and all learn where they stand", () =>
  Effect.gen(function* () {
    const random = dice(11)
    const broken = losing(() => (random() < 0.3 ? "answerLost" : "sent"))
    const stores = yield* Effect.forEach([broken, undefined, broken, undefined], (one) => open(server.url, layout, one))
    for (let n = 0; n < 15; n++) {
      const stream = StreamName.make("Twins", String(n % 3))
      const events = [numbered(n, { id: yield* EventId.generate }), numbered(n + 0.5, { id: yield* EventId.generate })]
      const noise = stores[1]?.append(stream, [numbered(-1)]) ?? Effect.void
      const [results] = yield* Effect.all(
        [Effect.forEach(stores, (store) => store.append(stream, events), { concurrency: 4 }), noise],
        { concurrency: 2 }
      )
      expect(new Set(results.map(({ revision }) => revision)).size).toBe(1)
    }
    const [store] = stores
    if (store === undefined) return
    for (const i of [0, 1, 2]) {
      const found = yield* numbersOf(store, StreamName.make("Twins", String(i)))
      expect(found.map(([revision]) => revision)).toEqual(found.map((_, at) => at))
      expect(found.filter(([, n]) => n >= 0).length).toBe(10)
    }
  })
)
