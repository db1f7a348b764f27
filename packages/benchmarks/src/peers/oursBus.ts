// How our peers publish on the bus and consume from it: each message with an address of its own, handled by one function.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Bus from "evolvent/Bus"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { category, dataAt, typeAt } from "../ledger.ts"
import type { Consume, Fill, Publish } from "./protocol.ts"
import { start } from "./stopwatch.ts"

let published = 0

/** The n-th message, of a key of its own. */
const messageAt = (n: number): Bus.Message => {
  const stream = StreamName.make(category, `of${n}`)
  return {
    id: EventId.make(crypto.randomUUID()),
    key: stream,
    category,
    type: typeAt(n),
    schemaVersion: 1,
    stream,
    revision: Revision.make(0),
    data: dataAt(n),
    metadata: {}
  }
}

const messagesFrom = (first: number, count: number): ReadonlyArray<Bus.Message> =>
  Array.from({ length: count }, (_, i) => messageAt(first + i))

/** Puts messages on the bus. */
export const fill = Effect.fnUntraced(function* ({ messages }: Fill) {
  const bus = yield* Bus.Bus
  const watch = start()
  for (let n = 0; n < messages; n += 1000) yield* bus.publish(messagesFrom(n, Math.min(1000, messages - n)))
  return watch.answer(0, messages)
})

/** Publishes in a closed loop; how many messages of a batch are on their way is the bus's own matter. */
export const publish = Effect.fnUntraced(function* ({ batch, callers, seconds }: Publish) {
  const bus = yield* Bus.Bus
  let count = 0
  const watch = start(seconds)
  const loop = Effect.gen(function* () {
    while (watch.isRunning()) {
      const began = performance.now()
      yield* bus.publish(messagesFrom((published += batch), batch))
      watch.done(began)
      count += batch
    }
  })
  yield* Effect.all(
    Array.from({ length: callers }, () => loop),
    { concurrency: "unbounded", discard: true }
  )
  return watch.answer(0, count)
})

/** Handles all messages as a group. */
export const consume = Effect.fnUntraced(function* ({ group, messages }: Consume) {
  const bus = yield* Bus.Bus
  const handledAll = yield* Deferred.make<void>()
  let count = 0
  let sum = 0
  const handle = ({ data }: Bus.Message) =>
    Effect.suspend(() => {
      count += 1
      sum += (data as { readonly amount: number }).amount
      return count === messages ? Deferred.succeed(handledAll, undefined) : Effect.void
    })
  const watch = start()
  return yield* Effect.raceFirst(
    bus.subscribe(group, { topics: [{ category }] }, handle),
    Effect.map(Deferred.await(handledAll), () => watch.answer(sum, count))
  )
})
