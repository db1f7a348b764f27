// Shipping as a process: it hears of orders on the bus, keeps shipments on its own PostgreSQL, and hands each over once.
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Aggregate from "evolvent/Aggregate"
import * as Bus from "evolvent/Bus"
import * as Processor from "evolvent/Processor"
import type { Told } from "./contract.ts"
import { read, topics } from "./contract.ts"
import type { ShipmentCommand } from "./domain.ts"
import { Shipment } from "./domain.ts"
import { ToShip } from "./projections.ts"
import { patiently, run } from "./service.ts"

/** What shipping does when it is told something. */
const commandOf = (told: Told): typeof ShipmentCommand.Type => {
  switch (told.type) {
    case "ItemAdded": {
      const { customer, item } = told.data
      return { _tag: "Pack", customer, product: item.product, quantity: item.quantity }
    }
    case "Completed":
      return { _tag: "Release" }
    case "Cancelled":
      return { _tag: "Withdraw", reason: told.data.reason }
  }
}

const handle = Effect.fnUntraced(function* (message: Bus.Message) {
  const { order, told } = yield* read(message)
  return yield* Aggregate.execute(Shipment, order, commandOf(told))
})

// Packing takes its time; not within the transaction, which others would have to wait for.
const packing = Config.withDefault(Config.Duration("PACKING"), Duration.millis(20))

/** What a message leads to commits with the record that it was handled: redelivered, it changes nothing. */
const receive = Effect.gen(function* () {
  const bus = yield* Bus.Bus
  const pack = Effect.sleep(yield* packing)
  const once = yield* Bus.inbox("shipping", handle)
  return yield* bus.subscribe("shipping", { topics }, (message) => Effect.andThen(pack, patiently(once(message))))
})

/** Takes what is ready, one after the other. It may come twice for a shipment, which is handed over once. */
const Courier = Processor.reactor("courier", {
  from: [Shipment],
  handle: {
    Released: Effect.fnUntraced(function* (_, { id, streamId }) {
      yield* Effect.sleep("50 millis")
      const handOver = Aggregate.execute(Shipment, streamId, { _tag: "HandOver" }, { commandId: id })
      const { repeated } = yield* patiently(handOver)
      if (!repeated) yield* Console.log(`${streamId} is shipped`)
    })
  }
})

const lease = { lease: "2 seconds" } as const

// One that stops ends the process: half a service is none.
const all = [receive, Processor.run(Courier, lease), Processor.run(Processor.projection(ToShip), lease)]
run("shipping", Effect.all(all, { concurrency: "unbounded", discard: true }))
