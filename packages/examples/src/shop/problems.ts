// problems: what can go wrong with a request, as problem details (RFC 9457): one class for each kind, told apart by type.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpApiError from "effect/http-api/HttpApiError"
import type { AlreadyCreated, NotOpen as OrderNotOpen, NothingOrdered } from "../order/domain.ts"
import type { NotEnough, NotOpen as AccountNotOpen } from "../transfer/domain.ts"
import type * as Aggregate from "evolvent/Aggregate"
import type { EventStoreError, WrongExpectedRevision } from "evolvent/EventStoreError"

const type = <const Name extends string>(name: Name) => `urn:shop:${name}` as const

/** The domain said no, and would say so again unless something else is asked. */
export class Rejected extends HttpApiError.Problem<Rejected>()(
  "Rejected",
  { type: type("rejected"), status: 422, title: "This cannot be done." },
  { rejection: Schema.String }
) {}

/** The domain said no because of the state in which it is. */
export class WrongState extends HttpApiError.Problem<WrongState>()(
  "WrongState",
  { type: type("wrong-state"), status: 409, title: "This cannot be done in this state." },
  { rejection: Schema.String }
) {}

/** Somebody was faster. */
export class Conflict extends HttpApiError.Problem<Conflict>()(
  "Conflict",
  { type: type("conflict"), status: 409, title: "It has changed since." },
  { actual: Schema.NullOr(Schema.Int) }
) {}

/** An idempotency key belongs to one request. */
export class KeyReused extends HttpApiError.Problem<KeyReused>()("KeyReused", {
  type: type("key-reused"),
  status: 422,
  title: "This idempotency key was used for another request."
}) {}

/** There is no such thing, or the read model has not heard of it yet. */
export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: type("not-found"),
  status: 404,
  title: "There is no such thing."
}) {}

/** What was sent cannot be understood. */
export class BadInput extends HttpApiError.Problem<BadInput>()(
  "BadInput",
  { type: type("bad-input"), status: 400, title: "What was sent cannot be understood." },
  { errors: Schema.Array(HttpApiError.ProblemIssue) }
) {}

/** The read model is not there yet: ask again, or ask without waiting. */
export class NotYet extends HttpApiError.Problem<NotYet>()("NotYet", {
  type: type("not-yet"),
  status: 503,
  title: "This has not been processed yet."
}) {}

/** Something that the shop needs does not answer. */
export class Unavailable extends HttpApiError.Problem<Unavailable>()("Unavailable", {
  type: type("unavailable"),
  status: 503,
  title: "The shop cannot do this now."
}) {}

const badInput = (detail: string) => new BadInput({ detail, errors: [] })

/** Keeps the details for whoever runs the shop. */
const unavailable = (error: Error, detail: string) =>
  Effect.andThen(Effect.logError(error.message), new Unavailable({ detail }))

export type Refusal =
  | AlreadyCreated
  | OrderNotOpen
  | NothingOrdered
  | AccountNotOpen
  | NotEnough
  | Aggregate.InvalidCommand
  | Aggregate.CommandIdReused
  | WrongExpectedRevision
  | EventStoreError

/** Why a command was not executed, as a problem. */
export const ofCommand = (
  error: Refusal
): Effect.Effect<never, Rejected | WrongState | Conflict | KeyReused | BadInput | Unavailable> => {
  switch (error._tag) {
    case "AlreadyCreated":
      return Effect.fail(
        new WrongState({ rejection: error._tag, detail: "There is an order of this id: choose another one." })
      )
    case "NotOpen": {
      const detail = "status" in error ? `The order is not open: its status is "${error.status}".` : "It is not open."
      return Effect.fail(new WrongState({ rejection: error._tag, detail }))
    }
    case "NothingOrdered":
      return Effect.fail(new Rejected({ rejection: error._tag, detail: "The order has no items: add one." }))
    case "NotEnough":
      return Effect.fail(new Rejected({ rejection: error._tag, detail: `The balance is ${error.balance}.` }))
    case "CommandIdReused":
      return Effect.fail(new KeyReused({ detail: "Repeat that request, or give this one a key of its own." }))
    case "WrongExpectedRevision":
      return Effect.fail(
        new Conflict({ actual: error.actual ?? null, detail: "Look at what it is now, and decide again." })
      )
    case "InvalidCommand":
      return Effect.fail(badInput(error.problem))
    case "EventStoreError": {
      const isOfInput = ["InvalidRequest", "UnstorableContent", "AppendTooLarge"].includes(error.reason._tag)
      if (isOfInput) return Effect.fail(badInput(error.reason.message))
      return unavailable(error, "Whether it was done is not known: send it again, with the same idempotency key.")
    }
  }
}

export interface Failure extends Error {
  readonly _tag: string
}

/** Why a question was not answered, as a problem. */
export const ofQuestion = (error: Failure): Effect.Effect<never, BadInput | NotYet | Unavailable> => {
  switch (error._tag) {
    case "InvalidCursor":
    case "InvalidQuery":
      return Effect.fail(badInput(error.message))
    case "WaitTimedOut":
      return Effect.fail(
        new NotYet({ detail: "It does not come by itself within two seconds: ask again, or without X-Position." })
      )
    default:
      return unavailable(error, "Ask again later.")
  }
}
