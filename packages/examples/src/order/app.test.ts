// The order: its rules one by one, its laws, its questions with paging, and two hands on one order.
import { describe, expect, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Postgres from "@evolvent/postgres/Postgres"
import { events, given, laws, stored } from "@evolvent/testing"
import { DateTime, Effect, Layer, Option, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, EventFilter, EventStore, Memory, Processor, Projection, ReadModel, StreamName } from "evolvent"
import { getOrder, listItems, listOrders, placeOrder, ReadModels, story } from "./app.ts"
import { type Item, Order } from "./domain.ts"
import { Items, Orders } from "./projections.ts"

const lantern: Item = { product: "lantern", quantity: 2, price: 300 }
const cakestand: Item = { product: "cakestand", quantity: 1, price: 1200 }
const created = { _tag: "Created", customer: "ada" } as const
const added = (item: Item) => ({ _tag: "ItemAdded", customer: "ada", item }) as const
const completed = { _tag: "Completed", products: ["lantern"], total: 600 } as const
const cancelled = { _tag: "Cancelled", products: ["lantern"], reason: "too late" } as const

describe("the rules", () => {
  it("an order is created once", () => {
    given(Order).when({ _tag: "Create", customer: "ada" }).expect([created])
    given(Order, [created])
      .when({ _tag: "Create", customer: "bob" })
      .expectRejection("AlreadyCreated", { status: "open" })
  })

  it("items are added while it is open", () => {
    given(Order, [created])
      .when({ _tag: "AddItem", item: lantern })
      .expect([added(lantern)])
    given(Order).when({ _tag: "AddItem", item: lantern }).expectRejection("NotOpen", { status: "none" })
    given(Order, [created, added(lantern), completed])
      .when({ _tag: "AddItem", item: cakestand })
      .expectRejection("NotOpen", { status: "completed" })
    given(Order, [created, added(lantern), cancelled])
      .when({ _tag: "AddItem", item: cakestand })
      .expectRejection("NotOpen", { status: "cancelled" })
  })

  it("an empty order is not completed", () => {
    given(Order, [created]).when({ _tag: "Complete" }).expectRejection("NothingOrdered")
    given(Order, [created, added(lantern)])
      .when({ _tag: "Complete" })
      .expect([completed])
    given(Order, [created, added(lantern), completed])
      .when({ _tag: "Complete" })
      .expectRejection("NotOpen", { status: "completed" })
  })

  it("a completed or cancelled order is not cancelled", () => {
    given(Order, [created, added(lantern)])
      .when({ _tag: "Cancel", reason: "too late" })
      .expect([cancelled])
    for (const end of [completed, cancelled]) {
      given(Order, [created, added(lantern), end])
        .when({ _tag: "Cancel", reason: "no" })
        .expectRejection("NotOpen")
    }
  })

  it("a product that is added twice is one product of the order", () => {
    given(Order, [created, added(lantern), added(lantern)])
      .when({ _tag: "Complete" })
      .expect([{ _tag: "Completed", products: ["lantern"], total: 1200 }])
  })
})

describe("the views", () => {
  const at = DateTime.makeUnsafe("2026-01-31T08:00:00Z")

  it("an order with its items", () => {
    given(Orders, events(Order, "1", [created, added(lantern), completed], { recordedAt: at })).expectRow("1", {
      customer: "ada",
      status: "completed",
      items: [lantern],
      total: 600,
      createdAt: at
    })
  })

  it("the end of an order is the end of all its items", () => {
    const both = { ...cancelled, products: ["lantern", "cakestand"] }
    const row = { order: "1", customer: "ada", status: "cancelled" } as const
    given(Items, events(Order, "1", [created, added(lantern), added(cakestand), added(lantern), both])).expectRows({
      "1/lantern": { ...row, product: "lantern", quantity: 4, amount: 1200 },
      "1/cakestand": { ...row, product: "cakestand", quantity: 1, amount: 1200 }
    })
  })
})

const Live = Layer.provideMerge(ReadModels, Memory.layer)

// The one thing that changes: where it is stored.
const OnPostgres = ReadModels.pipe(
  Layer.provideMerge(Postgres.layerFrom()),
  Layer.provide(EmbeddedPostgres.layer({ settings: { fsync: "off" } }))
)

// Every version of what begins an order, in one stream: each line as the code of its year stored it.
const aged = [
  { type: "Created", schemaVersion: 1, data: { total: 700 } },
  { type: "Created", schemaVersion: 2, data: { total: 300, customer: "bob" } },
  { type: "Created", schemaVersion: 3, data: { customer: "ada" } },
  { type: "ItemAdded", data: { customer: "ada", item: lantern } }
]

describe("orders of earlier years", () => {
  it("are events of today to those who decide and to those who ask", () => {
    given(Order, stored(Order, aged.slice(0, 1)))
      .expectState({ status: "open", customer: "unknown", products: ["unlisted"], total: 700 })
      .when({ _tag: "Complete" })
      .expect([{ _tag: "Completed", products: ["unlisted"], total: 700 }])
    const row = { order: "1", customer: "bob", status: "open", product: "unlisted" } as const
    given(Items, events(Order, "1", stored(Order, aged.slice(1, 2)))).expectRows({
      "1/unlisted": { ...row, quantity: 1, amount: 300 }
    })
  })

  /** At each event of the stream: what the aggregate makes of it, and what the view does. */
  const readAlike = Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const { position } = yield* store.append(StreamName.make("Order", "900"), aged)
    const history = yield* Stream.runCollect(store.read(Orders.filter))
    const seen: Array<unknown> = []
    for (const revision of aged.keys()) {
      const { state } = yield* Aggregate.load(Order, "900", { at: { revision } })
      const row = (yield* Projection.fold(Orders, history.slice(0, revision + 1))).get("900")
      expect(row).toMatchObject({ customer: state.customer, status: state.status, total: state.total })
      seen.push([state.customer, state.total])
    }
    expect(seen).toEqual([
      ["unknown", 700],
      ["bob", 300],
      ["ada", 0],
      ["ada", 600]
    ])
    yield* Processor.waitFor(Orders, position)
    yield* Processor.waitFor(Items, position)
    expect(yield* getOrder("900")).toMatchObject({ customer: "ada", total: 600, items: [lantern] })
    const { rows } = yield* listItems()
    expect(rows.map(({ key, row: { amount } }) => [key, amount])).toEqual([
      ["900/lantern", 600],
      ["900/unlisted", 1000]
    ])
  })

  it.effect("are read alike by the aggregate and its views", () => Effect.provide(readAlike, Live))

  it.live("so they are on PostgreSQL", () => Effect.provide(readAlike, OnPostgres), 30_000)

  it.effect("go on as orders of today", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const stream = StreamName.make("Order", "900")
      yield* store.append(stream, aged.slice(0, 1))
      yield* Aggregate.execute(Order, "900", { _tag: "AddItem", item: lantern })
      const { events } = yield* Aggregate.execute(Order, "900", { _tag: "Complete" })
      expect(events).toEqual([{ _tag: "Completed", products: ["unlisted", "lantern"], total: 1300 }])
      yield* placeOrder("901", "ada", [])
      const [created] = yield* Stream.runCollect(store.read(EventFilter.stream(StreamName.make("Order", "901"))))
      expect([created?.type, created?.schemaVersion]).toEqual(["Created", 3])
    }).pipe(Effect.provide(Memory.layer))
  )
})

