// routes: what each route of the shop does: commands on its aggregates, and questions to its read models.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Aggregate from "evolvent/Aggregate"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import { Api } from "./api.ts"
import type { CommandHeaders, Done } from "./api.ts"
import { asked, seeing, told } from "./app.ts"
import { Account, Order, paymentOf, Request } from "./domain.ts"
import * as Problems from "./problems.ts"
import { Accounts, Orders, Transfers } from "./projections.ts"
import * as Updates from "./updates.ts"

const answer = (done: Done) =>
  HttpApiSchema.withHeaders({ body: done, headers: { "x-position": String(done.position ?? 0) } })

const entry = <Row extends object>({ key, row }: ReadModel.Entry<Row>) => ({ id: key, ...row })

const page = <Row extends object>({ next, rows }: ReadModel.Page<Row>) => ({
  rows: rows.map(entry),
  next: next ?? null
})

const orNotFound =
  (what: string, id: string) =>
  <Row>(row: Row | undefined) =>
    row === undefined
      ? Effect.fail(new Problems.NotFound({ detail: `There is no ${what} ${id}.` }))
      : Effect.succeed(row)

const pageOptions = ({ after, limit = 20 }: { readonly after?: string; readonly limit?: number }) => ({
  limit,
  after: after === undefined ? undefined : ReadModel.cursor(after)
})

const from = (gte: number | undefined) => (gte === undefined ? {} : { gte })

const AccountRoutes = HttpApiBuilder.group(Api, "accounts", (handlers) =>
  handlers.handleAll({
    open: ({ headers, payload: { balance, id } }) =>
      told(id, headers, Aggregate.execute(Account, id, { _tag: "Open", balance }, asked(headers))).pipe(
        Effect.map(answer)
      ),
    account: ({ headers, params: { id } }) =>
      seeing(Accounts, headers, ReadModel.get(Accounts, id)).pipe(
        Effect.flatMap(orNotFound("account", id)),
        Effect.map((row) => ({ id, ...row }))
      ),
    accounts: ({ headers, query: { atLeast, ...query } }) =>
      seeing(
        Accounts,
        headers,
        ReadModel.list(Accounts, { where: { balance: from(atLeast) }, orderBy: "openedAt", ...pageOptions(query) })
      ).pipe(Effect.map(page))
  })
)

const onOrder = (id: string, headers: CommandHeaders, command: (typeof Order)["schemas"]["command"]["Type"]) =>
  Effect.map(told(id, headers, Aggregate.execute(Order, id, command, asked(headers))), answer)

/** An order, and what became of its payment. */
const order = Effect.fnUntraced(function* (id: string) {
  const row = yield* ReadModel.get(Orders, id)
  if (row === undefined) return undefined
  const payment = row.status === "completed" ? yield* ReadModel.get(Transfers, paymentOf(id)) : undefined
  return { id, ...row, payment: payment?.status ?? ("none" as const) }
})

const OrderRoutes = HttpApiBuilder.group(Api, "orders", (handlers) =>
  handlers.handleAll({
    create: ({ headers, payload: { customer, id } }) => onOrder(id, headers, { _tag: "Create", customer }),
    addItem: ({ headers, params: { id }, payload: item }) => onOrder(id, headers, { _tag: "AddItem", item }),
    complete: ({ headers, params: { id } }) => onOrder(id, headers, { _tag: "Complete" }),
    cancel: ({ headers, params: { id }, payload: { reason } }) => onOrder(id, headers, { _tag: "Cancel", reason }),
    order: ({ headers, params: { id } }) =>
      seeing(Orders, headers, order(id)).pipe(Effect.flatMap(orNotFound("order", id))),
    orders: ({ headers, query: { atLeast, customer, status, ...query } }) =>
      seeing(
        Orders,
        headers,
        ReadModel.list(Orders, {
          where: {
            total: from(atLeast),
            ...(customer === undefined ? {} : { customer }),
            ...(status === undefined ? {} : { status })
          },
          orderBy: "createdAt",
          direction: "desc",
          ...pageOptions(query)
        })
      ).pipe(Effect.map(page)),
    orderUpdates: ({ params: { id } }) => Updates.ofOrder(id),
    updates: ({ headers }) => Updates.ofAll(headers["last-event-id"])
  })
)

const TransferRoutes = HttpApiBuilder.group(Api, "transfers", (handlers) =>
  handlers.handleAll({
    ask: ({ headers, payload: { id, ...money } }) =>
      told(id, headers, Aggregate.execute(Request, id, { _tag: "Ask", ...money }, asked(headers))).pipe(
        Effect.map(answer)
      ),
    transfer: ({ headers, params: { id } }) =>
      seeing(Transfers, headers, ReadModel.get(Transfers, id)).pipe(
        Effect.flatMap(orNotFound("transfer", id)),
        Effect.map((row) => ({ id, ...row }))
      ),
    transfers: ({ headers, query: { from, status, to, ...query } }) =>
      seeing(
        Transfers,
        headers,
        ReadModel.list(Transfers, {
          where: {
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to }),
            ...(status === undefined ? {} : { status })
          },
          orderBy: "askedAt",
          direction: "desc",
          ...pageOptions(query)
        })
      ).pipe(Effect.map(page))
  })
)

// Made once and shared by all requests.
const Services = Layer.effectContext(
  Effect.map(
    Effect.context<EventStore | CheckpointStore | ReadModelStore | Updates.Closing>(),
    Context.pick(EventStore, CheckpointStore, ReadModelStore, Updates.Closing)
  )
)

/** All routes of the api. */
export const layer = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([AccountRoutes, OrderRoutes, TransferRoutes]),
  HttpRouter.provideRequest(Services)
)
