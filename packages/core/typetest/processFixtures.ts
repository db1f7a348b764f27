// The process manager that the type tests make their mistakes with.
import * as Schema from "effect/Schema"
import * as Aggregate from "../src/Aggregate.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import { Account, AccountId, Order } from "./fixtures.ts"

export const id = AccountId.make("ada")

export const PaymentEvent = Schema.TaggedUnion({
  Started: { account: AccountId, amount: Schema.Int },
  Taken: {},
  Failed: { reason: Schema.String }
})
export type PaymentEvent = typeof PaymentEvent.Type

export const PaymentState = Schema.TaggedUnion({ Idle: {}, Taking: { amount: Schema.Int }, Done: {} })
export type PaymentState = typeof PaymentState.Type

export const PaymentDeadline = Schema.TaggedUnion({ Expired: {} })

export const protocol = {
  event: PaymentEvent,
  state: PaymentState,
  initial: { _tag: "Idle" },
  deadline: PaymentDeadline
} as const

/** The protocol of the payment, for second steps that go wrong. */
export const paymentStep = ProcessManager.make("Payment", {
  ...protocol,
  observes: [Order, Account],
  correlate: ({ category, metadata, streamId }) => (category === "Order" ? streamId : metadata.correlationId)
})

/** Right handlers, to be spread into the wrong ones. */
export const right = {
  decide: { Order: {}, Account: {} },
  evolve: {
    Started: (state: PaymentState): PaymentState => state,
    Taken: (state: PaymentState): PaymentState => state,
    Failed: (state: PaymentState): PaymentState => state
  },
  deadline: { Expired: () => [] },
  dispatch: {}
} as const

export const Payment = paymentStep({
  decide: {
    Order: { Paid: ({ amount }) => [{ _tag: "Started", account: id, amount }] },
    Account: { Withdrawn: (_, { _tag }) => (_tag === "Taking" ? [{ _tag: "Taken" }] : []) }
  },
  deadline: { Expired: (_, { _tag }) => (_tag === "Taking" ? [{ _tag: "Failed", reason: "expired" }] : []) },
  evolve: {
    Started: (_, { amount }) => ({ _tag: "Taking", amount }),
    Taken: () => ({ _tag: "Done" }),
    Failed: () => ({ _tag: "Done" })
  },
  dispatch: {
    Started: ({ account, amount }) => [
      Aggregate.command(
        Account,
        account,
        { _tag: "Withdraw", amount },
        { rejected: ({ _tag }) => [{ _tag: "Failed", reason: _tag }] }
      ),
      ProcessManager.deadline({ _tag: "Expired" }, { after: "1 hour" })
    ],
    Taken: (_, __, { id }) => [Aggregate.command(Order, id, { _tag: "Close" }, { after: "1 day" })]
  }
})
