// A customer's order: items are added until it is completed or cancelled, and then it stays as it is.
import { Result, Schema } from "effect"
import { Aggregate, Upcaster } from "evolvent"

const Name = Schema.String.check(Schema.isPattern(/\S/, { expected: "a name" }))
const count = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

/** Some pieces of one product, and the price of one of them in the smallest coin. */
export const Item = Schema.Struct({ product: Name, quantity: count(10_000), price: count(1_000_000) })
export type Item = typeof Item.Type

// All that an order could come to, before it had items.
const Total = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

export const Status = Schema.Literals(["none", "open", "completed", "cancelled"])

export class AlreadyCreated extends Schema.TaggedError<AlreadyCreated>()("AlreadyCreated", { status: Status }) {}
export class NotOpen extends Schema.TaggedError<NotOpen>()("NotOpen", { status: Status }) {}
export class NothingOrdered extends Schema.TaggedError<NothingOrdered>()("NothingOrdered", {}) {}

/** Events carry what their readers need: whose item it was, and which products an order ends with. */
const OrderEvent = Schema.TaggedUnion({
  Created: { customer: Name },
  ItemAdded: { customer: Name, item: Item },
  Completed: { products: Schema.Array(Name), total: Schema.Int },
  Cancelled: { products: Schema.Array(Name), reason: Name }
})

/**
 * What orders were in earlier years: first one was a total, then it had a customer, and now its items are events of
 * their own. What was ordered back then nobody knows; it is an item without a name.
 */
const OrderHistory = Upcaster.make(OrderEvent)({
  Created: (event) =>
    event
      .from({ total: Total })
      .to({ total: Total, customer: Name }, (v1) => ({ ...v1, customer: "unknown" }))
      .toCurrent(({ customer, total }) =>
        total === 0
          ? { customer }
          : [
              { _tag: "Created", customer },
              { _tag: "ItemAdded", customer, item: { product: "unlisted", quantity: 1, price: total } }
            ]
      )
})

export const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({
    Create: { customer: Name },
    AddItem: { item: Item },
    Complete: {},
    Cancel: { reason: Name }
  }),
  event: OrderEvent,
  upcast: OrderHistory,
  state: Schema.Struct({ status: Status, customer: Schema.String, products: Schema.Array(Name), total: Schema.Int }),
  initial: { status: "none", customer: "", products: [], total: 0 }
})({
  decide: {
    Create: ({ customer }, { status }) =>
      status === "none" ? [{ _tag: "Created", customer }] : Result.fail(new AlreadyCreated({ status })),
    AddItem: ({ item }, { customer, status }) =>
      status === "open" ? [{ _tag: "ItemAdded", customer, item }] : Result.fail(new NotOpen({ status })),
    Complete: (_, { products, status, total }) => {
      if (status !== "open") return Result.fail(new NotOpen({ status }))
      return products.length > 0 ? [{ _tag: "Completed", products, total }] : Result.fail(new NothingOrdered())
    },
    Cancel: ({ reason }, { products, status }) =>
      status === "open" ? [{ _tag: "Cancelled", products, reason }] : Result.fail(new NotOpen({ status }))
  },
  evolve: {
    Created: (_, { customer }) => ({ status: "open", customer, products: [], total: 0 }),
    ItemAdded: (state, { item }) => ({
      ...state,
      products: state.products.includes(item.product) ? state.products : [...state.products, item.product],
      total: state.total + item.quantity * item.price
    }),
    Completed: (state) => ({ ...state, status: "completed" }),
    Cancelled: (state) => ({ ...state, status: "cancelled" })
  }
})
