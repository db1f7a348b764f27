// Live queries on their own: processors of other processes, many rows at once, and what cannot be understood.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import type { EventFilter } from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as remade from "../src/internal/readModelRemade.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { ReadModelStore } from "../src/ReadModelStore.ts"
import * as StreamName from "../src/StreamName.ts"

const tally = (amount: Schema.Codec<number, number | string>) => {
  const Tally = Aggregate.make("Tally", {
    command: Schema.TaggedUnion({ Count: {} }),
    event: Schema.TaggedUnion({ Counted: { amount }, Cleared: {} }),
    state: Schema.Null,
    initial: null
  })({ decide: () => [], evolve: (state) => state })
  return Projection.make("tallies", { from: [Tally], row: Schema.Struct({ total: Schema.Int }) })({
    create: { Counted: ({ amount }) => ({ total: amount }) },
    evolve: { Counted: ({ total }, { amount }) => ({ total: total + amount }), Cleared: () => Projection.remove }
  })
}
const Tallies = tally(Schema.Int)

const append = (id: string, ...events: ReadonlyArray<number | string>) =>
  Effect.flatMap(EventStore, (store) =>
    store.append(
      StreamName.make("Tally", id),
      events.map((amount) =>
        amount === "clear" ? { type: "Cleared", data: {} } : { type: "Counted", data: { amount } }
      )
    )
  )

const running = Effect.forkScoped(Processor.run(Processor.projection(Tallies)), { startImmediately: true })

const handled = Effect.gen(function* () {
  const store = yield* EventStore
  yield* Processor.waitFor(Tallies, yield* store.head)
})

const beginning = { after: Position.beginning }

const told = ({ key, row }: ReadModel.Change<{ readonly total: number }>) => `${key} ${row?.total ?? "gone"}`

/** Collects changes beside a program. */
const collect = Effect.fnUntraced(function* <A, E, R>(changes: Stream.Stream<A, E, R>) {
  const got: Array<A> = []
  yield* Effect.forkScoped(
    Stream.runForEach(changes, (change) => Effect.sync(() => got.push(change))),
    { startImmediately: true }
  )
  return got
})

const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* Effect.sleep(1)
  })

