// Rows of an invoice file: exact money, real dates, and an identity that does not depend on the file.
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import * as Row from "./row.ts"

const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country".split(",")
const good = ["536365", "85123A", "HOLDER", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "United Kingdom"]

const reader = () => Result.getOrThrow(Row.reader(header))
const read = (change: Readonly<Record<string, string>> = {}, readRow = reader()) =>
  readRow(header.map((name, i) => change[name] ?? (good[i] as string)))
const row = (change: Readonly<Record<string, string>> = {}, readRow = reader()) =>
  Result.getOrThrow(read(change, readRow))
const problem = (change: Readonly<Record<string, string>>) => {
  const result = read(change)
  return Result.isFailure(result) ? result.failure : undefined
}

describe("row", () => {
  it("reads what the domain takes", () => {
    expect(row()).toEqual({
      invoiceNo: "536365",
      kind: "order",
      invoice: { customerId: "17850", country: "United Kingdom", time: "2010-12-01T08:26:00" },
      line: { stockCode: "85123A", description: "HOLDER", quantity: 6, price: "2.55" },
      id: expect.stringMatching(/^012ca109-c1c0-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    })
  })

  it("knows the kind of an invoice by its first character", () => {
    expect(row({ InvoiceNo: "C536379", Quantity: "-1" })).toMatchObject({ kind: "creditNote", line: { quantity: 1 } })
    expect(row({ InvoiceNo: "A563185" }).kind).toBe("adjustment")
    expect(row({ InvoiceNo: "c536379" }).kind).toBe("adjustment")
  })

  it("brings prices to their shortest form", () => {
    const prices = { "2.10": "2.1", "0.0": "0", "-0.00": "0", "007": "7", ".5": "0.5", "+3.": "3", "-1.250": "-1.25" }
    for (const [text, price] of Object.entries(prices)) expect(row({ UnitPrice: text }).line.price).toBe(price)
  })

  it("takes a price finer than a mill when the amount is whole", () => {
    expect(row({ UnitPrice: "0.0005", Quantity: "2000" }).line.price).toBe("0.0005")
    expect(problem({ UnitPrice: "0.0005", Quantity: "1" })).toBe(
      "1 × 0.0005 is no whole number of mills, or more than a billion pounds"
    )
  })

  it("says what is wrong with a row", () => {
    expect(problem({ InvoiceNo: " " })).toBe(`InvoiceNo is " ", not a number`)
    for (const text of ["", "six", "1.5", "1e3", "9007199254740993"]) {
      expect(problem({ Quantity: text })).toBe(`Quantity is ${JSON.stringify(text)}, not a whole number`)
    }
    for (const text of ["", ".", "1,5", "1e3", "NaN", "£2.55", "--1", "1234567890123456"]) {
      expect(problem({ UnitPrice: text })).toBe(`UnitPrice is ${JSON.stringify(text)}, not a decimal number`)
    }
    for (const text of [
      "",
      "yesterday",
      "2010-02-30 08:26:00",
      "2010-13-01 08:26:00",
      "2010-12-01 24:00:00",
      "1/12/2010 8:26"
    ]) {
      expect(problem({ InvoiceDate: text })).toContain("InvoiceDate is ")
    }
    expect(problem({ Description: "a\u0000b" })).toBe("it holds the NUL character")
    expect(problem({ UnitPrice: "1000000000", Quantity: "2" })).toContain("more than a billion pounds")
  })

  it("finds its columns by name, wherever they stand", () => {
    const turned = Result.getOrThrow(Row.reader([...header.toReversed(), "Remark"]))
    expect(row({}, (fields) => turned([...fields.toReversed(), "x"]))).toEqual(row())
    expect(Row.reader(["InvoiceNo", "StockCode"])).toEqual(
      Result.fail("its first line lacks the columns Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country")
    )
  })

  it("gives the same row the same id in every file, and like rows of one file different ones", () => {
    const [one, other] = [reader(), reader()]
    const ids = [row({}, one).id, row({}, one).id]
    expect(new Set(ids).size).toBe(2)
    expect([row({ UnitPrice: "2.550" }, other).id, row({ CustomerID: "17850" }, other).id]).toEqual(ids)
    for (const change of [
      { InvoiceNo: "1" },
      { StockCode: "x" },
      { Description: "x" },
      { Quantity: "7" },
      { Country: "x" }
    ]) {
      expect(ids).not.toContain(row(change).id)
    }
  })
})
