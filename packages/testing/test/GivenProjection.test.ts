import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Projection from "evolvent/Projection"
import { events, ExpectationFailed, given, recorded } from "@evolvent/testing"
import { describe, expect, it } from "vitest"
import { Account, Balances } from "./fixtures/account.ts"
import { Names, Order } from "./fixtures/order.ts"

const messageOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof ExpectationFailed || error instanceof TypeError) return error.message
    throw error
  }
  throw new Error("The expectation held.")
}

const at = DateTime.makeUnsafe("2026-01-31T08:00:00Z")
const ada = events(
  Account,
  "7",
  [
    { _tag: "Opened", owner: "ada" },
    { _tag: "Deposited", amount: 3 }
  ],
  { recordedAt: at }
)
const orderId = Schema.decodeSync(Order.schemas.id)("o-1")

describe("given(projection)", () => {
  it("holds for the rows that events make", () => {
    given(Balances, ada)
      .expectRow("7", { owner: "ada", balance: 3, since: at })
      .expectNoRow("8")
      .expectRows({ "7": { owner: "ada", balance: 3, since: DateTime.makeUnsafe("2026-01-31T09:00:00+01:00") } })
    given(Balances, [ada, events(Account, "7", [{ _tag: "Withdrawn", amount: 3 }, { _tag: "Closed" }])]).expectRows({})
    given(Balances).expectRows({})
  })

  it("follows several streams of several aggregates in the order given", () => {
    given(Names, [
      events(Account, "1", [{ _tag: "Opened", owner: "ada" }], { recordedAt: at }),
      events(Order, orderId, [{ _tag: "Created", customer: "ada", at }])
    ])
      .expectRow("ada", { uses: 1, last: DateTime.addDuration(at, "1 second") })
      .expectRow("order o-1", { uses: 1, last: DateTime.addDuration(at, "1 second") })
  })

  it("says which rows there are instead of a missing one", () => {
    expect(messageOf(() => given(Balances, ada).expectRow("8", { owner: "", balance: 0, since: at }))).toBe(
      `Expected a row at "8", found none. There are rows at "7".

given(Balances, [events(Account, "7", [{ _tag: "Opened", owner: "ada" }, { _tag: "Deposited", amount: 3 }])])`
    )
    expect(messageOf(() => given(Balances).expectRow("8", { owner: "", balance: 0, since: at }))).toContain(
      "There are no rows."
    )
  })

  it("shows how a row differs", () => {
    const message = messageOf(() => given(Balances, ada).expectRow("7", { owner: "bo", balance: 3, since: at }))
    expect(message).toContain(`The row at "7" is not the expected one.`)
    expect(message).toContain(`-   owner: "bo",\n+   owner: "ada",\n    balance: 3,`)
    expect(message).toContain(`since: DateTime.makeUnsafe("2026-01-31T08:00:00.000Z"),`)
  })

  it("shows a row that should not be there, and how all rows differ", () => {
    expect(messageOf(() => given(Balances, ada).expectNoRow("7"))).toContain(
      `Expected no row at "7", found { owner: "ada", balance: 3,`
    )
    const message = messageOf(() => given(Balances, ada).expectRows({ "8": { owner: "ada", balance: 3, since: at } }))
    expect(message).toContain(`"balances" has other rows than expected.`)
    expect(message).toMatch(/^- {3}"8": /m)
    expect(message).toMatch(/^\+ {3}"7": /m)
  })

  it("refuses events, ids and rows that no store would take", () => {
    expect(messageOf(() => given(Balances, events(Account, "7", [{ _tag: "Deposited", amount: -1 }])))).toContain(
      `events(Account, "7", …): no Deposited like that can be stored`
    )
    expect(messageOf(() => events(Order, "x" as never, []))).toContain("the id cannot be one of Order")
    const Debts = Projection.make("debts", {
      from: [Account],
      row: Schema.Struct({ owed: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)) }),
      initial: { owed: 0 }
    })({ evolve: { Deposited: ({ owed }, { amount }) => ({ owed: owed - amount }) } })
    expect(messageOf(() => given(Debts, ada).expectNoRow("8"))).toContain(
      `The row { owed: -3 } of "7" cannot be stored: its schema refuses it`
    )
  })

  it("says what a handler threw", () => {
    const Bad = Projection.make("bad", { from: [Account], row: Schema.Struct({ n: Schema.Int }), initial: { n: 0 } })({
      evolve: {
        Deposited: () => {
          throw new RangeError("boom")
        }
      }
    })
    expect(messageOf(() => given(Bad, ada).expectNoRow("7"))).toContain(`The fold of "bad" ended: RangeError: boom`)
  })
})

describe("recorded", () => {
  it("fills in revisions, positions, times and metadata", () => {
    const all = recorded([
      events(Account, "1", [{ _tag: "Opened", owner: "ada" }], { metadata: { actor: "bo" } }),
      events(Account, "2", [{ _tag: "Opened", owner: "cy" }], { recordedAt: at }),
      events(Account, "1", [{ _tag: "Deposited", amount: 1 }, { _tag: "Closed" }])
    ])
    expect(all.map(({ data, position, revision, stream }) => [stream, revision, position, data])).toEqual([
      ["Account-1", 0, 1, { owner: "ada" }],
      ["Account-2", 0, 2, { owner: "cy" }],
      ["Account-1", 1, 3, { amount: 1 }],
      ["Account-1", 2, 4, {}]
    ])
    expect(all.map(({ recordedAt }) => DateTime.formatIso(recordedAt))).toEqual([
      "2000-01-01T00:00:01.000Z",
      "2026-01-31T08:00:00.000Z",
      "2026-01-31T08:00:01.000Z",
      "2026-01-31T08:00:02.000Z"
    ])
    expect(all[0]?.metadata).toEqual({ actor: "bo" })
    expect(new Set(all.map(({ id }) => id)).size).toBe(4)
    expect(Effect.runSync(Projection.fold(Balances, all)).get("2")).toEqual({ owner: "cy", balance: 0, since: at })
  })
})
