// updates: how orders change, as server-sent events; an id is a position, from which a client that was cut off goes on.
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import type { Update } from "./api.ts"
import { Orders } from "./projections.ts"

type Row = (typeof Orders)["row"]["Type"]
type Services = EventStore | CheckpointStore | ReadModelStore

/** Done when the shop closes: streams have no end of their own, and a server waits for all that it has begun. */
export class Closing extends Context.Service<Closing, Deferred.Deferred<void>>()("shop/Closing") {
  static readonly layer = Layer.effect(Closing, Deferred.make<void>())
}

const update = ({ key, position, row }: ReadModel.Change<Row>): Update => ({
  id: String(position),
  event: "order",
  data: { id: key, order: row === undefined ? null : { id: key, ...row } }
})

/** Ends when the shop closes, or the store fails it; a client then asks again, as those of server-sent events do. */
const untilClosing = <E extends Error>(updates: Stream.Stream<Update, E, Services>) =>
  Effect.map(Effect.context<Services | Closing>(), (context) =>
    updates.pipe(
      Stream.interruptWhen(Deferred.await(Context.get(context, Closing))),
      Stream.catch((error) => Stream.drain(Stream.fromEffect(Effect.logError(error.message)))),
      Stream.provideContext(context)
    )
  )

/** One order as it is, and then whenever it changes. */
export const ofOrder = (id: string) => untilClosing(Stream.map(ReadModel.changes(Orders, id), update))

/** Where the read model is, and not beyond what is in the log for everybody. */
const now = Effect.map(Processor.status(Orders), ({ head, position }) => (position < head ? position : head))

/** All orders, whenever one changes: from now on, or from where a client was cut off. */
export const ofAll = (lastEventId: number | undefined) =>
  untilClosing(
    Stream.unwrap(
      Effect.gen(function* () {
        const after = lastEventId === undefined ? yield* now : Position.make(lastEventId)
        // At once, so that a client knows that it is heard, and from where on.
        const begin: Update = { id: String(after), event: "begin", data: {} }
        return Stream.concat(Stream.succeed(begin), Stream.map(ReadModel.changes(Orders, { after }), update))
      })
    )
  )
