// What a command leaves beside its events, in a transaction of the caller: no snapshot breaks it, and no state of it is kept.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { layerPolicy, SnapshotStore } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { serve, until } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema })
const { run, sql } = store

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 }
})({
  decide: { Add: ({ by }, { total }) => (total + by > 100 ? [] : [{ _tag: "Added", by }]) },
  evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
})

const add = (id: string, by: number) => Aggregate.execute(Counter, id, { _tag: "Add", by })
const total = (id: string) => Effect.map(Aggregate.load(Counter, id), ({ state }) => state.total)
const undo = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flip(sql.withTransaction(Effect.andThen(effect, Effect.fail("undone" as const))))
const snapshot = (id: string) =>
  SnapshotStore.use((snapshots) => snapshots.load(StreamName.make("Counter", id), Counter.codecs.fingerprint))

it("a snapshot that cannot be saved does not break the transaction that its command is part of", () =>
  run(
    Effect.gen(function* () {
      yield* sql.unsafe(`ALTER TABLE "${store.schema}".snapshots ADD CONSTRAINT none CHECK (stream <> 'Counter-a')`)
      const work = Effect.gen(function* () {
        yield* add("a", 1)
        yield* Effect.sleep("50 millis")
        yield* add("a", 2)
      })
      yield* sql.withTransaction(work)
      expect(yield* total("a")).toBe(3)
    }).pipe(Effect.provide(layerPolicy({ every: 1 })))
  ))

it("a snapshot of what was undone changes no answer, and the next ones are taken", () =>
  run(
    Effect.gen(function* () {
      yield* undo(Effect.andThen(add("b", 1), add("b", 2)))
      expect(yield* total("b")).toBe(0)
      yield* add("b", 10)
      expect(yield* total("b")).toBe(10)
      yield* add("b", 10)
      yield* add("b", 10)
      const isThere = Effect.map(snapshot("b"), (one) => one?.revision === 2)
      yield* until("the snapshot is taken", isThere)
      expect(yield* total("b")).toBe(30)
    }).pipe(Effect.provide(layerPolicy({ every: 1 })))
  ))

it("a state that was undone is not kept", () =>
  run(
    Effect.gen(function* () {
      yield* add("c", 1)
      yield* undo(Effect.andThen(add("c", 50), total("c")))
      // Another event stands where the undone one would have stood.
      yield* Effect.promise(() => stranger.run(add("c", 2)))
      yield* add("c", 3)
      expect(yield* total("c")).toBe(6)
      expect(yield* sql.withTransaction(Effect.andThen(add("c", 4), total("c")))).toBe(10)
      yield* add("c", 5)
      expect(yield* total("c")).toBe(15)
    }).pipe(Effect.provide(Layer.fresh(Aggregate.layerCache())))
  ))

it("a state that was kept, of a stream that somebody else has gone on with, decides nothing", () =>
  run(
    Effect.gen(function* () {
      yield* add("d", 1)
      yield* Effect.promise(() => stranger.run(add("d", 99)))
      expect((yield* add("d", 1)).events).toEqual([])
      yield* Effect.promise(() => stranger.run(add("d", -50)))
      expect((yield* add("d", 1)).revision).toBe(3)
    }).pipe(Effect.provide(Layer.fresh(Aggregate.layerCache())))
  ))
