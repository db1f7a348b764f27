// What the compiler says to mistakes in an aggregate's definition.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import { AccountEvent, accountStep, decide, evolve } from "./fixtures.ts"
import type { AccountState } from "./fixtures.ts"

describe("the protocol", () => {
  test("an initial state that the schema refuses", () => {
    Aggregate.make("Account", {
      command: AccountEvent,
      event: AccountEvent,
      state: Schema.Struct({ status: Schema.Literals(["none", "open"]) }),
      // @ts-expect-error Type '"nnoe"' is not assignable to type '"none" | "open"'.
      initial: { status: "nnoe" }
    })
  })

  test("events without a tag", () => {
    Aggregate.make("Account", {
      command: AccountEvent,
      // @ts-expect-error Type 'Struct<{ readonly amount: Int; }>' is not assignable to type 'ConstraintCodec<Tagged, unknown, never, never>'.
      event: Schema.Struct({ amount: Schema.Int }),
      state: Schema.Int,
      initial: 0
    })
  })
})

describe("decide", () => {
  test("a missing handler", () => {
    // @ts-expect-error Property 'Close' is missing in type '{ Open: () => never[]; Deposit: () => never[]; Withdraw: () => never[]; }'
    accountStep({ decide: { Open: () => [], Deposit: () => [], Withdraw: () => [] }, evolve })
  })

  test("a handler of no command", () => {
    // @ts-expect-error Type '() => never[]' is not assignable to type '"no command of Account"'.
    accountStep({ decide: { ...decide, Clos: () => [] }, evolve })
    accountStep({
      decide: {
        Open: () => [],
        Deposit: () => [],
        Withdraw: () => [],
        Close: () => [],
        // @ts-expect-error Type '() => never[]' is not assignable to type '"no command of Account"'.
        Clos: () => []
      },
      evolve
    })
  })

  test("a wrong tag", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Type '"Opend"' is not assignable to type '"Opened" | "Deposited" | "Withdrawn" | "Closed"'. Did you mean '"Opened"'?
        Open: ({ owner }) => [{ _tag: "Opend", owner }]
      },
      evolve
    })
  })

  test("a wrong tag without arguments", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Type '"Closd"' is not assignable to type '"Opened" | "Deposited" | "Withdrawn" | "Closed"'. Did you mean '"Closed"'?
        Close: () => [{ _tag: "Closd" }]
      },
      evolve
    })
  })

  test("a wrong tag beside a rejection", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Type 'Success<never, "no"> | Failure<never, "no"> | { _tag: "Opend"; owner: string; }[]' is not assignable to type 'Decision<{
        Open: ({ owner }, { status }) => (status === "none" ? [{ _tag: "Opend", owner }] : Result.fail("no" as const))
      },
      evolve
    })
  })

  test("a wrong payload", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Type 'string' is not assignable to type 'number'.
        Deposit: ({ amount }) => [{ _tag: "Deposited", amount: String(amount) }]
      },
      evolve
    })
  })

  test("a missing payload", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error ...Property 'amount' is missing in type '{ _tag: "Deposited"; }' but required in type
        Deposit: () => [{ _tag: "Deposited" }]
      },
      evolve
    })
  })

  test("a misspelt field of the command", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Property 'amont' does not exist on type '{ readonly _tag: "Deposit"; readonly amount: number; }'.
        Deposit: ({ amont }) => [{ _tag: "Deposited", amount: 1 }]
      },
      evolve
    })
  })

  test("a misspelt field of the state", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Property 'balanse' does not exist on type '{ readonly status: "none" | "open" | "closed"; readonly balance: number; }'.
        Deposit: ({ amount }, { balanse }) => [{ _tag: "Deposited", amount }]
      },
      evolve
    })
  })

  test("a comparison with no status", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error This comparison appears to be unintentional because the types '"none" | "open" | "closed"' and '"opn"' have no overlap.
        Deposit: ({ amount }, { status }) => (status === "opn" ? [{ _tag: "Deposited", amount }] : [])
      },
      evolve
    })
  })

  test("an event that is not in a list", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Type '"Closed"' is not assignable to type '"Failure"'.
        Close: () => ({ _tag: "Closed" })
      },
      evolve
    })
  })

  test("a handler that returns nothing", () => {
    accountStep({
      decide: {
        ...decide,
        // @ts-expect-error Type '() => void' is not assignable to type '(command: { readonly _tag: "Close"; }, state: {
        Close: () => {}
      },
      evolve
    })
  })

  test("one function that misses a case", () => {
    accountStep({
      // @ts-expect-error Function lacks ending return statement and return type does not include 'undefined'.
      decide: (command): Aggregate.Decision<AccountEvent> => {
        switch (command._tag) {
          case "Open":
            return [{ _tag: "Opened", owner: command.owner }]
          case "Deposit":
            return [{ _tag: "Deposited", amount: command.amount }]
          case "Withdraw":
            return [{ _tag: "Withdrawn", amount: command.amount }]
        }
      },
      evolve
    })
  })
})

