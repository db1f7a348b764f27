// transferDomain: money on its way between accounts: taken, then delivered, given back, or given back since nobody confirmed.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as ProcessManager from "evolvent/ProcessManager"

const part = { transfer: Schema.String, amount: Schema.Int }

export const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Open: { balance: Schema.Int }, Reserve: part, Credit: part, Refund: part }),
  event: Schema.TaggedUnion({ Opened: { balance: Schema.Int }, Reserved: part, Credited: part, Refunded: part }),
  state: Schema.Struct({ isOpen: Schema.Boolean, balance: Schema.Int }),
  initial: { isOpen: false, balance: 0 }
})({
  decide: {
    Open: ({ balance }) => [{ _tag: "Opened", balance }],
    Reserve: ({ amount, transfer }, { balance }) =>
      amount <= balance ? [{ _tag: "Reserved", transfer, amount }] : Result.fail("not enough" as const),
    Credit: ({ amount, transfer }, { isOpen }) =>
      isOpen ? [{ _tag: "Credited", transfer, amount }] : Result.fail("not open" as const),
    Refund: ({ amount, transfer }) => [{ _tag: "Refunded", transfer, amount }]
  },
  evolve: {
    Opened: (_, { balance }) => ({ isOpen: true, balance }),
    Reserved: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Credited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Refunded: (state, { amount }) => ({ ...state, balance: state.balance + amount })
  }
})

const money = { from: Schema.String, to: Schema.String, amount: Schema.Int }

export const Request = Aggregate.make("Request", {
  command: Schema.TaggedUnion({ Ask: { ...money, seconds: Schema.Finite }, Confirm: {} }),
  event: Schema.TaggedUnion({ Asked: { ...money, seconds: Schema.Finite }, Confirmed: {} }),
  state: Schema.Null,
  initial: null
})({
  decide: {
    Ask: (asked) => [{ ...asked, _tag: "Asked" }],
    Confirm: () => [{ _tag: "Confirmed" }]
  },
  evolve: { Asked: () => null, Confirmed: () => null }
})

/** The process: its last event tells how it ended. */
export const Transfer = ProcessManager.make("Transfer", {
  observes: [Request],
  correlate: ({ streamId }) => streamId,
  event: Schema.TaggedUnion({
    Taken: { ...money, seconds: Schema.Finite },
    Delivered: money,
    GivenBack: { ...money, why: Schema.String },
    Refused: { why: Schema.String }
  }),
  state: Schema.Struct({ ...money, isOpen: Schema.Boolean }),
  initial: { from: "", to: "", amount: 0, isOpen: false },
  deadline: Schema.TaggedUnion({ Unconfirmed: {} })
})({
  decide: {
    Asked: (asked) => [{ ...asked, _tag: "Taken" }],
    Confirmed: (_, { isOpen, ...money }) => (isOpen ? [{ ...money, _tag: "Delivered" }] : [])
  },
  deadline: {
    Unconfirmed: (_, { isOpen, ...money }) => (isOpen ? [{ ...money, _tag: "GivenBack", why: "late" }] : [])
  },
  evolve: {
    Taken: (_, { amount, from, to }) => ({ amount, from, to, isOpen: true }),
    Delivered: (state) => ({ ...state, isOpen: false }),
    GivenBack: (state) => ({ ...state, isOpen: false }),
    Refused: (state) => ({ ...state, isOpen: false })
  },
  dispatch: {
    Taken: ({ amount, from, seconds }, _, { id: transfer }) => [
      Aggregate.command(
        Account,
        from,
        { _tag: "Reserve", transfer, amount },
        { rejected: (why) => [{ _tag: "Refused", why }] }
      ),
      ProcessManager.deadline({ _tag: "Unconfirmed" }, { after: { seconds } })
    ],
    Delivered: ({ amount, from, to }, _, { id: transfer }) => [
      Aggregate.command(
        Account,
        to,
        { _tag: "Credit", transfer, amount },
        { rejected: (why) => [{ _tag: "GivenBack", from, to, amount, why }] }
      )
    ],
    GivenBack: ({ amount, from }, _, { id: transfer }) => [
      Aggregate.command(Account, from, { _tag: "Refund", transfer, amount }, { rejected: () => [] })
    ]
  }
})
