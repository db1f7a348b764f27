// The events that all peers store: their size, and the sum by which a reader proves that it read all of them.
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { dataAt, Ledger, sumOfAmounts, typeAt } from "../src/ledger.ts"

describe("the ledger's events", () => {
  it("are about 200 bytes of JSON, which the Schema understands", () => {
    for (const n of [0, 1, 123_456, 9_999_999]) {
      const size = JSON.stringify(dataAt(n)).length
      expect(size).toBeGreaterThan(180)
      expect(size).toBeLessThan(220)
      expect(Result.isSuccess(Ledger.codecs.event.decode(typeAt(n), 1, dataAt(n)))).toBe(true)
    }
  })

  it("sum up as sumOfAmounts says", () => {
    for (const count of [0, 1, 9_999, 10_000, 10_001, 25_000]) {
      let sum = 0
      for (let n = 0; n < count; n++) sum += dataAt(n).amount
      expect(sumOfAmounts(count)).toBe(sum)
    }
  })
})