describe("evolve", () => {
  test("a missing handler", () => {
    // @ts-expect-error Property 'Closed' is missing in type '{ Opened:
    accountStep({ decide, evolve: { Opened: evolve.Opened, Deposited: evolve.Deposited, Withdrawn: evolve.Withdrawn } })
  })

  test("a handler of no event", () => {
    accountStep({
      decide,
      evolve: {
        ...evolve,
        // @ts-expect-error ...is not assignable to type '"no event of Account"'.
        Opend: (state: AccountState) => state
      }
    })
  })

  test("a misspelt state field", () => {
    accountStep({
      decide,
      evolve: {
        ...evolve,
        // @ts-expect-error Type 'number' is not assignable to type '"no field of the state"'.
        Deposited: (state, { amount }) => ({ ...state, balanse: state.balance + amount })
      }
    })
  })

  test("a misspelt state field among handlers that all take arguments", () => {
    accountStep({
      decide,
      evolve: {
        Opened: (state) => ({ ...state, status: "open" }),
        // @ts-expect-error ...is not assignable to type '{ readonly balanse?: "no field of the state"; }'.
        Deposited: (state, { amount }) => (amount > 0 ? { ...state, balanse: state.balance + amount } : state),
        Withdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
        Closed: (state) => ({ ...state, status: "closed" })
      }
    })
  })

  test("a misspelt state field in one function", () => {
    accountStep({
      decide,
      // @ts-expect-error ...is not assignable to type '{ readonly balanse?: "no field of the state"; }'.
      evolve: (state, event) => (event._tag === "Closed" ? { ...state, balanse: 0 } : state)
    })
  })

  test("a misspelt field of the event", () => {
    accountStep({
      decide,
      evolve: {
        ...evolve,
        // @ts-expect-error Property 'amont' does not exist on type '{ readonly _tag: "Deposited"; readonly amount: number; }'.
        Deposited: (state, { amont }) => state
      }
    })
  })

  test("a wrong literal", () => {
    accountStep({
      decide,
      evolve: {
        ...evolve,
        // @ts-expect-error Type '"opn"' is not assignable to type '"none" | "open" | "closed"'. Did you mean '"open"'?
        Opened: (state) => ({ ...state, status: "opn" })
      }
    })
  })

  test("a wrong literal without arguments", () => {
    accountStep({
      decide,
      evolve: {
        ...evolve,
        // @ts-expect-error Type '"closd"' is not assignable to type '"none" | "open" | "closed"'. Did you mean '"closed"'?
        Closed: () => ({ balance: 0, status: "closd" })
      }
    })
  })

  test("a field left out", () => {
    accountStep({
      decide,
      evolve: {
        ...evolve,
        // @ts-expect-error Property 'balance' is missing in type '{ status: "open"; }' but required in type '{ readonly status:
        Opened: () => ({ status: "open" })
      }
    })
  })

  test("one function that misses a case", () => {
    accountStep({
      decide,
      // @ts-expect-error Function lacks ending return statement and return type does not include 'undefined'.
      evolve: (state, event): AccountState => {
        switch (event._tag) {
          case "Opened":
            return { ...state, status: "open" }
          case "Deposited":
            return { ...state, balance: state.balance + event.amount }
          case "Withdrawn":
            return { ...state, balance: state.balance - event.amount }
        }
      }
    })
  })
})
