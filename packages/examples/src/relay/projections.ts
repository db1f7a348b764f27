// What is to be shipped: one row for each shipment that is being packed or waits for the courier.
import { Schema } from "effect"
import { Projection } from "evolvent"
import { Shipment } from "./domain.ts"

export const ToShip = Projection.make("to-ship", {
  from: [Shipment],
  row: Schema.Struct({
    customer: Schema.String,
    products: Schema.Array(Schema.String),
    pieces: Schema.Int,
    ready: Schema.Boolean
  }),
  indexes: ["customer", "ready"]
})({
  create: {
    Packed: ({ customer, product, quantity }) => ({ customer, products: [product], pieces: quantity, ready: false })
  },
  evolve: {
    Packed: (row, { product, quantity }) => ({
      ...row,
      products: row.products.includes(product) ? row.products : [...row.products, product],
      pieces: row.pieces + quantity
    }),
    Released: (row) => ({ ...row, ready: true }),
    Withdrawn: () => Projection.remove,
    HandedOver: () => Projection.remove
  }
})
