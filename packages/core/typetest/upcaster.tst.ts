// What the compiler says to mistakes in the past of events, and what it lets pass.
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Upcaster from "../src/Upcaster.ts"

const OrderEvent = Schema.TaggedUnion({
  Created: { customer: Schema.String, items: Schema.Array(Schema.Int), note: Schema.optionalKey(Schema.String) },
  Paid: { amount: Schema.Int },
  Closed: { by: Schema.String }
})
type OrderEvent = typeof OrderEvent.Type

const v1 = { total: Schema.Int }
const v2 = { total: Schema.Int, customer: Schema.String }
const past = Upcaster.make(OrderEvent)

describe("a history", () => {
  test("is typed from its first version to today", () => {
    const history = past(
      {
        Created: (event) =>
          event
            .from(v1)
            .to(v2, (created) => {
              expect(created).type.toBe<{ readonly total: number }>()
              return { ...created, customer: "unknown" }
            })
            .toCurrent((created) => {
              expect(created).type.toBe<{ readonly total: number; readonly customer: string }>()
              return { customer: created.customer, items: [created.total] }
            }),
        Paid: (event) =>
          event.from({ euros: Schema.Int }, "MoneyReceived").toCurrent(({ euros }) => ({ amount: euros })),
        Closed: (event) => event.from({}).toCurrent(() => [])
      },
      {
        Settled: (event) =>
          event.from({ amount: Schema.Int, by: Schema.String }).toCurrent(({ amount, by }) => [
            { _tag: "Paid", amount },
            { _tag: "Closed", by }
          ])
      }
    )
    expect(history).type.toBe<Upcaster.Upcaster<OrderEvent>>()
    expect(past({})).type.toBe<Upcaster.Upcaster<OrderEvent>>()
  })

  test("decodes optional fields to optional ones", () => {
    past({
      Created: (event) =>
        event.from({ total: Schema.Int, note: Schema.optionalKey(Schema.String) }).toCurrent((created) => {
          expect(created).type.toBe<{ readonly total: number; readonly note?: string }>()
          return { ...created, customer: "", items: [] }
        })
    })
  })

  test("a step that forgets a field of the next version", () => {
    past({
      Created: (event) =>
        event
          .from(v1)
          // @ts-expect-error Type '{ readonly total: number; }' is not assignable to type 'Up<
          .to(v2, ({ total }) => ({ total }))
          .toCurrent(({ customer }) => ({ customer, items: [] }))
    })
  })

  test("a last step that gives not today's shape", () => {
    past({
      Created: (event) =>
        event
          .from(v2)
          // @ts-expect-error Property 'items' is missing in type '{ customer: string; }' but required in type
          .toCurrent(({ customer }) => ({ customer }))
    })
  })

  test("a step that reads a field which its version had not", () => {
    past({
      Created: (event) =>
        // @ts-expect-error Property 'customer' does not exist on type '{ readonly total: number; }'.
        event.from(v1).toCurrent(({ customer }) => ({ customer, items: [] }))
    })
  })

  test("a retired type that ends in no event", () => {
    past(
      {},
      {
        Settled: (event) =>
          // @ts-expect-error Type '{ amount: number; }' is missing the following properties from type
          event.from({ amount: Schema.Int }).toCurrent(({ amount }) => ({ amount }))
      }
    )
  })

  test("a retired type that ends in an event that the union has not", () => {
    past(
      {},
      {
        Settled: (event) =>
          event.from({ amount: Schema.Int }).toCurrent(({ amount }) => [
            {
              // @ts-expect-error Type '"Payed"' is not assignable to type '"Created" | "Paid" | "Closed"'
              _tag: "Payed",
              amount
            }
          ])
      }
    )
  })

  test("a chain that does not reach today", () => {
    past({
      // @ts-expect-error Property 'endsInToCurrent' is missing in type 'Chain<
      Created: (event) => event.from(v1).to(v2, (created) => ({ ...created, customer: "" }))
    })
  })

  test("a misspelt type", () => {
    past({
      // @ts-expect-error 'Creatd' does not exist in type
      Creatd: (event: Upcaster.Start<OrderEvent, "Created">) =>
        event.from(v1).toCurrent(() => ({ customer: "", items: [] }))
    })
  })

  test("a field whose schema needs a service", () => {
    const needy = Schema.String as Schema.Codec<string, string, "Clock", never>
    past({
      // @ts-expect-error Type 'Codec<string, string, "Clock", never>' is not assignable to type
      Paid: (event) => event.from({ needy }).toCurrent(() => ({ amount: 1 }))
    })
  })
})

describe("the past of another union", () => {
  const Other = Schema.TaggedUnion({ Happened: {} })

  test("is not that of an aggregate", () => {
    Aggregate.make("Order", {
      command: OrderEvent,
      event: OrderEvent,
      state: Schema.Null,
      initial: null,
      // @ts-expect-error Type 'Upcaster<{ readonly _tag: "Happened"; }>' is not assignable to type 'Upcaster<
      upcast: Upcaster.make(Other)({})
    })
  })

  test("is not that of a process manager", () => {
    const Order = Aggregate.make("Order", {
      command: OrderEvent,
      event: OrderEvent,
      state: Schema.Null,
      initial: null,
      upcast: past({})
    })({ decide: () => [], evolve: () => null })
    ProcessManager.make("Shipping", {
      observes: [Order],
      correlate: ({ streamId }) => streamId,
      event: Schema.TaggedUnion({ Sent: {} }),
      state: Schema.Null,
      initial: null,
      // @ts-expect-error Type 'Upcaster<{ readonly _tag: "Happened"; }>' is not assignable to type 'Upcaster<
      upcast: Upcaster.make(Other)({})
    })
  })
})
