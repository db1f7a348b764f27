// domain: accounts, transfers between them, and a read model in which every event that is lost, repeated or misplaced shows.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as ProcessManager from "evolvent/ProcessManager"
import * as Projection from "evolvent/Projection"

const part = { transfer: Schema.String, amount: Schema.Int }
const note = { amount: Schema.Int, note: Schema.String }

/** An account; it says no to what it cannot pay. */
export const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Open: note, Deposit: note, Reserve: part, Credit: part, Refund: part }),
  event: Schema.TaggedUnion({ Opened: note, Deposited: note, Reserved: part, Credited: part, Refunded: part }),
  state: Schema.Struct({ isOpen: Schema.Boolean, balance: Schema.Int }),
  initial: { isOpen: false, balance: 0 }
})({
  decide: {
    Open: (given, { isOpen }) => (isOpen ? [] : [{ ...given, _tag: "Opened" }]),
    Deposit: (given) => [{ ...given, _tag: "Deposited" }],
    Reserve: (given, { balance, isOpen }) => {
      if (!isOpen) return Result.fail("not open" as const)
      return given.amount <= balance ? [{ ...given, _tag: "Reserved" }] : Result.fail("not enough" as const)
    },
    Credit: (given, { isOpen }) => (isOpen ? [{ ...given, _tag: "Credited" }] : Result.fail("not open" as const)),
    Refund: (given) => [{ ...given, _tag: "Refunded" }]
  },
  evolve: {
    Opened: ({ balance }, { amount }) => ({ isOpen: true, balance: balance + amount }),
    Deposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Reserved: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Credited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Refunded: (state, { amount }) => ({ ...state, balance: state.balance + amount })
  }
})

const money = { from: Schema.String, to: Schema.String, amount: Schema.Int }
const outcome = { outcome: Schema.String }

/** What somebody asked for, and what came of it. */
export const Request = Aggregate.make("Request", {
  command: Schema.TaggedUnion({ Ask: money, Answer: outcome }),
  event: Schema.TaggedUnion({ Asked: money, Answered: outcome }),
  state: Schema.Literals(["new", "asked", "answered"]),
  initial: "new"
})({
  decide: {
    Ask: (given, state) => (state === "new" ? [{ ...given, _tag: "Asked" }] : []),
    Answer: (given, state) => (state === "asked" ? [{ ...given, _tag: "Answered" }] : [])
  },
  evolve: { Asked: () => "asked", Answered: () => "answered" }
})

/** The process between two accounts; its id is the request's. */
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
    GaveBack: { ...money, why: Schema.String },
    Failed: { why: Schema.String },
    GaveUp: money,
    Reminded: {}
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
    Request: { Asked: (asked, state) => (state._tag === "New" ? [{ ...asked, _tag: "Started" }] : []) },
    Account: {
      Reserved: (_, state) => {
        if (state._tag === "Taking") return [{ ...state, _tag: "MoneyTaken" }]
        return state._tag === "GivenUp" ? [{ ...state, _tag: "GaveBack", why: "too late" }] : []
      },
      Credited: (_, state) => (state._tag === "Delivering" ? [{ _tag: "Completed" }] : []),
      Refunded: (_, state) => (state._tag === "GivingBack" ? [{ _tag: "Failed", why: state.why }] : [])
    }
  },
  // It leaves a trace in any case, so that one can see whether it came.
  deadline: {
    TakingIsLate: (_, state) => (state._tag === "Taking" ? [{ ...state, _tag: "GaveUp" }] : [{ _tag: "Reminded" }])
  },
  evolve: {
    Started: (_, { amount, from, to }) => ({ _tag: "Taking", from, to, amount }),
    MoneyTaken: (_, { amount, from, to }) => ({ _tag: "Delivering", from, to, amount }),
    Completed: () => ({ _tag: "Done" }),
    GaveBack: (_, { why }) => ({ _tag: "GivingBack", why }),
    Failed: () => ({ _tag: "Done" }),
    GaveUp: (_, { amount, from, to }) => ({ _tag: "GivenUp", from, to, amount }),
    Reminded: (state) => state
  },
  dispatch: {
    Started: ({ amount, from }, _, { id }) => [
      Aggregate.command(
        Account,
        from,
        { _tag: "Reserve", transfer: id, amount },
        { rejected: (why) => [{ _tag: "Failed", why }] }
      ),
      ProcessManager.deadline({ _tag: "TakingIsLate" }, { after: patience })
    ],
    MoneyTaken: ({ amount, from, to }, _, { id }) => [
      Aggregate.command(
        Account,
        to,
        { _tag: "Credit", transfer: id, amount },
        { rejected: (why) => [{ _tag: "GaveBack", from, to, amount, why }] }
      )
    ],
    GaveBack: ({ amount, from }, _, { id }) => [
      Aggregate.command(
        Account,
        from,
        { _tag: "Refund", transfer: id, amount },
        { rejected: (why) => [{ _tag: "Failed", why }] }
      )
    ],
    GaveUp: (_, __, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: "too late" })],
    Completed: (_, __, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: "done" })],
    Failed: ({ why }, _, { id }) => [Aggregate.command(Request, id, { _tag: "Answer", outcome: why })]
  }
})

/** How long a transfer waits for its money: short enough to run out where processes die. */
export const patience = "6 seconds"

/** A note that no handler likes, until it is mended. */
export const poison = "poison"

/** A row of each account and one of all, with the trail of their events; a row is removed when nothing is left in it. */
export const ledger = (isMended: () => boolean) =>
  Projection.make("ledger", {
    from: [Account],
    row: Schema.Struct({ balance: Schema.Int, trail: Schema.String }),
    initial: { balance: 0, trail: "" },
    key: ({ streamId }) => [`account ${streamId}`, "all"]
  })({
    evolve: {
      Opened: (row, { amount }) => grow(row, amount),
      Deposited: (row, { amount, note }, { revision, streamId }) => {
        if (note.startsWith(poison) && !isMended()) throw new Error(`${note} (${streamId} ${revision})`)
        return grow(row, amount)
      },
      Reserved: (row, { amount }) => (row.balance <= amount ? Projection.remove : grow(row, -amount)),
      Credited: (row, { amount }) => grow(row, amount),
      Refunded: (row, { amount }) => grow(row, amount)
    }
  })

/** The type of the ledger. */
export type Ledger = ReturnType<typeof ledger>

const grow = ({ balance, trail }: { readonly balance: number; readonly trail: string }, by: number) => ({
  balance: balance + by,
  trail: `${trail} ${by}`
})
