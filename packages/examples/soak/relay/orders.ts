// orders: the events that are relayed, what shipping keeps of them, and the same by folding the log.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"

/** The orders. They have no commands to speak of: their events are appended as they are. */
export const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Touch: {} }),
  event: Schema.TaggedUnion({
    Changed: { amount: Schema.Int },
    Packed: { weight: Schema.Int }
  }),
  state: Schema.Null,
  initial: null
})({
  decide: { Touch: () => [] },
  evolve: { Changed: () => null, Packed: () => null }
})

/** What shipping wants to know. */
export const packed = "Packed"

/** Every tenth order is packed at every tenth event: a transaction for each message takes longer than all the rest. */
const isPacked = (order: number, revision: number): boolean => order % 10 === 0 && revision % 10 === 0

/** The event with a number in its stream. */
export const eventOf = (order: number, revision: number) =>
  isPacked(order, revision)
    ? { type: packed, data: { weight: 1 + ((order * 31 + revision) % 97) } }
    : { type: "Changed", data: { amount: revision } }

/** The groups on the bus: shipping keeps rows by its inbox, and the audit writes down everything. */
export const groups = { shipping: "shipping", audit: "audit" } as const

/**
 * The rows of shipping. `chain` tells their order and number: what is handled twice, left out or out of order is seen.
 * The modulus keeps it within what both languages count exactly.
 */
export const schema = "CREATE TABLE shipments (orders text PRIMARY KEY, count int NOT NULL, chain bigint NOT NULL)"

const modulus = 1_000_003

export const upsert = `INSERT INTO shipments AS s (orders, count, chain) VALUES ($1, 1, $2::bigint)
  ON CONFLICT (orders) DO UPDATE SET count = s.count + 1, chain = (s.chain * 31 + $2::bigint) % ${modulus}`

/** A row as the log says that it should be. */
export interface Shipment {
  count: number
  chain: number
}

/** Folds an event into its row. */
export const fold = (row: Shipment | undefined, weight: number): Shipment =>
  row === undefined ? { count: 1, chain: weight } : { count: row.count + 1, chain: (row.chain * 31 + weight) % modulus }
