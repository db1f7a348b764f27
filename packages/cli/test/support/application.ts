// application: the definitions that the tests of the command line work with: an account, its read model, and a reactor that fails.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"

export const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Open: { owner: Schema.String }, Deposit: { amount: Schema.Int } }),
  event: Schema.TaggedUnion({ Opened: { owner: Schema.String }, Deposited: { amount: Schema.Int } }),
  state: Schema.Struct({ balance: Schema.Int }),
  initial: { balance: 0 }
})({
  decide: {
    Open: ({ owner }) => [{ _tag: "Opened", owner }],
    Deposit: ({ amount }) => [{ _tag: "Deposited", amount }]
  },
  evolve: { Opened: (state) => state, Deposited: ({ balance }, { amount }) => ({ balance: balance + amount }) }
})

export const Balances = Projection.make("balances", {
  from: [Account],
  row: Schema.Struct({ owner: Schema.String, balance: Schema.Int })
})({
  create: { Opened: ({ owner }) => ({ owner, balance: 0 }) },
  evolve: { Deposited: (row, { amount }) => ({ ...row, balance: row.balance + amount }) }
})

/** The mail server, which is broken unless it was mended. */
export const mails = { isMended: false, sent: [] as Array<string> }

export class MailRefused extends Schema.TaggedError<MailRefused>()("MailRefused", { to: Schema.String }) {
  override get message(): string {
    return `the mail server does not know ${this.to}`
  }
}

export const Welcome = Processor.reactor("welcome", {
  from: [Account],
  handle: {
    Opened: ({ owner }) =>
      Effect.suspend(() => {
        if (owner === "nobody" && !mails.isMended) return Effect.fail(new MailRefused({ to: owner }))
        mails.sent.push(owner)
        return Effect.void
      })
  }
})
