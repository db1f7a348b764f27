import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { ExpectationFailed, given } from "@evolvent/testing"
import { describe, expect, it } from "vitest"
import { Account } from "./fixtures/account.ts"
import { Order } from "./fixtures/order.ts"

const failureOf = (run: () => unknown): ExpectationFailed => {
  try {
    run()
  } catch (error) {
    if (error instanceof ExpectationFailed) return error
    throw error
  }
  throw new Error("The expectation held.")
}

const opened = { _tag: "Opened", owner: "ada" } as const
const at = DateTime.makeUnsafe("2026-01-31T08:00:00Z")
const line = (sku: string, price: string) => ({ sku, quantity: 1, price: BigDecimal.fromStringUnsafe(price) })

describe("given(aggregate)", () => {
  it("holds for what the aggregate does", () => {
    given(Account).when({ _tag: "Open", owner: "ada" }).expect([opened]).expectState({ status: "open", balance: 0 })
    given(Account, [opened])
      .expectState({ status: "open", balance: 0 })
      .when({ _tag: "Deposit", amount: 3 })
      .expect([{ _tag: "Deposited", amount: 3 }])
      .expectState({ status: "open", balance: 3 })
    given(Account, [opened, { _tag: "Closed" }])
      .when({ _tag: "Close" })
      .expect([])
      .expectState({ status: "closed", balance: 0 })
  })

  it("expects rejections of every kind", () => {
    given(Account, [opened])
      .when({ _tag: "Withdraw", amount: 3 })
      .expectRejection("InsufficientFunds")
      .expectRejection("InsufficientFunds", {})
      .expectRejection("InsufficientFunds", { requested: 3 })
      .expectRejection("InsufficientFunds", { requested: 3, balance: 0 })
      .expectState({ status: "open", balance: 0 })
    given(Account).when({ _tag: "Deposit", amount: 3 }).expectRejection("AccountNotOpen", { status: "none" })
    given(Account, [opened]).when({ _tag: "Open", owner: "bo" }).expectRejection("AlreadyOpened", { since: "open" })
    given(Order).when({ _tag: "RemoveItem", sku: "a" }).expectRejection("no such item")
  })

  it("compares dates, decimals and options by value", () => {
    given(Order)
      .when({ _tag: "Create", customer: "ada", at })
      .expect([{ _tag: "Created", customer: "ada", at: DateTime.makeUnsafe("2026-01-31T09:00:00+01:00") }])
    given(Order, [
      { _tag: "Created", customer: "ada", at },
      { _tag: "ItemAdded", line: line("a", "1.50") }
    ]).expectState({ status: "open", items: [line("a", "1.5")], since: Option.some(DateTime.makeUnsafe(at)) })
  })

  it("shows how events differ", () => {
    const failure = failureOf(() =>
      given(Account, [opened])
        .when({ _tag: "Deposit", amount: 3 })
        .expect([{ _tag: "Deposited", amount: 4 }, { _tag: "Closed" }])
    )
    expect(failure.message).toBe(`Expected 2 events, found one event.

- expected
+ found
  [
-   { _tag: "Deposited", amount: 4 },
-   { _tag: "Closed" },
+   { _tag: "Deposited", amount: 3 },
  ]

given(Account, [{ _tag: "Opened", owner: "ada" }]).when({ _tag: "Deposit", amount: 3 })`)
    expect(failure.expected).toBe(`[\n  { _tag: "Deposited", amount: 4 },\n  { _tag: "Closed" },\n]`)
    expect(failure.actual).toBe(`[\n  { _tag: "Deposited", amount: 3 },\n]`)
    expect(failure.name).toBe("ExpectationFailed")
  })

  it("begins its stack in the test", () => {
    const failure = failureOf(() => given(Account).when({ _tag: "Open", owner: "ada" }).expect([]))
    expect(failure.stack?.split("\n").find((line) => line.trim().startsWith("at "))).toContain("Given.test.ts")
  })

  it("says which rejection came where events were expected", () => {
    const failure = failureOf(() =>
      given(Account, [opened])
        .when({ _tag: "Withdraw", amount: 3 })
        .expect([{ _tag: "Withdrawn", amount: 3 }])
    )
    expect(failure.message)
      .toBe(`Expected one event, but the command was rejected: new InsufficientFunds({ balance: 0, requested: 3 })

given(Account, [{ _tag: "Opened", owner: "ada" }]).when({ _tag: "Withdraw", amount: 3 })

If that is meant: .expectRejection("InsufficientFunds", { balance: 0, requested: 3 })`)
  })

  it("says what came where a rejection was expected", () => {
    const accepted = failureOf(() =>
      given(Account, [opened]).when({ _tag: "Deposit", amount: 3 }).expectRejection("AccountNotOpen", { status: "x" })
    )
    expect(accepted.message).toContain(
      `Expected the rejection "AccountNotOpen" with { status: "x" }, but the command was accepted: [{ _tag: "Deposited", amount: 3 }]`
    )
    expect(accepted.message).toContain(`If that is meant: .expect([{ _tag: "Deposited", amount: 3 }])`)
    const nothing = failureOf(() =>
      given(Account, [opened, { _tag: "Closed" }])
        .when({ _tag: "Close" })
        .expectRejection("AccountNotOpen")
    )
    expect(nothing.message).toContain("but the command was accepted without any event")
    const other = failureOf(() =>
      given(Account, [opened]).when({ _tag: "Withdraw", amount: 3 }).expectRejection("AccountNotOpen")
    )
    expect(other.message).toContain(
      `Expected the rejection "AccountNotOpen", but it was another one: new InsufficientFunds({ balance: 0, requested: 3 })`
    )
    const fields = failureOf(() =>
      given(Account, [opened])
        .when({ _tag: "Withdraw", amount: 3 })
        .expectRejection("InsufficientFunds", { requested: 4 })
    )
    expect(fields.message).toContain(`The rejection "InsufficientFunds" has other fields than expected`)
    expect(fields.message).toContain("-   requested: 4,\n+   requested: 3,")
    const untagged = failureOf(() => given(Order).when({ _tag: "RemoveItem", sku: "a" }).expectRejection("exists"))
    expect(untagged.message).toContain(`Expected the rejection "exists", but it was another one: "no such item"`)
    expect(untagged.message).toContain(`If that is meant: .expectRejection("no such item")`)
  })

  it("shows how states differ, before and after a command", () => {
    const before = failureOf(() => given(Account, [opened]).expectState({ status: "closed", balance: 0 }))
    expect(before.message).toContain("The past of Account makes another state than expected.")
    expect(before.message).toContain(`-   status: "closed",\n+   status: "open",\n    balance: 0,`)
    const after = failureOf(() =>
      given(Account, [opened]).when({ _tag: "Deposit", amount: 3 }).expectState({ status: "open", balance: 0 })
    )
    expect(after.message).toContain(`[{ _tag: "Deposited", amount: 3 }] leads to another state than expected.`)
    const rejected = failureOf(() =>
      given(Account).when({ _tag: "Deposit", amount: 3 }).expectState({ status: "open", balance: 0 })
    )
    expect(rejected.message).toContain("The rejected command leads to another state than expected.")
  })

  it("refuses what could not happen outside of a test", () => {
    const past = failureOf(() => given(Account, [{ _tag: "Deposited", amount: -1 }]).when({ _tag: "Close" }))
    expect(past.message).toContain(
      `The given { _tag: "Deposited", amount: -1 } cannot have happened: its schema refuses it`
    )
    const command = failureOf(() => given(Account).when({ _tag: "Deposit", amount: -1 }))
    expect(command.message).toContain("No such command comes to decide: its schema refuses it")
    const Bad = Aggregate.make("Bad", {
      command: Schema.TaggedUnion({ Go: {} }),
      event: Schema.TaggedUnion({ Gone: { far: Schema.Int } }),
      state: Schema.Int,
      initial: 0
    })({ decide: { Go: () => [{ _tag: "Gone", far: 0.5 }] }, evolve: { Gone: (_, { far }) => far } })
    const decided = failureOf(() =>
      given(Bad)
        .when({ _tag: "Go" })
        .expect([{ _tag: "Gone", far: 0.5 }])
    )
    expect(decided.message).toContain(`decide returned { _tag: "Gone", far: 0.5 }, but its schema refuses it`)
  })

  it("says what decide and evolve threw", () => {
    const Bomb = Aggregate.make("Bomb", {
      command: Schema.TaggedUnion({ Light: {}, Touch: {} }),
      event: Schema.TaggedUnion({ Lit: {} }),
      state: Schema.Int,
      initial: 0
    })({
      decide: {
        Light: () => [{ _tag: "Lit" }],
        Touch: () => {
          throw new RangeError("boom")
        }
      },
      evolve: {
        Lit: (): number => {
          throw new RangeError("bang")
        }
      }
    })
    const decide = failureOf(() => given(Bomb).when({ _tag: "Touch" }))
    expect(decide.message).toContain("Bomb.decide threw: RangeError: boom")
    expect(decide.message).toContain("return Result.fail(rejection)")
    expect(decide.cause).toBeInstanceOf(RangeError)
    const evolve = failureOf(() => given(Bomb, [{ _tag: "Lit" }]).expectState(1))
    expect(evolve.message).toContain(`Bomb.evolve threw on { _tag: "Lit" }: RangeError: bang`)
    const after = failureOf(() =>
      given(Bomb)
        .when({ _tag: "Light" })
        .expect([{ _tag: "Lit" }])
        .expectState(1)
    )
    expect(after.message).toContain(`Bomb.evolve threw on { _tag: "Lit" }: RangeError: bang`)
  })

  it("is no thenable: await gives it back", async () => {
    const decided = given(Account).when({ _tag: "Open", owner: "ada" })
    expect("then" in given(Account)).toBe(false)
    expect("then" in decided).toBe(false)
    expect(await Promise.resolve(decided)).toBe(decided)
  })

  it("tells apart what prints alike", () => {
    const Odd = Aggregate.make("Odd", {
      command: Schema.TaggedUnion({ Say: {} }),
      event: Schema.TaggedUnion({ Said: { what: Schema.Unknown } }),
      state: Schema.Null,
      initial: null
    })({
      decide: { Say: () => Result.succeed([{ _tag: "Said", what: Symbol("a") }]) },
      evolve: { Said: () => null }
    })
    const failure = failureOf(() =>
      given(Odd)
        .when({ _tag: "Say" })
        .expect([{ _tag: "Said", what: Symbol("a") }])
    )
    expect(failure.message).toContain("are not equal")
  })
})
