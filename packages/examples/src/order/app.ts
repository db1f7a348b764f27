// Orders as a program: commands on one side, questions on the other. What it runs on comes from the environment.
import { Console, Effect, Layer, Schema } from "effect"
import { Aggregate, Processor, ReadModel } from "evolvent"
import { type Item, Order } from "./domain.ts"
import { Items, Orders } from "./projections.ts"

/** Keeps the read models as long as it lives. */
export const ReadModels = Layer.merge(
  Processor.layer(Processor.projection(Orders)),
  Processor.layer(Processor.projection(Items))
)

/** Creates an order with its items, once however often it is sent; gives the position to wait for before asking. */
export const placeOrder = Effect.fn("placeOrder")(function* (id: string, customer: string, items: ReadonlyArray<Item>) {
  let { position } = yield* Aggregate.execute(Order, id, { _tag: "Create", customer }, { commandId: "create" })
  for (const [index, item] of items.entries()) {
    ;({ position } = yield* Aggregate.execute(Order, id, { _tag: "AddItem", item }, { commandId: `item-${index}` }))
  }
  return position
})

/** Nobody ordered under this number, or its read model has not heard of it yet. */
export class NoSuchOrder extends Schema.TaggedError<NoSuchOrder>()("NoSuchOrder", { id: Schema.String }) {}

/** Which rows, and where the page begins: at the `next` of the page before. */
export interface Criteria {
  readonly customer?: string
  readonly status?: (typeof Orders.row.Type)["status"]
  readonly limit?: number
  readonly after?: ReadModel.Cursor | undefined
}

/** One order with its items. */
export const getOrder = Effect.fn("getOrder")(function* (id: string) {
  const order = yield* ReadModel.get(Orders, id)
  return order ?? (yield* new NoSuchOrder({ id }))
})

/** Orders, the newest first, a page at a time. */
export const listOrders = ({ after, limit = 20, ...where }: Criteria = {}) =>
  ReadModel.list(Orders, { where, orderBy: "createdAt", direction: "desc", limit, after })

/** What was ordered, by product, a page at a time. */
export const listItems = ({ after, limit = 20, ...where }: Criteria = {}) =>
  ReadModel.list(Items, { where, orderBy: "product", limit, after })

export const story = Effect.gen(function* () {
  yield* placeOrder("1001", "ada", [{ product: "lantern", quantity: 6, price: 339 }])
  yield* Aggregate.execute(Order, "1001", { _tag: "Complete" }, { commandId: "complete" })
  const position = yield* placeOrder("1002", "ada", [{ product: "cakestand", quantity: 1, price: 1275 }])
  yield* Processor.waitFor(Orders, position)
  const { rows } = yield* listOrders({ customer: "ada", status: "completed" })
  for (const { key, row } of rows) yield* Console.log(`Order ${key}, ${row.items.length} item, total ${row.total}`)
  yield* Effect.catchTag(getOrder("1003"), "NoSuchOrder", ({ id }) => Console.log(`There is no order ${id}.`))
})
