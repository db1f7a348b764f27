// The shop as a process, asked over HTTP: the README's lines, bad input, an end in order, and what it tells others.
import { expect, layer } from "@effect/vitest"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { Effect, Redacted } from "effect"
import { Bus } from "evolvent"
import * as OnNats from "../onNats.ts"
import { freePort } from "../relay/processes.ts"
import * as Client from "./client.ts"
import { ask, commands, Database, get, instance, log, post, readme, until } from "./harness.ts"
import * as Instances from "./instances.ts"

layer(Database.layer, { excludeTestServices: true, timeout: 60_000 })("shop", (it) => {
  it.effect(
    "answers the lines of its README as they say, and again the same when they are sent again",
    () =>
      Effect.gen(function* () {
        const shop = yield* instance("--fresh")
        for (const line of readme)
          expect(shop.lines.join("\n")).toContain(line.replace("localhost:8080", `localhost:${shop.port}`))
        const statuses: Array<number> = []
        for (const line of readme.map(Client.parse)) {
          if (line.path === "/orders/1001") yield* until(ask(shop, line), ({ body }) => body.payment === "done")
          if (line.path.startsWith("/transfers?")) yield* until(ask(shop, line), ({ body }) => body.rows?.length === 2)
          const { body, status, text, type } = yield* ask(shop, line)
          statuses.push(status)
          if (status >= 400) {
            expect(type).toBe("application/problem+json")
            expect(body).toMatchObject({ status, type: expect.stringMatching(/^urn:shop:/) })
          }
          if (line.path.startsWith("/orders?"))
            expect(body).toMatchObject({ rows: [{ id: "1001", total: 2034 }], next: null })
          if (line.path.startsWith("/transfers?")) {
            const amounts = (body.rows ?? []).map(({ amount, id }) => `${id} ${String(amount)}`)
            expect(amounts.toSorted()).toEqual(["order.1001 2034", "t-1 100"])
          }
          if (line.path === "/accounts/ada") expect(body).toMatchObject({ balance: 5000 - 2034 - 100 })
          if (line.path === "/health") expect(body).toMatchObject({ status: "up" })
          if (line.path === "/metrics") expect(text).toContain('evolvent_appended_events_total{category="Order"} 3')
          if (line.path === "/openapi.json") {
            expect(text).toContain('"/orders/{id}/items"')
            expect(text).toContain("application/problem+json")
          }
        }
        expect(statuses).toEqual([
          201, 201, 201, 200, 200, 202, 200, 200, 200, 200, 200, 409, 422, 404, 400, 200, 200, 200
        ])
        for (const line of commands.filter(({ headers }) => "Idempotency-Key" in headers)) {
          expect((yield* ask(shop, line)).body).toMatchObject({ repeated: true })
        }
        // Who asked is with the event, and with all that it led to.
        const actors = (yield* log).filter(({ category }) => category === "Order")
        expect(actors.map(({ metadata, type }) => [type, metadata.actor])).toEqual([
          ["Created", "ada"],
          ["ItemAdded", undefined],
          ["Completed", undefined]
        ])
      }).pipe(Effect.scoped),
    90_000
  )

  it.effect(
    "says what is wrong with bad input, and is none the worse for it",
    () =>
      Effect.gen(function* () {
        const shop = yield* instance("--fresh")
        const item = { product: "lantern", quantity: 1, price: 1 }
        const cases: ReadonlyArray<readonly [status: number, said: RegExp, line: Client.Line]> = [
          [400, /JSON/, post("/orders", '{"id":')],
          [400, /payload\.id/, post("/orders", { customer: "ada" })],
          [400, /payload\.id/, post("/orders", { id: "a b", customer: "ada" })],
          [400, /payload\.amount/, post("/transfers", { id: "t", from: "a", to: "b", amount: 0.5 })],
          [400, /payload\.id/, post("/transfers", { id: "order.1", from: "a", to: "b", amount: 1 })],
          [400, /params\.id/, get("/orders/a%20b")],
          [400, /cursor/, get("/orders?after=zzz")],
          [400, /query\.limit/, get("/orders?limit=1000")],
          [400, /x-position/, get("/orders/1", { "x-position": "soon" })],
          [
            400,
            /idempotency-key/,
            post("/orders", { id: "1", customer: "ada" }, { "idempotency-key": "k".repeat(300) })
          ],
          [413, /64 KiB/, post("/orders", { id: "1", customer: "a".repeat(100_000) })],
          [415, /application\/json/, { ...post("/orders", "{}"), headers: { "content-type": "text/plain" } }],
          [404, /no order/, get("/orders/1")],
          [404, /found/, get("/nowhere")],
          [503, /two seconds/, get("/orders/1", { "x-position": "900000000" })],
          [201, /Created/, post("/orders", { id: "1", customer: "ada" }, { "idempotency-key": "k" })],
          [422, /key/, post("/orders", { id: "1", customer: "bob" }, { "idempotency-key": "k" })],
          [409, /choose another/, post("/orders", { id: "1", customer: "ada" })],
          [422, /no items/, post("/orders/1/complete", "")],
          [400, /Unicode/, post("/orders/1/items", '{"product":"\\ud800","quantity":1,"price":1}')],
          [409, /"actual":0/, post("/orders/1/items", item, { "x-expected-revision": "3" })],
          [200, /ItemAdded/, post("/orders/1/items", { ...item, product: "a\u0000b" }, { "x-expected-revision": "0" })]
        ]
        let position = ""
        for (const [status, said, line] of cases) {
          const answer = yield* ask(shop, line)
          expect([answer.status, answer.text, line]).toEqual([status, expect.stringMatching(said), line])
          if (status >= 400) expect(answer.type).toBe("application/problem+json")
          position = answer.position ?? position
        }
        // The answer has seen the last command.
        const { body } = yield* ask(shop, get("/orders/1", { "x-position": position }))
        expect(body).toMatchObject({ items: [{ product: "a\u0000b" }] })
        expect((yield* ask(shop, get("/health"))).body.processors).not.toContainEqual(
          expect.objectContaining({ stopped: expect.any(String) })
        )
      }).pipe(Effect.scoped),
    90_000
  )

  it.effect(
    "ends in order: what it has begun is answered, streams end, and another instance has its work at once",
    () =>
      Effect.gen(function* () {
        const [here, there] = [yield* instance("--fresh"), yield* instance()]
        const holders = (to: Instances.Instance) =>
          Effect.map(ask(to, get("/health")), ({ body }) => (body.processors ?? []).map(({ instances }) => instances))
        yield* until(holders(here), (all) => all.every((count) => count === 2))
        const updates = (async () => {
          const seen: Array<string> = []
          for await (const { event } of Client.follow(there.port, "/orders/updates", AbortSignal.timeout(60_000)))
            seen.push(event)
          return seen
        })()
        // It waits for a position that does not come, and is told so although the instance ends meanwhile.
        const late = Client.send(there.port, get("/orders/1", { "x-position": "900000000" }))
        yield* Effect.sleep("500 millis")
        const began = Date.now()
        expect(yield* Effect.promise(() => there.end("SIGTERM"))).toBe(130)
        const took = Date.now() - began
        expect((yield* Effect.promise(() => late)).status).toBe(503)
        expect(yield* Effect.promise(() => updates)).toEqual(["begin"])
        expect(took).toBeLessThan(15_000)
        // Nobody waits for leases to run out: they were given back.
        for (const instances of yield* holders(here)) expect(instances).toBe(1)
        yield* ask(here, post("/orders", { id: "1", customer: "ada" }))
        yield* until(ask(here, get("/orders/1")), ({ status }) => status === 200)
      }).pipe(Effect.scoped),
    90_000
  )

  it.effect(
    "says that it cannot now while its database is away, and goes on when that is back",
    () =>
      Effect.gen(function* () {
        const shop = yield* instance("--fresh")
        const database = yield* Database
        const create = post("/orders", { id: "1", customer: "ada" }, { "idempotency-key": "create" })
        yield* database.kill
        for (const line of [create, get("/orders?limit=1"), get("/health")]) {
          const answer = yield* ask(shop, line)
          expect([line.path, answer.status]).toEqual([line.path, 503])
        }
        yield* database.restart()
        yield* until(ask(shop, create), ({ status }) => status === 201)
        const { body, position = "" } = yield* ask(shop, create)
        expect(body).toMatchObject({ revision: 0, repeated: true })
        yield* until(ask(shop, get("/orders/1", { "x-position": position })), ({ status }) => status === 200)
        yield* until(ask(shop, get("/health")), ({ status }) => status === 200)
      }).pipe(Effect.scoped),
    90_000
  )

  it.effect(
    "tells a NATS server what became of orders and transfers",
    () =>
      Effect.gen(function* () {
        const nats = yield* NatsServer.make()
        const { url } = yield* Database
        const env = { DATABASE_URL: Redacted.value(url), NATS_URL: nats.url }
        const shop = yield* Instances.start(yield* freePort, env, ["--fresh"])
        for (const line of commands) yield* ask(shop, line)
        const heard: Array<string> = []
        const topics = [{ category: "Order" }, { category: "Request" }]
        yield* Bus.Bus.use((bus) =>
          bus.subscribe("test", { topics }, ({ stream, type }) => Effect.sync(() => heard.push(`${stream} ${type}`)))
        ).pipe(Effect.provide(OnNats.busLayer("shop", Redacted.make(nats.url))), Effect.forkScoped)
        yield* until(
          Effect.sync(() => heard.length),
          (count) => count >= 5
        )
        expect(heard.toSorted()).toEqual([
          "Order-1001 Completed",
          "Request-order.1001 Answered",
          "Request-order.1001 Asked",
          "Request-t-1 Answered",
          "Request-t-1 Asked"
        ])
      }).pipe(Effect.scoped),
    90_000
  )
})
