// The aggregates and projections that the type tests make their mistakes with.
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "../src/Aggregate.ts"
import * as Projection from "../src/Projection.ts"

export const AccountId = Schema.String.pipe(Schema.brand("AccountId"))

export class AccountNotOpen extends Schema.TaggedError<AccountNotOpen>()("AccountNotOpen", {
  status: Schema.String
}) {}

export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  balance: Schema.Int,
  requested: Schema.Int
}) {}

export const AccountCommand = Schema.TaggedUnion({
  Open: { owner: Schema.String },
  Deposit: { amount: Schema.Int },
  Withdraw: { amount: Schema.Int },
  Close: {}
})

export const AccountEvent = Schema.TaggedUnion({
  Opened: { owner: Schema.String },
  Deposited: { amount: Schema.Int },
  Withdrawn: { amount: Schema.Int },
  Closed: {}
})
export type AccountEvent = typeof AccountEvent.Type

export const AccountState = Schema.Struct({
  status: Schema.Literals(["none", "open", "closed"]),
  balance: Schema.Int
})
export type AccountState = typeof AccountState.Type

/** The protocol of the account, for second steps that go wrong. */
export const accountStep = Aggregate.make("Account", {
  id: AccountId,
  command: AccountCommand,
  event: AccountEvent,
  state: AccountState,
  initial: { status: "none", balance: 0 }
})

/** Right handlers, to be spread into the wrong ones. */
export const decide = {
  Open: () => [],
  Deposit: () => [],
  Withdraw: () => [],
  Close: () => []
} as const

export const evolve = {
  Opened: (state: AccountState): AccountState => state,
  Deposited: (state: AccountState): AccountState => state,
  Withdrawn: (state: AccountState): AccountState => state,
  Closed: (state: AccountState): AccountState => state
} as const

export const Account = accountStep({
  decide: {
    Open: ({ owner }, { status }) =>
      status === "none" ? [{ _tag: "Opened", owner }] : Result.fail(new AccountNotOpen({ status })),
    Deposit: ({ amount }) => [{ _tag: "Deposited", amount }],
    Withdraw: ({ amount }, { balance }) =>
      amount <= balance
        ? [{ _tag: "Withdrawn", amount }]
        : Result.fail(new InsufficientFunds({ balance, requested: amount })),
    Close: () => [{ _tag: "Closed" }]
  },
  evolve: {
    Opened: (state) => ({ ...state, status: "open" }),
    Deposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Withdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Closed: (state) => ({ ...state, status: "closed" })
  }
})

export const OrderEvent = Schema.TaggedUnion({
  Created: { customer: Schema.String },
  Paid: { amount: Schema.Int },
  Closed: { by: Schema.String }
})

/** An aggregate that never says no, with a tag that the account has, too. */
export const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Create: { customer: Schema.String }, Pay: { amount: Schema.Int }, Close: {} }),
  event: OrderEvent,
  state: Schema.Struct({ paid: Schema.Int }),
  initial: { paid: 0 }
})({
  decide: {
    Create: ({ customer }) => [{ _tag: "Created", customer }],
    Pay: ({ amount }) => [{ _tag: "Paid", amount }],
    Close: () => [{ _tag: "Closed", by: "customer" }]
  },
  evolve: {
    Created: (state) => state,
    Paid: ({ paid }, { amount }) => ({ paid: paid + amount }),
    Closed: (state) => state
  }
})

export const BalanceRow = Schema.Struct({
  owner: Schema.String,
  balance: Schema.Int,
  since: Schema.DateTimeUtc,
  tags: Schema.Array(Schema.String),
  status: Schema.Literals(["open", "closed"])
})
export type BalanceRow = typeof BalanceRow.Type

export const balanceProtocol = {
  from: [Account],
  row: BalanceRow,
  indexes: ["owner", "balance", "status", "since"]
} as const

export const aBalance: BalanceRow = {
  owner: "ada",
  balance: 0,
  since: DateTime.makeUnsafe(0),
  tags: [],
  status: "open"
}

export const Balances = Projection.make(
  "balances",
  balanceProtocol
)({
  create: {
    Opened: ({ owner }, { recordedAt }) => ({ owner, balance: 0, since: recordedAt, tags: [], status: "open" })
  },
  evolve: {
    Deposited: (row, { amount }) => ({ ...row, balance: row.balance + amount }),
    Closed: () => Projection.remove
  }
})

export const Unindexed = Projection.make("unindexed", {
  from: [Account],
  row: Schema.Struct({ count: Schema.Int }),
  initial: { count: 0 }
})({
  evolve: { Deposited: ({ count }) => ({ count: count + 1 }) }
})
