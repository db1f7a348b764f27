// What the compiler says to mistakes in a question to a read model, and what it infers of the answer.
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import type { CheckpointStore } from "../src/CheckpointStore.ts"
import type { CheckpointStoreError } from "../src/CheckpointStoreError.ts"
import type { EventStore } from "../src/EventStore.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as Position from "../src/Position.ts"
import type { ReadModelStore, ReadModelStoreError } from "../src/ReadModelStore.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { Account, Balances, type BalanceRow, Unindexed } from "./fixtures.ts"

describe("a list", () => {
  test("by a field without an index", () => {
    // @ts-expect-error Object literal may only specify known properties, and 'tags' does not exist in type
    ReadModel.list(Balances, { where: { tags: [] } })
  })

  test("by a wrong value", () => {
    // @ts-expect-error Type 'string' is not assignable to type 'Filter<number> | undefined'.
    ReadModel.list(Balances, { where: { balance: "10" } })
    // @ts-expect-error Type '"opn"' is not assignable to type 'Filter<"open" | "closed"> | undefined'. Did you mean '"open"'?
    ReadModel.list(Balances, { where: { status: "opn" } })
  })

  test("by a wrong bound", () => {
    // @ts-expect-error Type 'string' is not assignable to type 'number'.
    ReadModel.list(Balances, { where: { balance: { gte: "10" } } })
    // @ts-expect-error Type '"opn"' is not assignable to type '"open" | "closed"'. Did you mean '"open"'?
    ReadModel.list(Balances, { where: { status: { in: ["opn"] } } })
  })

  test("by an unknown operator", () => {
    // @ts-expect-error Object literal may only specify known properties, and 'greater' does not exist in type
    ReadModel.list(Balances, { where: { balance: { greater: 10 } } })
  })

  test("in the order of a field without an index", () => {
    // @ts-expect-error Type '"tags"' is not assignable to type '"owner" | "status" | "balance" | "since" | undefined'.
    ReadModel.list(Balances, { orderBy: "tags" })
    // @ts-expect-error Type '"down"' is not assignable to type '"asc" | "desc" | undefined'.
    ReadModel.list(Balances, { orderBy: "balance", direction: "down" })
  })

  test("of a projection without indexes", () => {
    // @ts-expect-error Type '"count"' is not assignable to type '"this projection has no indexes"'.
    ReadModel.list(Unindexed, { orderBy: "count" })
    // @ts-expect-error Type '{ count: number; }' is not assignable to type '"this projection has no indexes"'.
    ReadModel.list(Unindexed, { where: { count: 1 } })
    ReadModel.list(Unindexed, { limit: 10 })
  })

  test("after a text that is no cursor", () => {
    // @ts-expect-error Type 'string' is not assignable to type 'Cursor'.
    ReadModel.list(Balances, { after: "abc" })
    ReadModel.list(Balances, { after: ReadModel.cursor("abc") })
  })

  test("of an aggregate", () => {
    // @ts-expect-error Argument of type 'Aggregate<"Account"...is not assignable to parameter of type 'Projection<string, unknown, string>'.
    ReadModel.list(Account)
  })
})

describe("changes", () => {
  test("after a number that is no position", () => {
    // @ts-expect-error Type 'number' is not assignable to type 'Position'.
    ReadModel.changes(Balances, { after: 7 })
    ReadModel.changes(Balances, { after: Position.make(7) })
  })

  test("of a key that is no text", () => {
    // @ts-expect-error Argument of type '7' is not assignable to parameter of type 'string | { readonly after?: Position | undefined; } | undefined'.
    ReadModel.changes(Balances, 7)
  })

  test("of a key and after a position", () => {
    // @ts-expect-error Object literal may only specify known properties, and 'key' does not exist in type
    ReadModel.changes(Balances, { key: "ada", after: Position.beginning })
  })
})

describe("what is inferred", () => {
  test("only indexed fields can be asked for", () => {
    const asked = ReadModel.list(Balances, {
      where: { owner: "ada", balance: { gte: 10, lt: 50 }, status: { in: ["open"] } },
      orderBy: "balance",
      direction: "desc",
      limit: 20
    })
    expect(asked).type.toBe<
      Effect.Effect<
        ReadModel.Page<typeof BalanceRow.Type>,
        ReadModel.InvalidQuery | ReadModel.InvalidCursor | ReadModelStoreError,
        ReadModelStore
      >
    >()
    expect<keyof NonNullable<ReadModel.ListOptions<typeof BalanceRow.Type, "balance" | "owner">["where"]>>().type.toBe<
      "balance" | "owner"
    >()
  })

  test("a row by its key", () => {
    expect(ReadModel.get(Balances, "ada")).type.toBe<
      Effect.Effect<typeof BalanceRow.Type | undefined, ReadModelStoreError, ReadModelStore>
    >()
  })

  test("how rows change", () => {
    expect(ReadModel.changes(Balances, "ada")).type.toBe<
      Stream.Stream<
        ReadModel.Change<typeof BalanceRow.Type>,
        ReadModelStoreError | CheckpointStoreError | EventStoreError,
        EventStore | CheckpointStore | ReadModelStore
      >
    >()
    expect(ReadModel.changes(Balances)).type.toBe(ReadModel.changes(Balances, { after: Position.beginning }))
    expect<ReadModel.Change<typeof BalanceRow.Type>["row"]>().type.toBe<typeof BalanceRow.Type | undefined>()
  })
})
