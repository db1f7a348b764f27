// What the compiler infers of a projection.
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import type { Recorded } from "../src/EventData.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as Projection from "../src/Projection.ts"
import { aBalance, Account, Balances, balanceProtocol, Order, Unindexed } from "./fixtures.ts"
import type { BalanceRow } from "./fixtures.ts"

describe("what is inferred", () => {
  test("the projection", () => {
    expect(Balances).type.toBe<
      Projection.Projection<"balances", BalanceRow, "balance" | "owner" | "since" | "status">
    >()
    expect(Unindexed).type.toBe<Projection.Projection<"unindexed", { readonly count: number }, never>>()
  })

  test("handlers without arguments keep their literals", () => {
    const Statuses = Projection.make("statuses", {
      from: [Account],
      row: Schema.Struct({ status: Schema.Literals(["open", "closed"]) })
    })({
      create: { Opened: () => ({ status: "open" }) },
      evolve: { Closed: () => ({ status: "closed" }) }
    })
    expect(Statuses).type.toBe<Projection.Projection<"statuses", { readonly status: "closed" | "open" }, never>>()
  })

  test("category and then type narrow a stored event", () => {
    Projection.make("activity", {
      from: [Account, Order],
      row: Schema.Struct({ count: Schema.Int, lastBy: Schema.String }),
      key: (event) => {
        if (event.category === "Order") {
          if (event.type === "Closed") {
            expect(event.data).type.toBe<{ readonly _tag: "Closed"; readonly by: string }>()
            return event.data.by
          }
          if (event.type === "Created") return [event.data.customer, event.streamId]
        } else if (event.type === "Closed") {
          expect(event.data).type.toBe<{ readonly _tag: "Closed" }>()
        }
        return event.streamId
      },
      initial: { count: 0, lastBy: "" }
    })
  })

  test("what a handler knows of the stored event", () => {
    Projection.make("balances", { ...balanceProtocol, initial: aBalance })({
      evolve: {
        Deposited: (row, event, recorded) => {
          expect(row).type.toBe<BalanceRow>()
          expect(event).type.toBe<{ readonly _tag: "Deposited"; readonly amount: number }>()
          expect(recorded).type.toBe<
            Recorded<{ readonly _tag: "Deposited"; readonly amount: number }, "Account", "Deposited">
          >()
          return row
        }
      }
    })
  })

  test("what folding gives", () => {
    expect(Projection.fold(Balances, [])).type.toBe<Effect.Effect<ReadonlyMap<string, BalanceRow>, EventStoreError>>()
  })
})
