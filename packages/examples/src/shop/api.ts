// api: what can be asked of the shop over HTTP, as a description: routes, what they take, answer and fail with.
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import { Item } from "../order/domain.ts"
import { most } from "./domain.ts"
import * as Problems from "./problems.ts"

/** Ids that are fit for a path as they are. */
const Id = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,60}$/, { expected: "1 to 60 of A-Z a-z 0-9 _ -" }))
const Words = Schema.String.check(Schema.isPattern(/\S/, { expected: "some words" }), Schema.isMaxLength(200))
const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Amount = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most }))

const id = { id: Id }

/** The shop's own transfers have a point in their ids, so that nobody takes the id of one before it does. */
const TransferId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._-]{1,80}$/))

/** What may be said with each command. */
const CommandHeaders = Schema.Struct({
  /** A request that is sent again with its key is done once, and answered as the first time. */
  "idempotency-key": Schema.optionalKey(Words),
  /** Who asks: it is kept with what happens. */
  "x-actor": Schema.optionalKey(Words),
  /** The conversation that this belongs to. */
  "x-correlation-id": Schema.optionalKey(Words),
  /** The revision that was looked at: if it has changed since, nothing happens. */
  "x-expected-revision": Schema.optionalKey(Whole)
})
export type CommandHeaders = typeof CommandHeaders.Type

/** Hand back the `X-Position` of a command, and the answer has seen it. */
const QueryHeaders = Schema.Struct({ "x-position": Schema.optionalKey(Whole) })
export type QueryHeaders = typeof QueryHeaders.Type

/** What came of a command: the events, and the revision and position of the last one. */
const Done = Schema.Struct({
  id: Schema.String,
  events: Schema.Array(Schema.String),
  revision: Schema.NullOr(Schema.Int),
  position: Schema.NullOr(Schema.Int),
  /** Whether it was done before, by a request of the same idempotency key. */
  repeated: Schema.Boolean
})
export type Done = typeof Done.Type

const answer = (status: number) =>
  HttpApiSchema.WithHeaders(Done.pipe(HttpApiSchema.status(status)), { "x-position": Schema.String })

const refusals = [
  Problems.Rejected,
  Problems.WrongState,
  Problems.Conflict,
  Problems.KeyReused,
  Problems.Unavailable
] as const
const failures = [Problems.NotYet, Problems.Unavailable] as const

const paging = {
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
  /** The `next` of the page before. */
  after: Schema.optionalKey(Schema.String)
}

const pageOf = <Row extends Schema.Top>(row: Row) =>
  Schema.Struct({ rows: Schema.Array(row), next: Schema.NullOr(Schema.String) })

// What callers see is a contract of its own: rows may change with what is shown of them kept as it was.
const Account = Schema.Struct({ ...id, balance: Schema.Int, openedAt: Schema.DateTimeUtc })
const OrderStatus = Schema.Literals(["open", "completed", "cancelled"])
const Order = Schema.Struct({
  ...id,
  customer: Schema.String,
  status: OrderStatus,
  items: Schema.Array(Item),
  total: Schema.Int,
  createdAt: Schema.DateTimeUtc
})
const TransferStatus = Schema.Literals(["pending", "done", "failed"])
const Transfer = Schema.Struct({
  id: TransferId,
  from: Schema.String,
  to: Schema.String,
  amount: Schema.Int,
  status: TransferStatus,
  why: Schema.NullOr(Schema.String),
  askedAt: Schema.DateTimeUtc
})
/** Whether a completed order is paid; "none" where there is nothing to pay yet, or too much. */
const Payment = Schema.Literals(["none", "pending", "done", "failed"])

const updateOf = <const Name extends string, Data extends Schema.Top>(event: Name, data: Data) =>
  Schema.Struct({
    id: Schema.String,
    event: Schema.Literal(event),
    data: Schema.fromJsonString(Schema.toCodecJson(data))
  })

