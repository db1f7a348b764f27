// What people ask the shop: the balance of each account, and what became of each transfer. Orders have theirs already.
import { Schema } from "effect"
import { Projection } from "evolvent"
import { Account, Request } from "./domain.ts"

export { Orders } from "../order/projections.ts"

/** One row for each account. */
export const Accounts = Projection.make("accounts", {
  from: [Account],
  row: Schema.Struct({ balance: Schema.Int, openedAt: Schema.DateTimeUtc }),
  indexes: ["balance", "openedAt"]
})({
  create: { Opened: ({ balance }, { recordedAt }) => ({ balance, openedAt: recordedAt }) },
  evolve: {
    Reserved: (row, { amount }) => ({ ...row, balance: row.balance - amount }),
    Credited: (row, { amount }) => ({ ...row, balance: row.balance + amount }),
    Refunded: (row, { amount }) => ({ ...row, balance: row.balance + amount })
  }
})

/** One row for each transfer: pending until it is done, or has failed for a reason. */
export const Transfers = Projection.make("transfers", {
  from: [Request],
  row: Schema.Struct({
    from: Schema.String,
    to: Schema.String,
    amount: Schema.Int,
    status: Schema.Literals(["pending", "done", "failed"]),
    why: Schema.NullOr(Schema.String),
    askedAt: Schema.DateTimeUtc
  }),
  indexes: ["from", "to", "status", "askedAt"]
})({
  create: {
    Asked: ({ amount, from, to }, { recordedAt }) => ({
      from,
      to,
      amount,
      status: "pending",
      why: null,
      askedAt: recordedAt
    })
  },
  evolve: {
    Answered: (row, { outcome }) =>
      outcome === "done" ? { ...row, status: "done" } : { ...row, status: "failed", why: outcome }
  }
})
