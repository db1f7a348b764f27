// What a page of events makes of stored rows, as backends use it that keep read models by themselves.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { ReadModelStore } from "../src/ReadModelStore.ts"
import * as StreamName from "../src/StreamName.ts"

const Task = Aggregate.make("Task", {
  command: Schema.TaggedUnion({ Nothing: {} }),
  event: Schema.TaggedUnion({ Added: { title: Schema.String }, Renamed: { title: Schema.String }, Done: {} }),
  state: Schema.Null,
  initial: null
})({ decide: { Nothing: () => [] }, evolve: { Added: () => null, Renamed: () => null, Done: () => null } })

const protocol = { from: [Task], row: Schema.Struct({ title: Schema.String }), indexes: ["title"] } as const
const Tasks = Projection.make(
  "tasks",
  protocol
)({
  create: { Added: ({ title }) => ({ title }) },
  evolve: {
    Renamed: (row, { title }) => {
      if (title === "") throw new Error("no title")
      return { ...row, title }
    },
    Done: () => Projection.remove
  }
})

/** Appends, and gives the rows that all events of the store make of what is kept. */
const changed = (id: string, events: ReadonlyArray<{ readonly type: string; readonly data: Schema.Json }>) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    yield* store.append(StreamName.make("Task", id), events)
    const all = yield* Stream.runCollect(store.read(EventFilter.all()))
    return yield* Projection.changes(Tasks)(yield* ReadModelStore, all)
  })

describe("Projection.changes", () => {
  it.effect("folds what is new into the rows as they are, and gives those that changed", () =>
    Effect.gen(function* () {
      const rows = yield* ReadModelStore
      const first = yield* changed("1", [{ type: "Added", data: { title: "one" } }])
      assert.deepStrictEqual(
        first.map(({ index, key, row }) => [key, row, index]),
        [["1", '{"title":"one"}', { title: "one" }]]
      )
      yield* rows.apply(Tasks.table, first)
      // What a row has seen is passed over, and so is what the projection does not handle or know.
      const next = yield* changed("2", [
        { type: "Painted", data: 3 },
        { type: "Added", data: { title: "two" } }
      ])
      assert.deepStrictEqual(
        next.map(({ key }) => key),
        ["2"]
      )
      yield* rows.apply(Tasks.table, next)
      yield* rows.apply(Tasks.table, yield* changed("1", [{ type: "Done", data: {} }]))
      assert.isUndefined(yield* ReadModel.get(Tasks, "1"))
      assert.deepStrictEqual(yield* ReadModel.get(Tasks, "2"), { title: "two" })
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("names the event that it fails on", () =>
    Effect.gen(function* () {
      const poisoned = changed("1", [
        { type: "Added", data: { title: "one" } },
        { type: "Renamed", data: { title: "" } }
      ])
      const thrown = yield* Effect.flip(poisoned)
      assert.isTrue(thrown._tag === "EventFailed" && thrown.event.revision === 1 && thrown.problem.includes("no title"))
    }).pipe(Effect.provide(Memory.layer))
  )

  it("knows whether a row's key is its stream's id", () => {
    const keyed = Projection.make("keyed", { ...protocol, key: ({ streamId }) => streamId })
    assert.isTrue(Tasks.isKeyedByStream)
    assert.isFalse(keyed({ create: {}, evolve: { Done: () => Projection.remove } }).isKeyedByStream)
  })
})
