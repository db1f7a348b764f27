// A foreign service: nats.js alone reads from the bus what the relay has told it, on every server that is here.
import { expect, it } from "@effect/vitest"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { Effect, Layer, Redacted } from "effect"
import { Aggregate, Memory, Metadata, Processor } from "evolvent"
import { placeOrder } from "../order/app.ts"
import { Order } from "../order/domain.ts"
import * as OnNats from "../onNats.ts"
import * as Processes from "./processes.ts"
import { busName } from "./service.ts"

const found = await Effect.runPromise(NatsServer.found)
const versions: ReadonlyArray<string | undefined> =
  found.length === 0 ? [undefined] : [...new Set(found.map(({ version }) => version))]

const lantern = { product: "lantern", quantity: 2, price: 300 }

it.live.each(versions)(
  "headers and JSON are all it needs, on nats-server %s",
  (version) =>
    Effect.gen(function* () {
      const nats = yield* NatsServer.make({ version })
      const lines: Array<string> = []
      const heard = (count: number) =>
        Effect.gen(function* () {
          while (lines.length < count) yield* Effect.sleep("20 millis")
        })
      // There is no stream yet: that is waited for.
      yield* Processes.start("plain", { NATS_URL: nats.url }, (line) => void lines.push(line))
      yield* Effect.sleep("300 millis")

      const ToBus = Processor.layer(
        Processor.relay("orders-to-bus", { from: [Order], only: ["ItemAdded", "Completed"] })
      )
      const bus = OnNats.busLayer(busName, Redacted.make(nats.url))
      yield* Effect.gen(function* () {
        yield* placeOrder("7/é", "ada", [lantern]).pipe(Metadata.provide({ correlationId: "visit-1" }))
        yield* heard(1)
        yield* nats.kill
        yield* nats.start
        // What could be taken for a JSON string is one.
        yield* Aggregate.execute(Order, "7/é", { _tag: "Complete" }).pipe(Metadata.provide({ correlationId: '"2"' }))
        yield* heard(2)
      }).pipe(Effect.provide(ToBus.pipe(Layer.provideMerge(bus), Layer.provideMerge(Memory.layer))))
      yield* Effect.sleep("200 millis")

      const traceparent = expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
      expect(lines.map((line) => line.replace(/^\d+ /, "")).map((json): unknown => JSON.parse(json))).toEqual([
        {
          type: "ItemAdded",
          stream: "Order-7/é",
          revision: 1,
          correlationId: "visit-1",
          traceparent,
          data: { customer: "ada", item: lantern }
        },
        {
          type: "Completed",
          stream: "Order-7/é",
          revision: 2,
          correlationId: '"2"',
          data: { products: ["lantern"], total: 600 }
        }
      ])
    }).pipe(Effect.scoped),
  30_000
)
