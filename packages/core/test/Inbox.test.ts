// The inbox's own part: whose failure is whose. The laws are in the conformance suite.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import * as Bus from "../src/Bus.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import { CheckpointMoved, CheckpointStoreError } from "../src/CheckpointStoreError.ts"
import * as EventId from "../src/EventId.ts"
import { InvalidRequest, Unavailable } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"

const message: Bus.Message = {
  id: EventId.derive("message", "1", 0),
  key: "Order-1",
  category: "Order",
  type: "Placed",
  schemaVersion: 1,
  stream: StreamName.make("Order", "1"),
  revision: Revision.make(0),
  data: {},
  metadata: {}
}

const rows = { writes: "rows" } as const

/** A checkpoint store whose `transact` fails with these, one after the other, and then works. */
const failing = (...errors: ReadonlyArray<CheckpointStoreError>) =>
  Effect.map(CheckpointStore, (whole) => {
    const left = [...errors]
    return CheckpointStore.of({
      ...whole,
      transact: (moves, writes) => {
        const error = left.shift()
        return error === undefined ? whole.transact(moves, writes) : Effect.fail(error)
      }
    })
  })

const gone = new CheckpointStoreError({ operation: "t", reason: new Unavailable({ problem: "gone for a moment" }) })

it.live("a store that does not answer is waited for", () =>
  Effect.gen(function* () {
    let handled = 0
    const handle = yield* Bus.inbox("group", () => Effect.sync(() => (handled += 1)), rows).pipe(
      Effect.provideServiceEffect(CheckpointStore, failing(gone, gone))
    )
    yield* handle(message)
    yield* handle(message)
    expect(handled).toBe(1)
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("what the store refuses for ever is its error", () =>
  Effect.gen(function* () {
    const reason = new InvalidRequest({ problem: "no" })
    const refused = new CheckpointStoreError({ operation: "t", reason })
    const handle = yield* Bus.inbox("group", () => Effect.void, rows).pipe(
      Effect.provideServiceEffect(CheckpointStore, failing(refused))
    )
    const error = yield* Effect.flip(handle(message))
    expect([error._tag, error.operation, error.reason._tag]).toEqual(["BusError", "Bus.inbox", "InvalidRequest"])
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("what the handler fails or dies with is its own, also where a store fails alike", () =>
  Effect.gen(function* () {
    const moved = new CheckpointMoved({ name: "mine", expected: 0, actual: 1 })
    for (const error of [gone, moved]) {
      const handle = yield* Bus.inbox("group", () => Effect.fail(error), rows)
      expect(yield* Effect.flip(handle(message))).toBe(error)
    }
    const dies = yield* Bus.inbox("group", () => Effect.die("a bug"), rows)
    expect(yield* Effect.flip(Effect.sandbox(dies(message)))).toMatchObject({ reasons: [{ defect: "a bug" }] })
  }).pipe(Effect.provide(Memory.layer))
)