describe("changes", () => {
  it.live("of a processor in another process are found without being woken", () =>
    Effect.gen(function* () {
      const checkpoints = yield* CheckpointStore
      const elsewhere: CheckpointStore["Service"] = {
        ...checkpoints,
        watch: () => Effect.succeed(Effect.never),
        isAnnounced: () => Effect.succeed(false)
      }
      yield* running
      const changes = ReadModel.changes(Tallies, "a").pipe(Stream.provideService(CheckpointStore, elsewhere))
      const got = yield* collect(changes)
      yield* until(() => got.length === 1)
      for (let n = 1; n <= 3; n++) {
        yield* append("a", 1)
        yield* until(() => got.at(-1)?.row?.total === n)
      }
    }).pipe(Effect.provide(Memory.layer))
  )

  it.live("of more rows than are kept ahead of the log are all told, each once", () =>
    Effect.gen(function* () {
      const keys = Array.from({ length: 1700 }, (_, n) => `k${n}`)
      for (const round of [1, 2]) for (const key of keys) yield* append(key, round)
      yield* running
      yield* handled
      const changes = ReadModel.changes(Tallies, beginning)
      const got = yield* Stream.runCollect(Stream.take(changes, keys.length))
      expect(got.map(told)).toEqual(keys.map((key) => `${key} 3`))
      expect(got.map(({ position }) => position)).toEqual(got.map(({ position }) => position).toSorted((a, b) => a - b))
    }).pipe(Effect.provide(Memory.layer))
  )

  it.live("of a row that is newer each time it is read are told all the same", () =>
    Effect.gen(function* () {
      const services = yield* Effect.context<EventStore | CheckpointStore>()
      const rows = yield* ReadModelStore
      const some = Array.from({ length: 600 }, () => 1)
      let rounds = 0
      const write = Effect.suspend(() =>
        rounds > 12 ? Effect.void : Effect.orDie(Effect.andThen(append("a", ...some), handled))
      ).pipe(Effect.provideContext(services))
      // What is read is ahead of the log that the stream has seen, and the log goes on behind it.
      const get: typeof rows.get = (table, keys) =>
        Effect.suspend(() => {
          rounds += 1
          return Effect.andThen(write, Effect.tap(rows.get(table, keys), write))
        })
      yield* running
      yield* append("a", ...some)
      yield* handled
      const changes = ReadModel.changes(Tallies, beginning).pipe(
        Stream.provideService(ReadModelStore, { ...rows, get })
      )
      const got = yield* collect(Stream.map(changes, told))
      yield* until(() => got.length >= 6 && rounds < 12)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.live("of a key without a row are told once as gone, and as often as it goes", () =>
    Effect.gen(function* () {
      yield* running
      yield* append("a", "clear")
      yield* append("b", "clear")
      yield* handled
      const all = yield* collect(Stream.map(ReadModel.changes(Tallies, beginning), told))
      yield* until(() => all.length === 2)
      expect(all).toEqual(["a gone", "b gone"])
      const one = yield* collect(Stream.map(ReadModel.changes(Tallies, "a"), told))
      const step = Effect.fnUntraced(function* (event: number | string, expected: ReadonlyArray<string>) {
        yield* append("a", event)
        yield* handled
        yield* Effect.sleep(5)
        yield* until(() => one.length === expected.length)
        expect(one).toEqual(expected)
      })
      yield* step("clear", ["a gone"])
      yield* step(7, ["a gone", "a 7"])
      yield* step("clear", ["a gone", "a 7", "a gone"])
      yield* step("clear", ["a gone", "a 7", "a gone"])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.live("of a row that is made of one stream are read from that stream", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const filters: Array<EventFilter> = []
      const subscribe: typeof store.subscribe = (filter, options) => {
        filters.push(filter)
        return store.subscribe(filter, options)
      }
      const first = (of: string | undefined, count: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* collect(
              ReadModel.changes(Tallies, of).pipe(Stream.provideService(EventStore, { ...store, subscribe }))
            )
            yield* until(() => filters.length === count)
            return filters.splice(0)
          })
        )
      // Besides, what is written down of rows that change without an event of theirs.
      expect(yield* first("a", 2)).toEqual([{ _tag: "Stream", stream: "Tally-a" }, remade.filter])
      expect(yield* first("", 1)).toEqual([remade.and(Tallies.filter)])
      expect(yield* first(undefined, 1)).toEqual([remade.and(Tallies.filter)])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.live("fail at an event that only the processor understands, once that has handled it", () =>
    Effect.gen(function* () {
      const newer = tally(Schema.Union([Schema.Int, Schema.NumberFromString]))
      yield* append("a", 1, 2, "3", 4)
      const got: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Effect.flip(
          Stream.runForEach(ReadModel.changes(Tallies, beginning), (change) =>
            Effect.sync(() => got.push(told(change)))
          )
        ),
        { startImmediately: true }
      )
      const stopped = yield* Effect.flip(Processor.run(Processor.projection(Tallies)))
      expect(stopped.position).toBe(3)
      yield* until(() => got.length > 0)
      expect(got).toEqual(["a 3"])
      yield* Effect.forkScoped(Processor.run(Processor.projection(newer)))
      const error = yield* Fiber.join(fiber)
      expect(error.reason._tag).toBe("UndecodableEvent")
      expect(got).toEqual(["a 3"])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.live("fail at a row that no longer decodes", () =>
    Effect.gen(function* () {
      const rows = yield* ReadModelStore
      yield* rows.apply(Tallies.table, [{ key: "a", position: Position.make(1), row: '{"sum":1}', index: {} }])
      const error = yield* Effect.flip(Stream.runDrain(ReadModel.changes(Tallies, "a")))
      expect(error.message).toContain('ReadModel.changes: The row "a" of projection "tallies" cannot be decoded')
    }).pipe(Effect.provide(Memory.layer))
  )
})
