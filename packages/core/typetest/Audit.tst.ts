// What the compiler says to mistakes in an audit, and what it infers of rows as they were.
import * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import * as Audit from "../src/Audit.ts"
import type { Recorded } from "../src/EventData.ts"
import * as EventId from "../src/EventId.ts"
import type { EventStore } from "../src/EventStore.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as Position from "../src/Position.ts"
import * as Projection from "../src/Projection.ts"
import { Balances, type BalanceRow } from "./fixtures.ts"

const position = Position.make(1)
const time = DateTime.makeUnsafe(0)
const id = EventId.make("00000000-0000-7000-8000-000000000000")

describe("a search", () => {
  test("by what nobody writes", () => {
    // @ts-expect-error Object literal may only specify known properties, but 'correlationID' does not exist in type 'Search'
    Audit.by({ correlationID: "1" })
  })

  test("from a position and a time", () => {
    // @ts-expect-error Type 'Utc' is not assignable to type 'undefined'.
    Audit.by({ from: { position, time } })
  })

  test("up to a number", () => {
    // @ts-expect-error Type 'number' is not assignable to type 'Position'.
    Audit.by({ to: { position: 7 } })
  })

  test("gives events as they are stored", () => {
    expect(Audit.by({ actor: "ada", from: { time }, to: { position } })).type.toBe<
      Stream.Stream<Recorded, EventStoreError, EventStore>
    >()
  })
})

describe("a tree", () => {
  test("of any text", () => {
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'EventId'.
    Audit.tree("7")
  })

  test("says what can go wrong", () => {
    expect(Audit.tree(id)).type.toBe<Effect.Effect<Audit.Tree, Audit.EventNotFound | EventStoreError, EventStore>>()
  })

  test("is written down, and so is a forest", () => {
    expect(Audit.render).type.toBeCallableWith({} as Audit.Tree)
    expect(Audit.render).type.toBeCallableWith(Audit.forest([]), { line: ({ type }: Recorded) => type, depth: 3 })
    expect(Audit.render).type.not.toBeCallableWith([{} as Recorded])
  })
})

describe("a read model as it was", () => {
  test("has the rows of its projection", () => {
    expect(Projection.load(Balances, { at: { time }, keys: ["7"] })).type.toBe<
      Effect.Effect<ReadonlyMap<string, BalanceRow>, EventStoreError, EventStore>
    >()
  })

  test("at a revision", () => {
    // @ts-expect-error 'revision' does not exist in type
    Projection.load(Balances, { at: { revision: 3 } })
  })
})