describe("the laws", () => {
  for (const law of [...laws(Order), ...laws(Orders), ...laws(Items)]) it.effect(law.name, () => law.check)
})

/** Thirty orders of three customers, one after the other; every second one completed, every fifth cancelled. */
const ordersApart = Effect.fnUntraced(function* (pause: Effect.Effect<void>) {
  let position = yield* placeOrder("1000", "ada", [lantern])
  for (let n = 1; n < 30; n++) {
    yield* pause
    const id = `${1000 + n}`
    position = yield* placeOrder(id, ["ada", "bob", "eve"][n % 3] ?? "ada", [lantern, cakestand])
    if (n % 2 === 0) ({ position } = yield* Aggregate.execute(Order, id, { _tag: "Complete" }))
    else if (n % 5 === 0) ({ position } = yield* Aggregate.execute(Order, id, { _tag: "Cancel", reason: "no stock" }))
  }
  yield* Processor.waitFor(Orders, position)
  yield* Processor.waitFor(Items, position)
})

const manyOrders = ordersApart(TestClock.adjust("1 minute"))

/** After orders by the clock that there is: a server has its own. */
const readModelsHold = Effect.gen(function* () {
  yield* ordersApart(Effect.void)
  const store = yield* EventStore.EventStore
  const orders = yield* ReadModel.list(Orders)
  const items = yield* ReadModel.list(Items)
  const asMap = <Row>(rows: ReadonlyArray<ReadModel.Entry<Row>>) => new Map(rows.map(({ key, row }) => [key, row]))
  expect(orders.rows).toHaveLength(30)
  expect(asMap(orders.rows)).toEqual(yield* Projection.fold(Orders, store.read(Orders.filter)))
  expect(asMap(items.rows)).toEqual(yield* Projection.fold(Items, store.read(Items.filter)))
})

