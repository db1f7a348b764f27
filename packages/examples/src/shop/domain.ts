// The shop: its customers' accounts and orders are those of the other examples, and a completed order has to be paid.
import { Schema } from "effect"
import { Aggregate, ProcessManager } from "evolvent"
import { Order } from "../order/domain.ts"
import { Request } from "../transfer/domain.ts"

export { Order } from "../order/domain.ts"
export { Account, Request, Transfer } from "../transfer/domain.ts"

/** The account that orders are paid into. */
export const till = "shop"

/** The most that is paid at once. */
export const most = 1_000_000_000

/** The transfer by which an order is paid. Nobody else can ask for one of this id: theirs have no point in them. */
export const paymentOf = (order: string): string => `order.${order}`

const payment = { from: Schema.String, amount: Schema.Int }

/** Remembers whose order it is, and asks for its payment when it is completed: a transfer, with an end of its own. */
export const Checkout = ProcessManager.make("Checkout", {
  observes: [Order],
  correlate: ({ streamId }) => streamId,
  event: Schema.TaggedUnion({
    Begun: { customer: Schema.String },
    Billed: payment,
    /** More than is paid at once: a case for a person. */
    TooMuch: payment
  }),
  state: Schema.Struct({ customer: Schema.String, isBilled: Schema.Boolean }),
  initial: { customer: "", isBilled: false }
})({
  decide: {
    Created: ({ customer }) => [{ _tag: "Begun", customer }],
    Completed: ({ total }, { customer, isBilled }) =>
      isBilled ? [] : [{ _tag: total > most ? "TooMuch" : "Billed", from: customer, amount: total }]
  },
  evolve: {
    Begun: (state, { customer }) => ({ ...state, customer }),
    Billed: (state) => ({ ...state, isBilled: true }),
    TooMuch: (state) => ({ ...state, isBilled: true })
  },
  dispatch: {
    Billed: ({ amount, from }, _, { id }) => [
      Aggregate.command(Request, paymentOf(id), { _tag: "Ask", from, to: till, amount })
    ]
  }
})
