// What the compiler infers of an aggregate.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import { Account, accountStep, decide, evolve } from "./fixtures.ts"
import type { AccountEvent, AccountNotOpen, AccountState, InsufficientFunds, Order } from "./fixtures.ts"

type RejectionOf<A> = A extends Aggregate.Aggregate<infer _N, infer _I, infer _C, infer _E, infer _S, infer R> ? R : 0

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