describe("the questions", () => {
  it.effect("one order, or a typed no", () =>
    Effect.gen(function* () {
      const position = yield* placeOrder("1", "ada", [lantern])
      yield* Processor.waitFor(Orders, position)
      expect((yield* getOrder("1")).items).toEqual([lantern])
      expect((yield* Effect.flip(getOrder("2")))._tag).toBe("NoSuchOrder")
    }).pipe(Effect.provide(Live))
  )

  it.effect("orders by customer and by status, the newest first, page by page", () =>
    Effect.gen(function* () {
      yield* manyOrders
      const pages = yield* Stream.paginate(undefined as ReadModel.Cursor | undefined, (after) =>
        Effect.map(
          listOrders({ customer: "ada", limit: 4, after }),
          ({ next, rows }) => [[rows], next === undefined ? Option.none() : Option.some(next)] as const
        )
      ).pipe(Stream.runCollect)
      expect(pages.map((page) => page.length)).toEqual([4, 4, 2])
      expect(pages.flat().map(({ key }) => key)).toEqual([27, 24, 21, 18, 15, 12, 9, 6, 3, 0].map((n) => `${1000 + n}`))
      const open = yield* listOrders({ customer: "bob", status: "open" })
      expect(open.rows.map(({ key }) => key)).toEqual(["1019", "1013", "1007", "1001"])
      expect((yield* listOrders({ status: "cancelled" })).rows).toHaveLength(3)
      expect((yield* listOrders()).rows).toHaveLength(20)
    }).pipe(Effect.provide(Live))
  )

  it.effect("items by customer and by status", () =>
    Effect.gen(function* () {
      yield* manyOrders
      const { rows } = yield* listItems({ customer: "eve", status: "cancelled" })
      expect(rows.map(({ key }) => key)).toEqual(["1005/cakestand", "1005/lantern"])
    }).pipe(Effect.provide(Live))
  )

  it.effect("the read models are what folding the events gives", () => Effect.provide(readModelsHold, Live))

  it.live("so they are on PostgreSQL, with another Layer", () => Effect.provide(readModelsHold, OnPostgres), 30_000)

  it.effect("the story runs, and again", () => Effect.provide(Effect.andThen(story, story), Live))
})

describe("together", () => {
  it.effect("an order that is completed and cancelled at once is one of the two", () =>
    Effect.gen(function* () {
      yield* placeOrder("1", "ada", [lantern])
      const results = yield* Effect.all(
        [
          Effect.result(Aggregate.execute(Order, "1", { _tag: "Complete" })),
          Effect.result(Aggregate.execute(Order, "1", { _tag: "Cancel", reason: "changed my mind" }))
        ],
        { concurrency: "unbounded" }
      )
      expect(results.filter(Result.isSuccess)).toHaveLength(1)
      expect(results.filter(Result.isFailure).map(({ failure }) => failure._tag)).toEqual(["NotOpen"])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("the same item sent twice is one item", () =>
    Effect.gen(function* () {
      yield* placeOrder("1", "ada", [])
      const add = Aggregate.execute(Order, "1", { _tag: "AddItem", item: lantern }, { commandId: "add-1" })
      yield* Effect.all([add, add], { concurrency: "unbounded" })
      expect((yield* Aggregate.load(Order, "1")).state.total).toBe(600)
    }).pipe(Effect.provide(Memory.layer))
  )
})
