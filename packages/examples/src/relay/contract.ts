// What the shop tells others of its orders, as shipping reads it: words of its own, and nothing of the shop's code.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Message } from "evolvent/Bus"
import * as StreamName from "evolvent/StreamName"

/** What else the shop says is left unread, and may change. */
const Told = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("ItemAdded"),
    data: Schema.Struct({
      customer: Schema.String,
      item: Schema.Struct({ product: Schema.String, quantity: Schema.Int })
    })
  }),
  Schema.Struct({ type: Schema.Literal("Completed") }),
  Schema.Struct({ type: Schema.Literal("Cancelled"), data: Schema.Struct({ reason: Schema.String }) })
])
export type Told = typeof Told.Type

/** What shipping wants to be told. */
export const topics = [{ category: "Order", types: ["ItemAdded", "Completed", "Cancelled"] }]

const decode = Schema.decodeUnknownEffect(Told)

/** What a message says, and the number of its order. */
export const read = (message: Message) =>
  Effect.map(decode(message), (told) => ({ told, order: StreamName.id(message.stream) }))