/** What comes as server-sent events; an id is a position, to go on from. */
const Update = Schema.Union([
  updateOf("begin", Schema.Struct({})),
  updateOf("order", Schema.Struct({ ...id, order: Schema.NullOr(Order) }))
])
export type Update = typeof Update.Type

const Updates = HttpApiSchema.StreamSse({ events: Update })

/** Tells what of a request its schemas refuse. */
export class Understood extends HttpApiMiddleware.Service<Understood>()("shop/Understood", {
  error: Problems.BadInput
}) {}

const command = { headers: CommandHeaders, error: refusals } as const
const question = { headers: QueryHeaders, error: failures } as const

const AccountRoutes = HttpApiGroup.make("accounts").add(
  HttpApiEndpoint.post("open", "/accounts", {
    ...command,
    payload: Schema.Struct({ ...id, balance: Whole.check(Schema.isLessThanOrEqualTo(most)) }),
    success: answer(201)
  }),
  HttpApiEndpoint.get("account", "/accounts/:id", {
    ...question,
    params: id,
    success: Account,
    error: [...failures, Problems.NotFound]
  }),
  HttpApiEndpoint.get("accounts", "/accounts", {
    ...question,
    query: { ...paging, atLeast: Schema.optionalKey(Whole) },
    success: pageOf(Account)
  })
)

const OrderRoutes = HttpApiGroup.make("orders").add(
  HttpApiEndpoint.post("create", "/orders", {
    ...command,
    payload: Schema.Struct({ ...id, customer: Id }),
    success: answer(201)
  }),
  HttpApiEndpoint.post("addItem", "/orders/:id/items", {
    ...command,
    params: id,
    payload: Item,
    success: answer(200)
  }),
  HttpApiEndpoint.post("complete", "/orders/:id/complete", { ...command, params: id, success: answer(200) }),
  HttpApiEndpoint.post("cancel", "/orders/:id/cancel", {
    ...command,
    params: id,
    payload: Schema.Struct({ reason: Words }),
    success: answer(200)
  }),
  HttpApiEndpoint.get("order", "/orders/:id", {
    ...question,
    params: id,
    success: Schema.Struct({ ...Order.fields, payment: Payment }),
    error: [...failures, Problems.NotFound]
  }),
  HttpApiEndpoint.get("orders", "/orders", {
    ...question,
    query: {
      ...paging,
      customer: Schema.optionalKey(Id),
      status: Schema.optionalKey(OrderStatus),
      atLeast: Schema.optionalKey(Whole)
    },
    success: pageOf(Order)
  }),
  HttpApiEndpoint.get("orderUpdates", "/orders/:id/updates", { params: id, success: Updates }),
  HttpApiEndpoint.get("updates", "/orders/updates", {
    headers: Schema.Struct({ "last-event-id": Schema.optionalKey(Whole) }),
    success: Updates
  })
)

const TransferRoutes = HttpApiGroup.make("transfers").add(
  HttpApiEndpoint.post("ask", "/transfers", {
    ...command,
    payload: Schema.Struct({ ...id, from: Id, to: Id, amount: Amount }),
    success: answer(202)
  }),
  HttpApiEndpoint.get("transfer", "/transfers/:id", {
    ...question,
    params: { id: TransferId },
    success: Transfer,
    error: [...failures, Problems.NotFound]
  }),
  HttpApiEndpoint.get("transfers", "/transfers", {
    ...question,
    query: {
      ...paging,
      from: Schema.optionalKey(Id),
      to: Schema.optionalKey(Id),
      status: Schema.optionalKey(TransferStatus)
    },
    success: pageOf(Transfer)
  })
)

/** All that the shop answers to, beside `/health`, `/metrics` and `/openapi.json`. */
export class Api extends HttpApi.make("shop")
  .add(AccountRoutes, OrderRoutes, TransferRoutes)
  .middleware(Understood)
  .annotate(OpenApi.Title, "shop")
  .annotate(OpenApi.Description, "Accounts, orders and transfers, each of them a log of what happened.") {}
