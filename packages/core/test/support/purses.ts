// purses: an aggregate behind a cache of states, and a store that tells what it was asked.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../src/Aggregate.ts"
import { EventStore } from "../../src/EventStore.ts"
import type { EventStoreError } from "../../src/EventStoreError.ts"
import * as Memory from "../../src/Memory.ts"
import * as StreamName from "../../src/StreamName.ts"

export const define = (factor = 1) =>
  Aggregate.make("Purse", {
    command: Schema.TaggedUnion({
      Put: { coins: Schema.Int },
      Take: { coins: Schema.Int },
      Fill: { upTo: Schema.Int }
    }),
    event: Schema.TaggedUnion({
      In: { coins: Schema.Int.check(Schema.isGreaterThan(0)) },
      Out: { coins: Schema.Int }
    }),
    state: Schema.Struct({ coins: Schema.Int, last: Schema.Array(Schema.Int) }),
    initial: { coins: 0, last: [] }
  })({
    decide: {
      Put: ({ coins }) => [{ _tag: "In", coins }],
      Take: ({ coins }, state) => (coins > state.coins ? Result.fail("too little" as const) : [{ _tag: "Out", coins }]),
      Fill: ({ upTo }, state) => (state.coins === upTo ? [] : [{ _tag: "In", coins: upTo - state.coins }])
    },
    evolve: {
      In: (state, { coins }) => ({ coins: state.coins + factor * coins, last: [...state.last, coins].slice(-3) }),
      Out: (state, { coins }) => ({ ...state, coins: state.coins - coins })
    }
  })

export const Purse = define()
export const put = (coins: number, id = "a") => Aggregate.execute(Purse, id, { _tag: "Put", coins })
export const take = (coins: number) => Aggregate.execute(Purse, "a", { _tag: "Take", coins })
export const fill = (upTo: number) => Aggregate.execute(Purse, "a", { _tag: "Fill", upTo })
export const coins = Effect.map(Aggregate.load(Purse, "a"), ({ state }) => state.coins)

/** What the store was asked, in order, and what happens on the way; others append to it without the cache knowing. */
export const asked: Array<string> = []
export const way: { behind: Effect.Effect<void, EventStoreError>; before: Effect.Effect<void> } = {
  behind: Effect.void,
  before: Effect.void
}
const watched = Layer.effect(
  EventStore,
  Effect.map(EventStore, (store): EventStore["Service"] => ({
    ...store,
    history: (stream, take, options) => {
      asked.push(`history ${options?.from}`)
      return Effect.tap(store.history(stream, take, options), () => way.before)
    },
    find: (stream, id) =>
      Effect.andThen(
        Effect.sync(() => asked.push("find")),
        store.find(stream, id)
      ),
    append: (stream, events, options) =>
      Effect.andThen(
        Effect.sync(() => asked.push(`append ${options?.expected}`)),
        Effect.tap(store.append(stream, events, options), () => way.behind)
      )
  }))
).pipe(Layer.provideMerge(Memory.layer))

export const Live = Layer.mergeAll(watched, Aggregate.layerCache({ capacity: 3, timeToLive: "1 minute" }))
export const stream = StreamName.make("Purse", "a")
export const others = (...events: ReadonlyArray<{ readonly _tag: string; readonly coins: number }>) =>
  EventStore.use((store) =>
    store.append(
      stream,
      events.map(({ _tag, coins }) => ({ type: _tag, data: { coins } }))
    )
  )

export const questions = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    asked.length = 0
    return Effect.map(Effect.result(effect), (result) => [Result.merge(result), [...asked]] as const)
  })
