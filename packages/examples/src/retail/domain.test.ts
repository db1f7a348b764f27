// What orders and credit notes do and refuse.
import { given } from "@evolvent/testing"
import { describe, expect, it } from "vitest"
import { amountOf, CreditNote, Import, Order } from "./domain.ts"
import type { Line } from "./domain.ts"

const invoice = { customerId: "17850", country: "United Kingdom", time: "2010-12-01T08:26:00" }
const line = (quantity: number, price: string): Line => ({
  stockCode: "71053",
  description: "LANTERN",
  quantity,
  price
})
const placed = { _tag: "Placed", invoice } as const
const item = { _tag: "ItemAdded", line: line(6, "2.55"), mills: 15_300 } as const
const completed = { _tag: "Completed", invoice, mills: 15_300 } as const

describe("amountOf", () => {
  it("is exact", () => {
    expect(amountOf(line(3, "0.1"))).toBe(300)
    expect(amountOf(line(1, "1.234"))).toBe(1234)
    expect(amountOf(line(7, "1.1"))).toBe(7700)
    expect(amountOf(line(80_995, "2.08"))).toBe(168_469_600)
    expect(amountOf(line(-2, "4.35"))).toBe(-8700)
    expect(amountOf(line(2000, "0.0005"))).toBe(1000)
  })

  it("is undefined where it is not whole, or too large to add up", () => {
    expect(amountOf(line(1, "0.0005"))).toBeUndefined()
    expect(amountOf(line(1, "1000000000"))).toBe(1_000_000_000_000)
    expect(amountOf(line(1, "1000000000.001"))).toBeUndefined()
    expect(amountOf(line(Number.MAX_SAFE_INTEGER, "999999999999999.999"))).toBeUndefined()
  })
})

describe("Order", () => {
  it("is placed once; the first head counts", () => {
    given(Order).when({ _tag: "Place", invoice }).expect([placed])
    given(Order, [placed])
      .when({ _tag: "Place", invoice: { ...invoice, country: "France" } })
      .expect([])
  })

  it("takes items, free ones too", () => {
    given(Order, [placed])
      .when({ _tag: "AddItem", line: line(6, "2.55") })
      .expect([item])
    given(Order, [placed])
      .when({ _tag: "AddItem", line: line(6, "0") })
      .expect([{ _tag: "ItemAdded", line: line(6, "0"), mills: 0 }])
  })

  it("refuses a quantity that is not positive before it looks at the price", () => {
    for (const quantity of [0, -1]) {
      given(Order, [placed])
        .when({ _tag: "AddItem", line: line(quantity, "-1") })
        .expectRejection("QuantityNotPositive", { quantity })
    }
    given(Order, [placed])
      .when({ _tag: "AddItem", line: line(1, "-0.5") })
      .expectRejection("PriceNegative", { price: "-0.5" })
    given(Order, [placed])
      .when({ _tag: "AddItem", line: line(1, "0.0005") })
      .expectRejection("AmountNotExact")
  })

  it("is completed with an item, and not without", () => {
    given(Order, [placed, item]).when({ _tag: "Complete" }).expect([completed])
    given(Order, [placed]).when({ _tag: "Complete" }).expectRejection("NothingOrdered")
    given(Order, [placed, item, completed]).when({ _tag: "Complete" }).expect([])
  })

  it("takes late items, and says what they brought", () => {
    given(Order, [placed, item, completed])
      .when({ _tag: "AddItem", line: line(1, "1.5") })
      .expect([
        { _tag: "ItemAdded", line: line(1, "1.5"), mills: 1500 },
        { _tag: "Amended", invoice, mills: 1500 }
      ])
      .expectState({ _tag: "Completed", invoice, items: 2, mills: 16_800 })
  })

  it("does nothing before it is placed", () => {
    given(Order).when({ _tag: "Complete" }).expectRejection("NotPlaced")
    given(Order)
      .when({ _tag: "AddItem", line: line(1, "1") })
      .expectRejection("NotPlaced")
  })
})

describe("CreditNote", () => {
  const issued = { _tag: "Issued", invoice } as const

  it("is issued once, and each line gives money back", () => {
    given(CreditNote).when({ _tag: "Issue", invoice }).expect([issued])
    given(CreditNote, [issued]).when({ _tag: "Issue", invoice }).expect([])
    given(CreditNote, [issued])
      .when({ _tag: "AddLine", line: line(6, "2.55") })
      .expect([{ _tag: "LineCredited", invoice, line: line(6, "2.55"), mills: 15_300 }])
  })

  it("refuses a quantity that is not positive", () => {
    given(CreditNote, [issued])
      .when({ _tag: "AddLine", line: line(0, "1") })
      .expectRejection("QuantityNotPositive", { quantity: 0 })
    given(CreditNote)
      .when({ _tag: "AddLine", line: line(1, "1") })
      .expectRejection("NotIssued")
  })
})

describe("Import", () => {
  it("records rejected rows, and one skip", () => {
    const rejected = { kind: "order", reason: "PriceNegative", line: line(1, "-1") } as const
    given(Import)
      .when({ _tag: "RejectRow", ...rejected })
      .expect([{ _tag: "RowRejected", ...rejected }])
    given(Import)
      .when({ _tag: "Skip", reason: "Adjustment" })
      .expect([{ _tag: "Skipped", reason: "Adjustment" }])
    given(Import, [{ _tag: "Skipped", reason: "Adjustment" }])
      .when({ _tag: "Skip", reason: "Adjustment" })
      .expect([])
  })
})
