// A full log takes no more and says so at once; with room made it goes on, and nothing that was acknowledged is gone.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import * as jetstreams from "../src/internal/jetstream.ts"
import * as Nats from "../src/Nats.ts"
import { NatsClient } from "../src/NatsClient.ts"

it.live("a full log refuses an append within a second, as something that may go through later", () =>
  Effect.gen(function* () {
    const { url } = yield* NatsServer.make()
    yield* Effect.gen(function* () {
      const store = yield* EventStore
      const stream = StreamName.make("Account", "ada")
      const append = store.append(stream, [{ type: "Noted", data: { note: "x".repeat(1000) } }])
      let stored = 0
      let error
      const begin = performance.now()
      while (error === undefined && stored < 100) {
        const done = yield* Effect.result(append)
        if (done._tag === "Failure") error = done.failure
        else stored += 1
      }
      expect(error).toMatchObject({ _tag: "EventStoreError", isRetryable: true })
      expect(performance.now() - begin).toBeLessThan(3000)
      const { api, info } = jetstreams.make(yield* NatsClient)
      const log = yield* info("evolvent_events")
      yield* api("STREAM.UPDATE.evolvent_events", { ...log?.config, max_bytes: -1 })
      yield* append
      const events = yield* Stream.runCollect(store.read(EventFilter.stream(stream)))
      expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: stored + 1 }, (_, i) => i))
    }).pipe(Effect.provide(Nats.layer({ servers: url, maxBytes: 20_000 })))
  })
)
