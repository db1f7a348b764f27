// What people ask about orders: the orders themselves, and what was ordered, by customer and by status.
import { Schema } from "effect"
import { Projection } from "evolvent"
import { Item, Order } from "./domain.ts"

const Status = Schema.Literals(["open", "completed", "cancelled"])

/** One row for each order, with its items. */
export const Orders = Projection.make("orders", {
  from: [Order],
  row: Schema.Struct({
    customer: Schema.String,
    status: Status,
    items: Schema.Array(Item),
    total: Schema.Int,
    createdAt: Schema.DateTimeUtc
  }),
  indexes: ["customer", "status", "total", "createdAt"]
})({
  create: {
    Created: ({ customer }, { recordedAt }) => ({
      customer,
      status: "open",
      items: [],
      total: 0,
      createdAt: recordedAt
    })
  },
  evolve: {
    ItemAdded: (row, { item }) => ({
      ...row,
      items: [...row.items, item],
      total: row.total + item.quantity * item.price
    }),
    Completed: (row) => ({ ...row, status: "completed" }),
    Cancelled: (row) => ({ ...row, status: "cancelled" })
  }
})

/** One row for each product of an order: an event that ends the order changes all of its rows. */
export const Items = Projection.make("items", {
  from: [Order],
  row: Schema.Struct({
    order: Schema.String,
    customer: Schema.String,
    status: Status,
    product: Schema.String,
    quantity: Schema.Int,
    amount: Schema.Int
  }),
  key: ({ data, streamId }) => {
    switch (data._tag) {
      case "ItemAdded":
        return `${streamId}/${data.item.product}`
      case "Completed":
      case "Cancelled":
        return data.products.map((product) => `${streamId}/${product}`)
      case "Created":
        return []
    }
  },
  indexes: ["order", "customer", "status", "product"]
})({
  create: {
    ItemAdded: ({ customer, item: { price, product, quantity } }, { streamId }) => ({
      order: streamId,
      customer,
      status: "open",
      product,
      quantity,
      amount: quantity * price
    })
  },
  evolve: {
    ItemAdded: (row, { item: { price, quantity } }) => ({
      ...row,
      quantity: row.quantity + quantity,
      amount: row.amount + quantity * price
    }),
    Completed: (row) => ({ ...row, status: "completed" }),
    Cancelled: (row) => ({ ...row, status: "cancelled" })
  }
})
