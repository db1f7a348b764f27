// A server that lost the end of its log draws the same numbers again: a checkpoint behind them is told from one of this log.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import * as jetstreams from "../src/internal/jetstream.ts"
import * as Nats from "../src/Nats.ts"
import * as NatsClient from "../src/NatsClient.ts"

const stream = StreamName.make("Account", "ada")
const filter = EventFilter.category("Account")

const append = (count: number) =>
  EventStore.use((store) =>
    Effect.forEach(Array.from({ length: count }), () => store.append(stream, [{ type: "Deposited", data: {} }]))
  )

/** Follows from the checkpoint, and moves it to where the next page ends. */
const read = Effect.gen(function* () {
  const [store, checkpoints] = [yield* EventStore, yield* CheckpointStore]
  const { position: from } = yield* checkpoints.load("reader")
  const [page] = yield* Stream.runCollect(Stream.take(store.subscribe(filter, { after: from }), 1))
  yield* checkpoints.advance({ name: "reader", from, to: page?.through ?? Position.beginning })
  return page?.events.length
})

for (const grown of [5, 9]) {
  it.live(`a checkpoint is refused by a log that was lost and has ${grown} events since, and read on by its own`, () =>
    Effect.gen(function* () {
      const { url } = yield* NatsServer.make()
      const process = <A, E>(effect: Effect.Effect<A, E, EventStore | CheckpointStore>) =>
        Effect.provide(effect, Nats.layer({ servers: url }), { local: true })
      yield* process(append(5))
      expect(yield* process(read)).toBe(5)
      yield* process(append(2))
      expect(yield* process(read)).toBe(2)

      const client = yield* NatsClient.make({ servers: url })
      yield* jetstreams.make(client).api("STREAM.DELETE.evolvent_events")
      yield* process(append(grown))
      const error = yield* Effect.flip(process(read))
      expect(error).toMatchObject({ _tag: "EventStoreError", reason: { _tag: "CheckpointAheadOfStore" } })
    })
  )
}
