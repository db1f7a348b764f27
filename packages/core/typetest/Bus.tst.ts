// What the compiler says to mistakes in a relay and an inbox, and what it infers of failures and services.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Bus from "../src/Bus.ts"
import type { BusError } from "../src/BusError.ts"
import type { CheckpointStore } from "../src/CheckpointStore.ts"
import type { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import { Account, Order } from "./fixtures.ts"

class InvoiceError extends Schema.TaggedError<InvoiceError>()("InvoiceError", { customer: Schema.String }) {}
class Invoices extends Context.Service<
  Invoices,
  { readonly add: (customer: string) => Effect.Effect<void, InvoiceError> }
>()("Invoices") {}

describe("a relay", () => {
  test("needs the bus, and can fail with what the bus refuses", () => {
    const relay = Processor.relay("to-bus", { from: [Account] })
    expect(relay).type.toBe<Processor.Processor<"to-bus", BusError, Bus.Bus | EventStore | CheckpointStore>>()
    expect(
      Processor.layer(relay, { onFailure: ({ reason }) => (reason._tag === "Unavailable" ? "stop" : "park") })
    ).type.toBeAssignableTo<unknown>()
    expect(Effect.provide(Processor.run(relay), Memory.layer)).type.toBe<
      Effect.Effect<never, Processor.ProcessorStopped>
    >()
  })

  test("of some types, of one aggregate or several", () => {
    Processor.relay("to-bus", { from: [Account], only: ["Opened"] })
    Processor.relay("to-bus", { from: [Account, Order], only: ["Opened", "Paid"], key: ({ streamId }) => streamId })
  })

  test("of a type that none of its aggregates has", () => {
    // @ts-expect-error Type '"Openned"' is not assignable to type
    Processor.relay("to-bus", { from: [Account], only: ["Openned"] })
  })

  test("of nothing", () => {
    // @ts-expect-error Source has 0 element(s) but target requires 1.
    Processor.relay("to-bus", { from: [] })
  })
})

describe("an inbox", () => {
  test("fails with what its handler fails with, and needs what that needs", () => {
    const inbox = Bus.inbox("billing", ({ stream }) => Invoices.use((invoices) => invoices.add(stream)))
    expect(inbox).type.toBe<
      Effect.Effect<
        (message: Bus.Message) => Effect.Effect<void, InvoiceError | BusError, Invoices>,
        BusError,
        CheckpointStore
      >
    >()
  })

  test("of a handler that returns no Effect", () => {
    // @ts-expect-error Type 'String & Brand<"evolvent/StreamName">' is missing the following properties from type
    Bus.inbox("billing", ({ stream }) => stream)
  })

  test("is a handler of a subscription", () => {
    const subscribed = Effect.gen(function* () {
      const bus = yield* Bus.Bus
      const handle = yield* Bus.inbox("billing", ({ stream }) => Invoices.use((invoices) => invoices.add(stream)))
      return yield* bus.subscribe("billing", { topics: [{ category: "Account" }] }, handle)
    })
    expect(subscribed).type.toBe<Effect.Effect<never, BusError, Bus.Bus | CheckpointStore | Invoices>>()
  })
})
