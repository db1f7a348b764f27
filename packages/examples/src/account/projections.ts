// What people ask about accounts: the balance of each, and its statement.
import { Schema } from "effect"
import { Projection } from "evolvent"
import { Account } from "./domain.ts"

/** One row for each open account. */
export const Balances = Projection.make("balances", {
  from: [Account],
  row: Schema.Struct({ owner: Schema.String, balance: Schema.Int }),
  indexes: ["owner", "balance"]
})({
  create: { Opened: ({ owner }) => ({ owner, balance: 0 }) },
  evolve: {
    Deposited: (row, { amount }) => ({ ...row, balance: row.balance + amount }),
    Withdrawn: (row, { amount }) => ({ ...row, balance: row.balance - amount }),
    Closed: () => Projection.remove
  }
})

/** One row for each movement of money; it stays when the account is closed. */
export const Statement = Projection.make("statement", {
  from: [Account],
  row: Schema.Struct({ account: Schema.String, entry: Schema.Int, amount: Schema.Int, at: Schema.DateTimeUtc }),
  key: ({ revision, streamId }) => `${streamId}/${revision}`,
  indexes: ["account", "entry", "at"]
})({
  create: {
    Deposited: ({ amount }, { recordedAt, revision, streamId }) => ({
      account: streamId,
      entry: revision,
      amount,
      at: recordedAt
    }),
    Withdrawn: ({ amount }, { recordedAt, revision, streamId }) => ({
      account: streamId,
      entry: revision,
      amount: -amount,
      at: recordedAt
    })
  },
  evolve: {}
})
