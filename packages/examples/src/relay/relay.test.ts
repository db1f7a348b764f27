// The relay with everything killed once: what was ordered is packed in its order, and each order is shipped exactly once.
import { expect, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { Effect, Redacted, Stream } from "effect"
import { Bus, EventFilter, EventStore, ReadModel } from "evolvent"
import * as OnNats from "../onNats.ts"
import * as OnPostgres from "../onPostgres.ts"
import * as Processes from "./processes.ts"
import { ToShip } from "./projections.ts"
import { busName } from "./service.ts"

const orders = 32

/** What happened to each entity of a category, in order, in words that both sides have. */
const histories = Effect.fnUntraced(function* (category: string, tell: (type: string, data: unknown) => string) {
  const store = yield* EventStore.EventStore
  const events = yield* Stream.runCollect(store.read(EventFilter.category(category)))
  const byId = new Map<string, Array<string>>()
  for (const { data, streamId, type } of events) {
    const told = tell(type, data)
    if (told !== "") byId.set(streamId, [...(byId.get(streamId) ?? []), told])
  }
  return Object.fromEntries([...byId].toSorted(([a], [b]) => a.localeCompare(b)))
})

const ordered = histories("Order", (type, data) => {
  if (type === "Created") return ""
  const { customer, item } = data as { customer: string; item?: { product: string; quantity: number } }
  return item === undefined ? type : `${customer}: ${item.quantity} ${item.product}`
})

const shipped = histories("Shipment", (type, data) => {
  const { customer, product, quantity } = data as { customer: string; product: string; quantity: number }
  const words: Readonly<Record<string, string>> = {
    Released: "Completed",
    Withdrawn: "Cancelled",
    HandedOver: "shipped"
  }
  return words[type] ?? `${customer}: ${quantity} ${product}`
})

/** Waits until so many lines say so. */
const until = (lines: ReadonlyArray<string>, words: RegExp, count: number) =>
  Effect.gen(function* () {
    while (lines.filter((line) => words.test(line)).length < count) yield* Effect.sleep("20 millis")
  })

it.live(
  "ships each order once and in its order, although both servers and both services are killed",
  () =>
    Effect.gen(function* () {
      const port = yield* Processes.freePort
      const database = yield* EmbeddedPostgres.start({ port, settings: { fsync: "off" } })
      const nats = yield* NatsServer.make()
      const env = { DATABASE_URL: Redacted.value(database.url), NATS_URL: nats.url }
      const lines: Array<string> = []
      const hear = (line: string) => void lines.push(line)
      const shop = yield* Processes.start("orders", { ...env, ORDERS: String(orders) }, hear)
      const shipping = yield* Processes.start("shipping", { ...env, PACKING: "100 millis" }, hear)

      const story = Effect.gen(function* () {
        const isShipped = /is shipped/
        yield* until(lines, isShipped, 4)
        yield* shop.crash
        yield* until(lines, isShipped, 8)
        yield* database.kill
        yield* Effect.sleep("300 millis")
        yield* database.restart()
        yield* until(lines, isShipped, 14)
        // While the bus is away, what is in hand is packed and cannot be noted there. Killed then, shipping hears of it again.
        yield* nats.kill
        yield* Effect.sleep("500 millis")
        yield* shipping.crash
        yield* nats.start
        yield* until(lines, /all \d+ orders are taken/, 1)

        const on = (name: string) => OnPostgres.layer(`relay_${name}`, { _tag: "Server", url: database.url }, false)
        const taken = yield* Effect.provide(ordered, on("orders"))
        const expected = Object.fromEntries(
          Object.entries(taken).map(([id, history]) => [
            id,
            history.includes("Completed") ? [...history, "shipped"] : history
          ])
        )
        const count = (of: Readonly<Record<string, ReadonlyArray<string>>>) => Object.values(of).flat().length
        const [shipments, toShip] = yield* Effect.gen(function* () {
          let found = yield* shipped
          while (count(found) < count(expected)) {
            yield* Effect.sleep("100 millis")
            found = yield* shipped
          }
          // Long enough for somebody to do it once more.
          yield* Effect.sleep("1 second")
          return [yield* shipped, yield* ReadModel.list(ToShip)] as const
        }).pipe(Effect.provide(on("shipping")))
        expect(Object.keys(taken)).toHaveLength(orders)
        expect(shipments).toEqual(expected)
        expect(toShip.rows).toEqual([])
        const parked = Effect.provide(
          Bus.Bus.use((bus) => bus.parked("shipping")),
          OnNats.busLayer(busName, Redacted.make(nats.url))
        )
        expect(yield* parked).toEqual([])
      })
      yield* Effect.raceAllFirst([story, shop.ended, shipping.ended])
    }).pipe(Effect.scoped),
  90_000
)
