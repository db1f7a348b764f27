// What the compiler says to mistakes in an aggregate, and what it infers of a right one.
import * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import type { EventStore } from "../src/EventStore.ts"
import type { EventStoreError, WrongExpectedRevision } from "../src/EventStoreError.ts"
import * as Revision from "../src/Revision.ts"
import { Account, AccountEvent, AccountId, accountStep, decide, evolve, Order } from "./fixtures.ts"
import type { AccountNotOpen, AccountState, InsufficientFunds } from "./fixtures.ts"

type RejectionOf<A> = A extends Aggregate.Aggregate<infer _N, infer _I, infer _C, infer _E, infer _S, infer R> ? R : 0

const ada = AccountId.make("ada")

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

describe("what is inferred", () => {
  test("the rejections are exactly those that decide returns", () => {
    expect<RejectionOf<typeof Account>>().type.toBe<AccountNotOpen | InsufficientFunds>()
    expect<RejectionOf<typeof Order>>().type.toBe<never>()
  })

  test("of one function", () => {
    const Gate = Aggregate.make("Gate", {
      command: Schema.TaggedUnion({ Pass: { who: Schema.String }, Shut: {} }),
      event: Schema.TaggedUnion({ Passed: { who: Schema.String }, ShutDown: {} }),
      state: Schema.Struct({ open: Schema.Boolean }),
      initial: { open: true }
    })({
      decide: (command, { open }) => {
        if (!open) return Result.fail("shut" as const)
        switch (command._tag) {
          case "Pass":
            return command.who === "" ? Result.fail("nameless" as const) : [{ _tag: "Passed", who: command.who }]
          case "Shut":
            return [{ _tag: "ShutDown" }]
        }
      },
      evolve: (state, event) => (event._tag === "ShutDown" ? { open: false } : state)
    })
    expect<RejectionOf<typeof Gate>>().type.toBe<"nameless" | "shut">()
  })

  test("of Result.gen", () => {
    const positive = (amount: number) => (amount > 0 ? Result.succeed(amount) : Result.fail("not positive" as const))
    const Till = accountStep({
      decide: {
        ...decide,
        Deposit: ({ amount }) =>
          Result.gen(function* () {
            const checked = yield* positive(amount)
            return [{ _tag: "Deposited" as const, amount: checked }]
          })
      },
      evolve
    })
    expect<RejectionOf<typeof Till>>().type.toBe<"not positive">()
  })

  test("handlers without arguments keep their literals", () => {
    const Door = Aggregate.make("Door", {
      command: Schema.TaggedUnion({ Shut: {} }),
      event: Schema.TaggedUnion({ Shut: {} }),
      state: Schema.Struct({ status: Schema.Literals(["open", "shut"]) }),
      initial: { status: "open" }
    })({
      decide: { Shut: () => [{ _tag: "Shut" }] },
      evolve: { Shut: () => ({ status: "shut" }) }
    })
    expect(Door.decide).type.toBe<
      (
        command: { readonly _tag: "Shut" },
        state: { readonly status: "open" | "shut" }
      ) => Result.Result<ReadonlyArray<{ readonly _tag: "Shut" }>, never>
    >()
  })

  test("states of any shape", () => {
    const event = Schema.TaggedUnion({ Noted: { text: Schema.String } })
    class Notes extends Schema.Class<Notes>("Notes")({ count: Schema.Int }) {
      get isEmpty() {
        return this.count === 0
      }
    }
    const decide = { Noted: () => [] } as const
    const protocol = { command: event, event }
    Aggregate.make("A", { ...protocol, state: Notes, initial: new Notes({ count: 0 }) })({
      decide,
      evolve: { Noted: ({ count }) => new Notes({ count: count + 1 }) }
    })
    Aggregate.make("A", { ...protocol, state: Schema.Array(Schema.String), initial: [] })({
      decide,
      evolve: { Noted: (notes, { text }) => [...notes, text] }
    })
    Aggregate.make("A", { ...protocol, state: Schema.Record(Schema.String, Schema.Int), initial: {} })({
      decide,
      evolve: { Noted: (notes, { text }) => ({ ...notes, [text]: 1 }) }
    })
    Aggregate.make("A", { ...protocol, state: Schema.ReadonlyMap(Schema.String, Schema.Int), initial: new Map() })({
      decide,
      evolve: { Noted: (notes, { text }) => new Map(notes).set(text, 1) }
    })
    Aggregate.make("A", { ...protocol, state: Schema.Unknown, initial: undefined })({
      decide,
      evolve: { Noted: (_, { text }) => ({ text }) }
    })
    Aggregate.make("A", { ...protocol, state: Schema.Null, initial: null })({ decide, evolve: { Noted: () => null } })
    Aggregate.make("A", {
      ...protocol,
      state: Schema.TaggedUnion({ Empty: {}, Written: { text: Schema.String } }),
      initial: { _tag: "Empty" }
    })({
      decide,
      evolve: { Noted: (state, { text }) => (text === "" ? state : { _tag: "Written", text }) }
    })
  })

  test("fold, decide and evolve", () => {
    expect(Aggregate.fold(Account, [{ _tag: "Opened", owner: "ada" }])).type.toBe<AccountState>()
    expect(Aggregate.evolve(Account, Account.initial, { _tag: "Closed" })).type.toBe<AccountState>()
    expect(Aggregate.decide(Account, { _tag: "Close" }, Account.initial)).type.toBe<
      Result.Result<ReadonlyArray<AccountEvent>, AccountNotOpen | InsufficientFunds>
    >()
    expect<Aggregate.EventOf<typeof Account>>().type.toBe<AccountEvent>()
  })
})

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
