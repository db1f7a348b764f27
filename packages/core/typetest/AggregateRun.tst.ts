// What the compiler says to mistakes in executing commands and loading states, and what it infers of both.
import * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import { describe, expect, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import type { EventStore } from "../src/EventStore.ts"
import type { EventStoreError, WrongExpectedRevision } from "../src/EventStoreError.ts"
import * as Revision from "../src/Revision.ts"
import { Account, AccountId, Order } from "./fixtures.ts"
import type { AccountEvent, AccountNotOpen, AccountState, InsufficientFunds } from "./fixtures.ts"

const ada = AccountId.make("ada")

describe("execute", () => {
  test("fails with the rejections and what can go wrong around them", () => {
    type Around = Aggregate.InvalidCommand | Aggregate.CommandIdReused | WrongExpectedRevision | EventStoreError
    const deposit = Aggregate.execute(Account, ada, { _tag: "Deposit", amount: 1 }, { commandId: "c-1" })
    expect(deposit).type.toBe<
      Effect.Effect<Aggregate.Executed<AccountEvent>, AccountNotOpen | InsufficientFunds | Around, EventStore>
    >()
    const close = Aggregate.execute(Order, "7", { _tag: "Close" })
    expect<Effect.Error<typeof close>>().type.toBe<Around>()
  })

  test("a string for a branded id", () => {
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'string & Brand<"AccountId">'.
    Aggregate.execute(Account, "ada", { _tag: "Close" })
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'string & Brand<"AccountId">'.
    Aggregate.load(Account, "ada")
    Aggregate.load(Order, "any text")
  })

  test("a misspelt command", () => {
    // @ts-expect-error Type '"Depost"' is not assignable to type '"Open" | "Deposit" | "Withdraw" | "Close"'. Did you mean '"Deposit"'?
    Aggregate.execute(Account, ada, { _tag: "Depost", amount: 1 })
  })

  test("a wrong payload", () => {
    // @ts-expect-error Object literal may only specify known properties, but 'amont' does not exist in type...Did you mean to write 'amount'?
    Aggregate.execute(Account, ada, { _tag: "Deposit", amont: 1 })
    // @ts-expect-error ...Type 'string' is not assignable to type 'number'.
    Aggregate.execute(Account, ada, { _tag: "Deposit", amount: "1" })
    // @ts-expect-error ...Property 'amount' is missing in type '{ _tag: "Deposit"; }' but required in type
    Aggregate.execute(Account, ada, { _tag: "Deposit" })
  })

  test("an event for a command", () => {
    // @ts-expect-error Type '"Closed"' is not assignable to type '"Open" | "Deposit" | "Withdraw" | "Close"'. Did you mean '"Close"'?
    Aggregate.execute(Account, ada, { _tag: "Closed" })
  })

  test("an expectation that is none", () => {
    // @ts-expect-error Type '"exists"' is not assignable to type 'Expected | undefined'.
    Aggregate.execute(Account, ada, { _tag: "Close" }, { expected: "exists" })
    // @ts-expect-error Type 'number' is not assignable to type 'Expected | undefined'.
    Aggregate.execute(Account, ada, { _tag: "Close" }, { expected: 3 })
    Aggregate.execute(Account, ada, { _tag: "Close" }, { expected: Revision.make(3) })
  })
})

describe("load", () => {
  test("gives the state and where it stands", () => {
    expect(Aggregate.load(Account, ada)).type.toBe<
      Effect.Effect<Aggregate.Loaded<AccountState>, EventStoreError, EventStore>
    >()
  })

  test("at a revision or at a time", () => {
    const time = DateTime.makeUnsafe(0)
    Aggregate.load(Account, ada, { at: { revision: 3 } })
    Aggregate.load(Account, ada, { at: { time } })
    // @ts-expect-error Type 'Utc' is not assignable to type 'undefined'.
    Aggregate.load(Account, ada, { at: { revision: 3, time } })
    // @ts-expect-error Type '{}' is not assignable to type '{ readonly revision: number; readonly time?: never; } |
    Aggregate.load(Account, ada, { at: {} })
    // @ts-expect-error Type 'Date' is missing the following properties from type 'Utc'
    Aggregate.load(Account, ada, { at: { time: new Date() } })
  })
})
