// Messages of the bus are plain messages of NATS: others read them without us, and what others send reaches groups.
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, headers as newHeaders } from "@nats-io/transport-node"
import type { NatsConnection } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { expect, it } from "vitest"
import { join, layoutOf, message, receive, until } from "./support/busing.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

const plain: Effect.Effect<NatsConnection, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => connect({ servers: server.url })),
  (connection) => Effect.promise(() => connection.close())
)

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

it("a consumer in plain nats.js reads what we publish: data as the payload, everything else in headers", () =>
  run(
    Effect.gen(function* () {
      const { bus } = yield* join(server.url, layoutOf("read"))
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      const one = message("ada 7", 3, {
        category: "Order",
        type: "Order placed 😀",
        schemaVersion: 2,
        data: { total: 12.5, text: `'"😀` },
        metadata: { actor: "Ada Ł.", correlationId: "talk", causationId: "why", traceparent, tenant: { id: 7 } }
      })
      const lines = message("two\r\nlines: x", 4, { metadata: { actor: ' "ada" ' } })
      yield* bus.publish([one, lines])

      const connection = yield* plain
      const js = jetstream(connection)
      const [told, odd] = yield* Effect.promise(async () => {
        const consumer = await js.consumers.get("read_bus", { filter_subjects: "read.bus.*.Order.>" })
        return [await consumer.next(), await consumer.next()].toSorted((a, b) =>
          a?.headers?.get("Ev-Key") === "ada 7" ? -1 : b === null ? -1 : 1
        )
      })
      const slot = told?.subject.split(".")[2]
      expect(told?.subject).toBe(`read.bus.${slot}.Order.Order=20placed=20=F0=9F=98=80`)
      expect(told?.json()).toEqual(one.data)
      const header = (name: string) => told?.headers?.get(name)
      expect({
        id: header("Nats-Msg-Id"),
        type: header("Ev-Type"),
        version: header("Ev-Schema-Version"),
        stream: header("Ev-Stream"),
        revision: header("Ev-Revision"),
        key: header("Ev-Key"),
        correlation: header("Ev-Correlation-Id"),
        causation: header("Ev-Causation-Id"),
        actor: header("Ev-Actor"),
        traceparent: header("traceparent"),
        others: header("Ev-Metadata")
      }).toEqual({
        id: one.id,
        type: "Order placed 😀",
        version: "2",
        stream: "Order-ada 7",
        revision: "3",
        key: "ada 7",
        correlation: "talk",
        causation: "why",
        actor: "Ada Ł.",
        traceparent,
        others: '{"tenant":{"id":7}}'
      })
      // What a line could not hold is a JSON string.
      expect(odd?.headers?.get("Ev-Key")).toBe('"two\\r\\nlines: x"')
      expect(odd?.headers?.get("Ev-Actor")).toBe('" \\"ada\\" "')
    })
  ))

it("what a plain publisher sends reaches a group, with our headers and without", () =>
  run(
    Effect.gen(function* () {
      const { bus } = yield* join(server.url, layoutOf("written"))
      const got = yield* receive(bus, "group", [
        { category: "Order" },
        { category: "shop-orders", types: ["paid=late"] }
      ])
      const js = jetstream(yield* plain)
      const id = "0198c2a4-7d3e-7abc-8def-0123456789ab"
      const ours = newHeaders()
      for (const [name, value] of [
        ["Nats-Msg-Id", id.toUpperCase()],
        ["Ev-Key", "ada"],
        ["Ev-Stream", "Order-7"],
        ["Ev-Revision", "41"],
        ["Ev-Schema-Version", "3"],
        ["Ev-Actor", "ada"],
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
      ] as const) {
        ours.set(name, value)
      }
      yield* Effect.promise(() => js.publish("written.bus.3.Order.Placed", '{ "total": 1 }', { headers: ours }))
      yield* Effect.promise(() => js.publish("written.bus.3.Order.Placed", "[2]"))
      yield* Effect.promise(() => js.publish("written.bus.9.shop-orders.paid=3Dlate", "not JSON", { msgID: "seven" }))
      yield* until(
        "three messages come",
        Effect.sync(() => got.length >= 3)
      )
      const [first, second, third] = [1, 2, "not JSON"].map((n) =>
        got.find(({ data }) => JSON.stringify(data).includes(String(n)))
      )
      expect(first).toEqual({
        id,
        key: "ada",
        category: "Order",
        type: "Placed",
        schemaVersion: 3,
        stream: "Order-7",
        revision: 41,
        data: { total: 1 },
        metadata: { actor: "ada", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
      })
      const isId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/)
      const told = { category: "Order", type: "Placed", schemaVersion: 1, metadata: {} }
      expect(second).toEqual({ ...told, id: isId, key: "Order-Placed", stream: "Order-Placed", revision: 2, data: [2] })
      expect(third).toEqual({
        id: isId,
        key: "shop-orders-paid=late",
        category: "shop-orders",
        type: "paid=late",
        schemaVersion: 1,
        stream: "shop-orders-paid=late",
        revision: 3,
        data: "not JSON",
        metadata: {}
      })
      expect(second?.id).not.toBe(third?.id)
    })
  ))

