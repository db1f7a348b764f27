// Money from one account to another: taken out of the first, put into the second, and given back when that cannot be.
import { Result, Schema } from "effect"
import { Aggregate, ProcessManager } from "evolvent"

const Amount = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 }))
const part = { transfer: Schema.String, amount: Amount }

export class NotOpen extends Schema.TaggedError<NotOpen>()("NotOpen", {}) {}
export class NotEnough extends Schema.TaggedError<NotEnough>()("NotEnough", { balance: Schema.Int }) {}

/** An account knows of its own side only: each movement names the transfer that it is part of. */
export const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Open: { balance: Schema.Int }, Reserve: part, Credit: part, Refund: part }),
  event: Schema.TaggedUnion({ Opened: { balance: Schema.Int }, Reserved: part, Credited: part, Refunded: part }),
  state: Schema.Struct({ isOpen: Schema.Boolean, balance: Schema.Int }),
  initial: { isOpen: false, balance: 0 }
})({
  decide: {
    Open: ({ balance }, { isOpen }) => (isOpen ? [] : [{ _tag: "Opened", balance }]),
    Reserve: ({ amount, transfer }, { balance, isOpen }) => {
      if (!isOpen) return Result.fail(new NotOpen())
      return amount <= balance ? [{ _tag: "Reserved", transfer, amount }] : Result.fail(new NotEnough({ balance }))
    },
    Credit: ({ amount, transfer }, { isOpen }) =>
      isOpen ? [{ _tag: "Credited", transfer, amount }] : Result.fail(new NotOpen()),
    Refund: ({ amount, transfer }, { isOpen }) =>
      isOpen ? [{ _tag: "Refunded", transfer, amount }] : Result.fail(new NotOpen())
  },
  evolve: {
    Opened: (_, { balance }) => ({ isOpen: true, balance }),
    Reserved: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Credited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Refunded: (state, { amount }) => ({ ...state, balance: state.balance + amount })
  }
})

const money = { from: Schema.String, to: Schema.String, amount: Amount }
const outcome = { outcome: Schema.String }

/** What somebody asked for, and what came of it. It never says no: whether there is money is the account's to say. */
export const Request = Aggregate.make("Request", {
  command: Schema.TaggedUnion({ Ask: money, Answer: outcome }),
  event: Schema.TaggedUnion({ Asked: money, Answered: outcome }),
  state: Schema.Literals(["new", "asked", "answered"]),
  initial: "new"
})({
  decide: {
    Ask: ({ amount, from, to }, state) => (state === "new" ? [{ _tag: "Asked", from, to, amount }] : []),
    Answer: ({ outcome }, state) => (state === "asked" ? [{ _tag: "Answered", outcome }] : [])
  },
  evolve: { Asked: () => "asked", Answered: () => "answered" }
})

/** The process between the two accounts. Its id is the request's. */
export const Transfer = ProcessManager.make("Transfer", {
  observes: [Request, Account],
  correlate: ({ category, data, streamId }) => {
    if (category === "Request") return streamId
    return "transfer" in data ? data.transfer : undefined
  },
  event: Schema.TaggedUnion({
    Started: money,
    MoneyTaken: money,
    Completed: {},
    /** The money was taken and has to go back. */
    GaveBack: { ...money, why: Schema.String },
    /** Nobody has the money any more, for it was given back or never taken. */
    Failed: { why: Schema.String },
    /** The first account is silent. Should it take the money after all, it goes back. */
    GaveUp: money,
    /** The money can neither be delivered nor given back: a case for a person. */
    Stranded: { why: Schema.String }
  }),
  state: Schema.TaggedUnion({
    New: {},
    Taking: money,
    Delivering: money,
    GivingBack: { why: Schema.String },
    GivenUp: money,
    Done: {}
  }),
  initial: { _tag: "New" },
  deadline: Schema.TaggedUnion({ TakingIsLate: {} })
})({
  decide: {
    Request: {
      Asked: ({ amount, from, to }, state) => (state._tag === "New" ? [{ _tag: "Started", from, to, amount }] : [])
    },
    Account: {
      Reserved: (_, state) => {
        if (state._tag === "Taking") return [{ ...state, _tag: "MoneyTaken" }]
        return state._tag === "GivenUp" ? [{ ...state, _tag: "GaveBack", why: "too late" }] : []
      },
      Credited: (_, state) => (state._tag === "Delivering" ? [{ _tag: "Completed" }] : []),
      Refunded: (_, state) => (state._tag === "GivingBack" ? [{ _tag: "Failed", why: state.why }] : [])
    }
  },
  // Only while the money is being taken: once it is on its way to the second account, giving it back would double it.
  deadline: {
    TakingIsLate: (_, state) => (state._tag === "Taking" ? [{ ...state, _tag: "GaveUp" }] : [])
  },
  evolve: {
    Started: (_, { amount, from, to }) => ({ _tag: "Taking", from, to, amount }),
    MoneyTaken: (_, { amount, from, to }) => ({ _tag: "Delivering", from, to, amount }),
    Completed: () => ({ _tag: "Done" }),
    GaveBack: (_, { why }) => ({ _tag: "GivingBack", why }),
    Failed: () => ({ _tag: "Done" }),
    GaveUp: (_, { amount, from, to }) => ({ _tag: "GivenUp", from, to, amount }),
    Stranded: () => ({ _tag: "Done" })
  },
  dispatch: {
    Started: ({ amount, from }, _, { id }) => [
      Aggregate.command(
        Account,
        from,
        { _tag: "Reserve", transfer: id, amount },
        { rejected: ({ _tag }) => [{ _tag: "Failed", why: _tag }] }
      ),
      ProcessManager.deadline({ _tag: "TakingIsLate" }, { after: "1 minute" })
    ],
    MoneyTaken: ({ amount, from, to }, _, { id }) => [
      Aggregate.command(
        Account,
        to,
        { _tag: "Credit", transfer: id, amount },
        { rejected: ({ _tag }) => [{ _tag: "GaveBack", from, to, amount, why: _tag }] }
      )
    ],
    GaveBack: ({ amount, from }, _, { id }) => [
      Aggregate.command(
        Account,
        from,
        { _tag: "Refund", transfer: id, amount },
        { rejected: ({ _tag }) => [{ _tag: "Stranded", why: _tag }] }
      )
    ],
    GaveUp: (_, __, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: "too late" })],
    Completed: (_, __, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: "done" })],
    Failed: ({ why }, _, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: why })],
    Stranded: (_, __, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: "stranded" })]
  }
})
