// A bank account: what can be asked of it, when it says no, and what happens to it.
import { Result, Schema } from "effect"
import { Aggregate } from "evolvent"

const Status = Schema.Literals(["unopened", "open", "closed"])
const owner = { owner: Schema.String.check(Schema.isPattern(/\S/, { expected: "a name" })) }
const money = { amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })) }

export class AlreadyOpened extends Schema.TaggedError<AlreadyOpened>()("AlreadyOpened", { status: Status }) {}
export class NotOpen extends Schema.TaggedError<NotOpen>()("NotOpen", { status: Status }) {}
export class NotEnough extends Schema.TaggedError<NotEnough>()("NotEnough", { balance: Schema.Int }) {}
export class MoneyLeft extends Schema.TaggedError<MoneyLeft>()("MoneyLeft", { balance: Schema.Int }) {}

export const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Open: owner, Deposit: money, Withdraw: money, Close: {} }),
  event: Schema.TaggedUnion({ Opened: owner, Deposited: money, Withdrawn: money, Closed: {} }),
  state: Schema.Struct({ status: Status, balance: Schema.Int }),
  initial: { status: "unopened", balance: 0 }
})({
  decide: {
    Open: ({ owner }, { status }) =>
      status === "unopened" ? [{ _tag: "Opened", owner }] : Result.fail(new AlreadyOpened({ status })),
    Deposit: ({ amount }, { status }) =>
      status === "open" ? [{ _tag: "Deposited", amount }] : Result.fail(new NotOpen({ status })),
    Withdraw: ({ amount }, { balance, status }) => {
      if (status !== "open") return Result.fail(new NotOpen({ status }))
      return amount <= balance ? [{ _tag: "Withdrawn", amount }] : Result.fail(new NotEnough({ balance }))
    },
    Close: (_, { balance, status }) => {
      if (status !== "open") return Result.fail(new NotOpen({ status }))
      return balance === 0 ? [{ _tag: "Closed" }] : Result.fail(new MoneyLeft({ balance }))
    }
  },
  evolve: {
    Opened: (state) => ({ ...state, status: "open" }),
    Deposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Withdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Closed: (state) => ({ ...state, status: "closed" })
  }
})
