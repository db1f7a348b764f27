// The shop as a process: it takes orders on its own PostgreSQL, and a relay tells the bus. Who listens it does not know.
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Aggregate from "evolvent/Aggregate"
import * as Metadata from "evolvent/Metadata"
import * as Processor from "evolvent/Processor"
import { placeOrder } from "../order/app.ts"
import { type Item, Order } from "../order/domain.ts"
import { patiently, run } from "./service.ts"

// What is published is a contract: that an order was begun is nobody's business.
const OrdersToBus = Processor.relay("orders-to-bus", { from: [Order], only: ["ItemAdded", "Completed", "Cancelled"] })

const customers = ["ada", "bob", "eve"]
const products = ["lantern", "cakestand", "bunting", "teapot", "doormat"]

/** What is in the n-th order: one to four items. */
const itemsOf = (n: number): ReadonlyArray<Item> =>
  Array.from({ length: 1 + (n % 4) }, (_, i) => ({
    product: products[(n + 2 * i) % products.length] ?? "lantern",
    quantity: 1 + ((n + i) % 3),
    price: 100 * (i + 1)
  }))

/** Each command has an id: whoever was killed begins again with the first order, and nothing happens twice. */
const takeOrder = Effect.fn("takeOrder")(function* (n: number) {
  const id = String(1000 + n)
  const customer = customers[n % customers.length] ?? "ada"
  yield* placeOrder(id, customer, itemsOf(n))
  const isCancelled = n % 7 === 0
  const end = isCancelled ? ({ _tag: "Cancel", reason: "no stock" } as const) : ({ _tag: "Complete" } as const)
  const { repeated } = yield* Aggregate.execute(Order, id, end, { commandId: "end" })
  if (!repeated) yield* Console.log(`${id} of ${customer} is ${isCancelled ? "cancelled" : "completed"}`)
  return repeated
})

const takeOrders = Effect.gen(function* () {
  const count = yield* Config.withDefault(Config.Int("ORDERS"), 12)
  for (let n = 1; n <= count; n++) {
    const repeated = yield* patiently(takeOrder(n)).pipe(Metadata.provide({ correlationId: `order-${1000 + n}` }))
    if (!repeated) yield* Effect.sleep("100 millis")
  }
  yield* Console.log(`all ${count} orders are taken`)
})

// The relay goes on when all orders are taken, and when it stops the process ends.
const all = [takeOrders, Processor.run(OrdersToBus, { lease: "2 seconds" })]
run("orders", Effect.all(all, { concurrency: "unbounded", discard: true }))
