// orders: an aggregate with a past, for the tests of upcasting: fields came, a type was renamed, one split, one dropped.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../src/Aggregate.ts"
import type { EventData } from "../../src/EventData.ts"
import { EventStore } from "../../src/EventStore.ts"
import * as Processor from "../../src/Processor.ts"
import * as Projection from "../../src/Projection.ts"
import * as StreamName from "../../src/StreamName.ts"
import * as Upcaster from "../../src/Upcaster.ts"

const Item = Schema.Struct({ item: Schema.String, price: Schema.Int })

export const OrderEvent = Schema.TaggedUnion({
  Created: { customer: Schema.String, items: Schema.Array(Item) },
  Paid: { amount: Schema.Int },
  Closed: { by: Schema.String },
  Shipped: {}
})

export const OrderHistory = Upcaster.make(OrderEvent)(
  {
    Created: (event) =>
      event
        .from({ total: Schema.Int })
        .to({ total: Schema.Int, customer: Schema.String }, (v1) => ({ ...v1, customer: "unknown" }))
        .toCurrent(({ customer, total }) => ({ customer, items: [{ item: "unknown", price: total }] })),
    Paid: (event) =>
      event.from({ euros: Schema.Int }, "MoneyReceived").toCurrent(({ euros }) => ({ amount: euros * 100 })),
    Closed: (event) =>
      event
        .from({})
        .to({ name: Schema.String, paid: Schema.Int }, () => [])
        .to({ name: Schema.String }, ({ name, paid }) => [
          { _tag: "Paid", amount: paid },
          { _tag: "Closed", by: name }
        ])
        .toCurrent(({ name }) => ({ by: name }))
  },
  {
    Settled: (event) =>
      event.from({ amount: Schema.Int, by: Schema.String }).toCurrent(({ amount, by }) => [
        { _tag: "Paid", amount },
        { _tag: "Closed", by }
      ]),
    Reminded: (event) =>
      event
        .from({})
        .to({ times: Schema.Int }, () => ({ times: 1 }))
        .toCurrent(() => [])
  }
)

const command = Schema.TaggedUnion({ Pay: { amount: Schema.Int } })

export const Order = Aggregate.make("Order", {
  command,
  event: OrderEvent,
  state: Schema.Struct({
    customer: Schema.String,
    total: Schema.Int,
    paid: Schema.Int,
    closed: Schema.Int,
    steps: Schema.Int
  }),
  initial: { customer: "", total: 0, paid: 0, closed: 0, steps: 0 },
  upcast: OrderHistory
})({
  decide: { Pay: ({ amount }) => [{ _tag: "Paid", amount }] },
  evolve: {
    Created: (state, { customer, items }) => ({
      ...state,
      customer,
      total: state.total + items.reduce((sum, { price }) => sum + price, 0),
      steps: state.steps + 1
    }),
    Paid: (state, { amount }) => ({ ...state, paid: state.paid + amount, steps: state.steps + 1 }),
    Closed: (state) => ({ ...state, closed: state.closed + 1, steps: state.steps + 1 }),
    Shipped: (state) => ({ ...state, steps: state.steps + 1 })
  }
})

/** A stream of an order as years left it: each line by the code of its day. */
export const stored: ReadonlyArray<EventData> = [
  { type: "Created", schemaVersion: 1, data: { total: 7 } },
  { type: "MoneyReceived", schemaVersion: 1, data: { euros: 3 } },
  { type: "Created", schemaVersion: 2, data: { total: 10, customer: "ada" } },
  { type: "Settled", schemaVersion: 1, data: { amount: 500, by: "bob" } },
  { type: "Paid", schemaVersion: 2, data: { amount: 300 } },
  { type: "Reminded", schemaVersion: 2, data: { times: 3 } }
]

/** Appends to an order. */
export const append = (id: string, events: ReadonlyArray<EventData>) =>
  Effect.map(
    EventStore.use((store) => store.append(StreamName.make("Order", id), events)),
    ({ position }) => position
  )

/** What was paid for each order, and in how many events. */
export const Payments = Projection.make("payments", {
  from: [Order],
  row: Schema.Struct({ paid: Schema.Int, times: Schema.Int }),
  initial: { paid: 0, times: 0 }
})({ evolve: { Paid: ({ paid, times }, { amount }) => ({ paid: paid + amount, times: times + 1 }) } })

/** Runs a processor until the scope closes. */
export const start = <Name extends string, E, R>(
  processor: Processor.Processor<Name, E, R>,
  options?: Processor.RunOptions<E>
) => Effect.forkScoped(Processor.run(processor, options), { startImmediately: true })