it("nothing that others send stops a group: it is handled, or parked and handled again like any other message", () =>
  run(
    Effect.gen(function* () {
      const { bus } = yield* join(server.url, layoutOf("odd"))
      const js = jetstream(yield* plain)
      const send = (subject: string, payload: string | Uint8Array, given: Readonly<Record<string, string>> = {}) =>
        Effect.promise(() => {
          const headers = newHeaders()
          for (const [name, value] of Object.entries(given)) headers.set(name, value)
          return js.publish(subject, payload, { headers })
        })
      yield* send("odd.bus.1.Order.Placed", '{"half":')
      yield* send("odd.bus.1.Order.Placed", Uint8Array.of(0xff, 0x00, 0xfe))
      yield* send("odd.bus.1.Order.Placed", "")
      yield* send("odd.bus.1.Order.Placed", "{}", {
        "Ev-Key": '"\\ud800"',
        "Ev-Stream": '"unfinished',
        "Ev-Revision": "-1",
        "Ev-Schema-Version": "many",
        "Ev-Metadata": "{",
        "Nats-Msg-Id": " "
      })
      yield* send("odd.bus.1.Order.Placed", "{}", { "Ev-Metadata": '["no object"]', "Ev-Revision": "1e400" })
      yield* send("odd.bus.1.Order.Placed", "{}", {
        "Ev-Metadata": '{"__proto__":{"a":1},"actor":7}',
        "Ev-Actor": "ada"
      })
      yield* send("odd.bus.elsewhere.Order.Placed.deeper.still", "{}")
      yield* send("odd.bus.1.Order", "{}")
      yield* send("odd.bus.1", "{}")
      yield* send("odd.bus.1.=ZZ.=", "{}")
      yield* send("odd.bus.1.Order.Placed", '"last"')

      let isBroken = true
      const handled: Array<unknown> = []
      yield* Effect.forkScoped(
        bus.subscribe("group", { topics: [{ category: "Order" }] }, ({ data }) =>
          Effect.suspend(() => {
            if (isBroken && data !== "last") return Effect.die("no")
            handled.push(data)
            return Effect.void
          })
        )
      )
      yield* until(
        "all of them are parked",
        Effect.map(bus.parked("group"), (all) => all.length === 9)
      )
      const parked = yield* bus.parked("group")
      expect(parked.map((one) => one.message.type)).toEqual([
        ...Array.from({ length: 6 }, () => "Placed"),
        "Placed.deeper.still",
        "",
        "Placed"
      ])
      expect(parked.map((one) => one.message.data)).toEqual([
        '{"half":',
        "\ufffd\u0000\ufffd",
        null,
        {},
        {},
        {},
        {},
        {},
        "last"
      ])
      expect(parked.map((one) => one.message.metadata["actor"])).toEqual([
        ...Array.from({ length: 5 }),
        "ada",
        ...Array.from({ length: 3 })
      ])
      expect(new Set(parked.map((one) => one.message.schemaVersion))).toEqual(new Set([1]))
      expect(parked.map((one) => one.message.revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 11])
      isBroken = false
      yield* bus.retry("group")
      yield* until(
        "all of them are handled",
        Effect.sync(() => handled.length === 9)
      )
      expect(yield* bus.parked("group")).toEqual([])
    })
  ))

it("a group holds no consumer on the server: nothing is on its way there when it is gone", () =>
  run(
    Effect.gen(function* () {
      const layout = layoutOf("drained")
      const { bus } = yield* join(server.url, layout)
      const manager = yield* Effect.flatMap(plain, (connection) => Effect.promise(() => jetstreamManager(connection)))
      const consumers = Effect.promise(() => manager.consumers.list(layout.bus.name).next())
      yield* bus.publish([message("a", 0), message("a", 1)])
      const handled: Array<number> = []
      const slow = bus.subscribe("group", { topics: [{ category: "Order" }] }, ({ revision }) =>
        Effect.andThen(
          Effect.sync(() => handled.push(revision)),
          revision === 1 ? Effect.never : Effect.void
        )
      )
      yield* Effect.raceFirst(
        slow,
        until(
          "the second is in hand",
          Effect.sync(() => handled.length === 2)
        )
      )
      yield* until(
        "no consumer is left",
        Effect.map(consumers, (all) => all.length === 0)
      )
      const got = yield* receive(bus, "group")
      yield* until(
        "what was in hand comes again",
        Effect.sync(() => got.length === 1)
      )
      expect(got.map(({ revision }) => revision)).toEqual([1])
    })
  ))
