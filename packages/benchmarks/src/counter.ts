// The aggregate and projection that the benchmarks fold: an account with four kinds of events.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Projection from "evolvent/Projection"

const CounterEvent = Schema.TaggedUnion({
  Opened: { owner: Schema.String },
  Deposited: { amount: Schema.Int },
  Withdrawn: { amount: Schema.Int },
  Closed: {}
})

/** An event of the counter. */
export type CounterEvent = typeof CounterEvent.Type

/** An account that takes any amount: deciding costs nothing, so that the library is what is measured. */
export const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Deposit: { amount: Schema.Int } }),
  event: CounterEvent,
  state: Schema.Struct({ owner: Schema.String, balance: Schema.Int, open: Schema.Boolean }),
  initial: { owner: "", balance: 0, open: false }
})({
  decide: { Deposit: ({ amount }) => [{ _tag: "Deposited", amount }] },
  evolve: {
    Opened: (state, { owner }) => ({ ...state, owner, open: true }),
    Deposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Withdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Closed: (state) => ({ ...state, open: false })
  }
})

/** The balance of each account. */
export const Balances = Projection.make("balances", {
  from: [Counter],
  row: Schema.Struct({ balance: Schema.Int }),
  initial: { balance: 0 }
})({
  evolve: {
    Deposited: ({ balance }, { amount }) => ({ balance: balance + amount }),
    Withdrawn: ({ balance }, { amount }) => ({ balance: balance - amount })
  }
})

/** The n-th of a never ending run of events. */
export const eventAt = (n: number): CounterEvent => {
  switch (n % 16) {
    case 0:
      return { _tag: "Opened", owner: "ada" }
    case 15:
      return { _tag: "Closed" }
    default:
      return n % 3 === 0 ? { _tag: "Withdrawn", amount: n % 7 } : { _tag: "Deposited", amount: n % 11 }
  }
}
