// Executing: what a command id is and is not, whose metadata counts, and names that every object inherits.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as EventId from "../src/EventId.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import { layerPolicy } from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int, note: Schema.optional(Schema.String) } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 }
})({
  decide: { Add: ({ by }, { total }) => (total >= 3 ? [] : [{ _tag: "Added", by }]) },
  evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
})

const add = (by: number, commandId?: string) =>
  Aggregate.execute(Counter, "a", { _tag: "Add", by }, commandId === undefined ? {} : { commandId })

/** A store that lets others run between a read and the append after it. */
const contested = Layer.provideMerge(
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) => ({
      ...store,
      append: (...args: Parameters<typeof store.append>) => Effect.andThen(Effect.yieldNow, store.append(...args))
    }))
  ),
  Memory.layer
)

describe("a command id", () => {
  it.effect("gives racers the first outcome, whatever the retries are", () =>
    Effect.gen(function* () {
      const options = { commandId: "c", retry: Schedule.recurs(0) }
      const race = Aggregate.execute(Counter, "a", { _tag: "Add", by: 1 }, options)
      const outcomes = yield* Effect.all(
        Array.from({ length: 20 }, () => race),
        { concurrency: "unbounded" }
      )
      expect(outcomes.filter(({ repeated }) => !repeated).length).toBe(1)
      for (const outcome of outcomes) expect(outcome).toMatchObject({ revision: 0, events: [{ _tag: "Added", by: 1 }] })
    }).pipe(Effect.provide(contested))
  )

  it.effect.each(["", "x".repeat(256), "\ud800"])("that is no id is refused before anything happens: %j", (commandId) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(add(1, commandId))
      expect(error._tag === "EventStoreError" && error.reason).toMatchObject({ _tag: "InvalidRequest" })
      expect((yield* Aggregate.load(Counter, "a")).revision).toBeUndefined()
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("gives a racer the first outcome also where that was written between its look-up and its load", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const written = yield* Deferred.make<void>()
      let isFirst = true
      const slow: EventStore["Service"] = {
        ...store,
        find: (stream, id) =>
          Effect.tap(store.find(stream, id), () => {
            if (!isFirst) return Effect.void
            isFirst = false
            return Effect.tap(Effect.orDie(add(3, "c")).pipe(Effect.provideService(EventStore, store)), () =>
              Deferred.succeed(written, undefined)
            )
          }),
        history: (...args) => Effect.andThen(Deferred.await(written), store.history(...args))
      }
      const outcome = yield* Effect.provideService(add(3, "c"), EventStore, slow)
      expect(outcome).toMatchObject({ events: [{ _tag: "Added", by: 3 }], revision: 0, repeated: true })
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("does not care whether a field was left out or undefined", () =>
    Effect.gen(function* () {
      yield* add(1, "c")
      const again = Aggregate.execute(Counter, "a", { _tag: "Add", by: 1, note: undefined }, { commandId: "c" })
      expect((yield* again).repeated).toBe(true)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("belongs to its command alone, also where metadata is handed on", () =>
    Effect.gen(function* () {
      yield* add(1, "c")
      const [first] = yield* EventStore.use((store) => Stream.runCollect(store.read(EventFilter.all())))
      yield* add(1).pipe(Metadata.provide(first?.metadata ?? {}))
      expect(yield* add(1, "c")).toMatchObject({ events: [{ by: 1 }], revision: 0, repeated: true })
    }).pipe(Effect.provide(Memory.layer))
  )
})

it.effect("an append whose answer was lost and that was repeated below is this command's own", () =>
  Effect.gen(function* () {
    const repeating = Layer.effect(
      EventStore,
      Effect.map(EventStore, (store) => ({
        ...store,
        append: (...args: Parameters<typeof store.append>) =>
          Effect.andThen(store.append(...args), store.append(...args))
      }))
    ).pipe(Layer.provideMerge(Memory.layer))
    expect(yield* Effect.provide(add(1), repeating)).toMatchObject({ revision: 0, repeated: false })
  })
)

it.effect("a command that was handed another's metadata does not pass for it", () =>
  Effect.gen(function* () {
    yield* add(1).pipe(Metadata.provide({ commandId: "c", commandHash: "h", actor: "ada" }))
    const [event] = yield* EventStore.use((store) => Stream.runCollect(store.read(EventFilter.all())))
    expect(Object.keys(event?.metadata ?? {}).sort()).toEqual(["actor", "correlationId"])
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("one event id is not stored in two streams by one call", () =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const event = { id: yield* EventId.generate, type: "X", data: {} }
    const error = yield* Effect.flip(
      store.appendAll(["1", "2"].map((id) => ({ stream: StreamName.make("A", id), events: [event] })))
    )
    expect(error._tag === "EventStoreError" && error.reason._tag).toBe("InvalidRequest")
    expect(yield* store.head).toBe(0)
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("a read ends although its consumer appends", () =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = StreamName.make("A", "1")
    const one = [{ type: "X", data: {} }]
    yield* store.append(
      stream,
      Array.from({ length: 1200 }, () => ({ type: "X", data: {} }))
    )
    const read = store.read(EventFilter.all()).pipe(Stream.tap(() => store.append(stream, one)))
    expect(yield* Stream.runCount(read)).toBeLessThan(3000)
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("a snapshot is folded from what is stored, not from what decide returned", () =>
  Effect.gen(function* () {
    const Noted = Aggregate.make("Noted", {
      command: Schema.TaggedUnion({ Note: { text: Schema.String } }),
      event: Schema.TaggedUnion({ Noted: {} }),
      state: Schema.Struct({ last: Schema.String }),
      initial: { last: "" }
    })({
      decide: {
        Note: ({ text }) => [JSON.parse(JSON.stringify({ _tag: "Noted", text })) as { readonly _tag: "Noted" }]
      },
      evolve: { Noted: (_, event) => ({ last: "text" in event ? String(event.text) : "" }) }
    })
    yield* Aggregate.execute(Noted, "a", { _tag: "Note", text: "x" })
    yield* Effect.yieldNow
    expect((yield* Aggregate.load(Noted, "a")).state).toEqual({ last: "" })
  }).pipe(Effect.provide(Layer.mergeAll(Memory.layer, layerPolicy({ every: 1 }))))
)

describe("an aggregate", () => {
  it("has no handlers that it did not get", () => {
    for (const _tag of ["toString", "constructor", "__proto__"]) {
      expect(() => Counter.decide({ _tag } as never, { total: 0 })).toThrow(`no decide for the command "${_tag}"`)
    }
  })

  it("is refused when a handler is missing, or is a method of a class", () => {
    class Handlers {
      A() {
        return []
      }
    }
    const define = (decide: object) => () =>
      Aggregate.make("Classy", {
        command: Schema.TaggedUnion({ A: {} }),
        event: Schema.TaggedUnion({ B: {} }),
        state: Schema.Null,
        initial: null
      })({ decide: decide as never, evolve: () => null })
    expect(define(new Handlers())).toThrow('Aggregate "Classy" has no decide for "A": give a plain object')
    expect(define({})).toThrow('has no decide for "A"')
  })

  it.each([
    ["A-B", "the first dash is where the id begins"],
    ["$bus", "the library's own"],
    ["", "the category is empty"]
  ])("is not named %j", (name, problem) => {
    const define = () =>
      Aggregate.make(name, {
        command: Schema.TaggedUnion({ A: {} }),
        event: Schema.TaggedUnion({ B: {} }),
        state: Schema.Null,
        initial: null
      })({ decide: () => [], evolve: () => null })
    expect(define).toThrow(problem)
  })
})
