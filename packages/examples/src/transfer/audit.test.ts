// The audit of a transfer: from what somebody asked for through every account and back, whatever came of it.
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Audit, EventFilter, EventStore, Memory, Metadata, Processor, StreamName } from "evolvent"
import { open, transfer, Transfers } from "./app.ts"
import { Account, Request, Transfer } from "./domain.ts"
import { Outcomes } from "./projections.ts"

const InMemory = Layer.provideMerge(Transfers, Memory.layer)

const first = (stream: StreamName.StreamName) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    Effect.map(Stream.runCollect(store.read(EventFilter.stream(stream))), (events) => events[0])
  )

/** What a request led to, in words. */
const storyOf = Effect.fnUntraced(function* (id: string) {
  const stream = StreamName.make(Request.name, id)
  const asked = (yield* first(stream)) ?? expect.fail("nobody asked")
  const tree = yield* Audit.tree(asked.id, { stream })
  return Audit.render(tree, { line: ({ metadata, stream, type }) => `${stream} ${type} ${metadata.actor}` }).split("\n")
})

const transferred = (id: string, from: string, to: string, amount: number) =>
  Effect.gen(function* () {
    yield* open("ada", 100)
    yield* open("bob", 0)
    yield* transfer(id, { from, to, amount }).pipe(Metadata.provide({ actor: "ada" }))
    return yield* storyOf(id)
  }).pipe(Effect.provide(InMemory))

describe("the audit of a transfer", () => {
  it.live("from the request over the process and both accounts to its answer", () =>
    Effect.gen(function* () {
      expect(yield* transferred("t", "ada", "bob", 60)).toEqual([
        "Request-t Asked ada ◀",
        "└─ Transfer-t Started ada",
        "   └─ Account-ada Reserved ada",
        "      └─ Transfer-t MoneyTaken ada",
        "         └─ Account-bob Credited ada",
        "            └─ Transfer-t Completed ada",
        "               └─ Request-t Answered ada"
      ])
    })
  )

  it.live("what an account refused is caused by what the process had asked of it", () =>
    Effect.gen(function* () {
      expect(yield* transferred("t", "ada", "bob", 500)).toEqual([
        "Request-t Asked ada ◀",
        "└─ Transfer-t Started ada",
        "   └─ Transfer-t Failed ada",
        "      └─ Request-t Answered ada"
      ])
      expect(yield* transferred("t", "ada", "eve", 30)).toEqual([
        "Request-t Asked ada ◀",
        "└─ Transfer-t Started ada",
        "   └─ Account-ada Reserved ada",
        "      └─ Transfer-t MoneyTaken ada",
        "         └─ Transfer-t GaveBack ada",
        "            └─ Account-ada Refunded ada",
        "               └─ Transfer-t Failed ada",
        "                  └─ Request-t Answered ada"
      ])
    })
  )

  it.effect("a deadline is caused by the event that set it", () =>
    Effect.gen(function* () {
      // Who alone knows nothing of the first account: it is silent.
      const silent = { ...Transfer, dispatch: withoutCommands(Transfer.dispatch) }
      const Live = Layer.merge(
        Processor.layer(Processor.manager(silent)),
        Processor.layer(Processor.projection(Outcomes))
      ).pipe(Layer.provideMerge(Memory.layer))
      yield* Effect.gen(function* () {
        const { position } = yield* Aggregate.execute(Request, "t", { _tag: "Ask", from: "ada", to: "bob", amount: 1 })
        yield* Processor.waitFor(Processor.manager(silent), position)
        while ((yield* storyOf("t")).length < 3) yield* TestClock.adjust("1 second")
        expect(yield* storyOf("t")).toEqual([
          "Request-t Asked undefined ◀",
          "└─ Transfer-t Started undefined",
          "   └─ Transfer-t GaveUp undefined"
        ])
      }).pipe(Effect.provide(Live))
    })
  )

  it.live("of forty at once each tree holds what is of its transfer, and the trees hold all that happened", () =>
    Effect.gen(function* () {
      for (const id of ["ada", "bob"]) yield* open(id, 1000)
      const ids = Array.from({ length: 40 }, (_, n) => `t-${n}`)
      const money = (n: number) => ({
        from: n % 2 === 0 ? "ada" : "bob",
        to: n % 5 === 0 ? "eve" : "bob",
        amount: 10 + n
      })
      yield* Effect.forEach(ids, (id, n) => transfer(id, money(n)), { concurrency: "unbounded" })
      const store = yield* EventStore.EventStore
      const all = yield* Stream.runCollect(store.read(EventFilter.all()))
      const trees = Audit.forest(all)
      const opened = trees.filter(({ event }) => event.type === "Opened")
      expect([trees.length, opened.length]).toEqual([42, 2])
      // Each request has the same command id, in a stream of its own, and begins a conversation of its own.
      expect(new Set(trees.map(({ event }) => event.metadata.correlationId)).size).toBe(42)
      for (const { effects, event } of trees) {
        if (event.type === "Opened") continue
        const found = yield* Audit.tree(event.id, { stream: event.stream })
        expect([found.effects, found.causes, found.missing]).toEqual([effects, [], undefined])
        const below = flat(effects)
        expect(below.at(-1)?.stream).toBe(event.stream)
        for (const one of below) {
          const of = one.category === Account.name ? (one.data as { readonly transfer: string }).transfer : one.streamId
          expect([of, one.metadata.correlationId]).toEqual([event.streamId, event.metadata.correlationId])
        }
      }
    }).pipe(Effect.provide(InMemory))
  )
})

const flat = (nodes: ReadonlyArray<Audit.Node>): ReadonlyArray<Audit.Node["event"]> =>
  nodes.flatMap(({ effects, event }) => [event, ...flat(effects)])

const withoutCommands =
  (dispatch: typeof Transfer.dispatch): typeof Transfer.dispatch =>
  (...given) =>
    dispatch(...given).filter(({ _tag }) => _tag !== "Command")
