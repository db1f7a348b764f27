// The domain of the benchmarks that compare stores: a ledger whose events are about 200 bytes of JSON each.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Projection from "evolvent/Projection"

const Amount = { amount: Schema.Int, currency: Schema.String }
const Party = { counterparty: Schema.String, reference: Schema.String, note: Schema.String }

const LedgerEvent = Schema.TaggedUnion({ Credited: { ...Amount, ...Party }, Debited: { ...Amount, ...Party } })

/** An event of the ledger; for a peer that knows no `_tag`, {@link dataAt} gives the rest of it. */
export type LedgerEvent = typeof LedgerEvent.Type

/** The types of the ledger's events. */
export type LedgerType = LedgerEvent["_tag"]

/** What an event of either type carries. */
export interface LedgerData {
  readonly [key: string]: string | number
  readonly amount: number
  readonly currency: string
  readonly counterparty: string
  readonly reference: string
  readonly note: string
}

/** An event as Emmett takes it. A type alias, since its constraint asks for an index signature that an interface lacks. */
export type LedgerMessage = { readonly type: LedgerType; readonly data: LedgerData }

/** What every peer folds a stream into. */
export interface Balance {
  readonly balance: number
  readonly entries: number
}

/** The category of all streams, which are `Ledger-…`. */
export const category = "Ledger"

/** Both types, for a peer that asks for a list. */
export const types: Array<LedgerType> = ["Credited", "Debited"]

export const initial: Balance = { balance: 0, entries: 0 }

/** The state after one more event: one function for all peers, so that none folds faster than another. */
export const evolve = ({ balance, entries }: Balance, type: LedgerType, amount: number): Balance => ({
  balance: type === "Credited" ? balance + amount : balance - amount,
  entries: entries + 1
})

/** The ledger as an aggregate of ours. */
export const Ledger = Aggregate.make(category, {
  command: Schema.TaggedUnion({ Credit: { amount: Schema.Int } }),
  event: LedgerEvent,
  state: Schema.Struct({ balance: Schema.Int, entries: Schema.Int }),
  initial
})({
  decide: () => [],
  evolve: (state, event) => evolve(state, event._tag, event.amount)
})

/** How many entries each ledger has: the read model of `projection`. A name of its own makes it start from the beginning. */
export const countsNamed = (name: string) =>
  Projection.make(name, {
    from: [Ledger],
    row: Schema.Struct({ entries: Schema.Int }),
    initial: { entries: 0 }
  })({
    evolve: {
      Credited: ({ entries }) => ({ entries: entries + 1 }),
      Debited: ({ entries }) => ({ entries: entries + 1 })
    }
  })

/** The type of the n-th event. */
export const typeAt = (n: number): LedgerType => (n % 3 === 0 ? "Debited" : "Credited")

/** The data of the n-th event. */
export const dataAt = (n: number): LedgerData => ({
  amount: n % 10_000,
  currency: "EUR",
  counterparty: "DE89 3704 0044 0532 0130 00",
  reference: `INV-2026-${String(n % 1_000_000).padStart(6, "0")}`,
  note: "quarterly instalment as agreed, thirty days net, no reminder before the fifteenth of the month"
})

/** What the amounts of the first n events sum to: how a reader proves that it has read all of them. */
export const sumOfAmounts = (n: number): number => {
  const rest = n % 10_000
  return ((n - rest) / 10_000) * 49_995_000 + (rest * (rest - 1)) / 2
}
