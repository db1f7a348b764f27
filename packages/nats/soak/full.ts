// full: a log that may hold little: full, it refuses by a typed error and loses nothing; with more room all goes on.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as StreamName from "evolvent/StreamName"
import * as jetstreams from "../src/internal/jetstream.ts"
import type { Failure } from "../src/internal/jetstream.ts"
import * as Nats from "../src/Nats.ts"
import { NatsClient } from "../src/NatsClient.ts"
import type { Tally } from "./tally.ts"

const prefix = "full"
const room = 256 * 1024
const streams = 4
const rounds = 200
const content = "x".repeat(1000)

/** Fills a log of its own twice: up to its limit, and up to the end with more room. */
export const run = (
  url: string,
  { add, broke }: Tally
): Effect.Effect<void, Nats.StartError | EventStoreError | Failure> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const jetstream = jetstreams.make(yield* NatsClient)
    const acknowledged = new Map<string, Array<string>>()

    /** Appends until it is refused, then again and again until there is room. */
    const fill = (number: number) =>
      Effect.gen(function* () {
        const stream = StreamName.make("Full", String(number))
        const done: Array<string> = []
        acknowledged.set(stream, done)
        for (let n = 0; n < rounds; n++) {
          const id = EventId.derive("soak full", stream, n)
          const append = store.append(stream, [{ id, type: "Filled", data: { n, content } }])
          let left = 10
          let result = yield* Effect.result(append)
          while (result._tag === "Failure" && left > 0) {
            left -= 1
            add("refusedAsFull")
            const { failure } = result
            if (failure._tag !== "EventStoreError") broke("wrong", `a full log answered: ${failure.message}`)
            yield* grow
            result = yield* Effect.result(append)
          }
          if (result._tag === "Success") done.push(id)
          else broke("stalled", `${stream}: with more room the log still refused: ${result.failure.message}`)
        }
      })

    // Made once, and waited for by all.
    const grow = yield* Effect.cached(
      Effect.gen(function* () {
        const info = yield* jetstream.info(`${prefix}_events`)
        const config = { ...info?.config, max_bytes: 64 * room }
        yield* jetstreams.patiently(jetstream.api(`STREAM.UPDATE.${prefix}_events`, config))
      })
    )
    yield* Effect.all(
      Array.from({ length: streams }, (_, i) => fill(i)),
      { concurrency: "unbounded", discard: true }
    )
    for (const [stream, ids] of acknowledged) {
      const category = EventFilter.stream(stream as StreamName.StreamName)
      const stored = (yield* Stream.runCollect(store.read(category))).map(({ id }) => id)
      if (new Set(stored).size < stored.length) broke("duplicates", `the full log holds events of ${stream} twice`)
      const missing = ids.filter((id) => !(stored as ReadonlyArray<string>).includes(id)).length
      if (missing > 0) broke("lost", `of ${ids.length} appends to ${stream} in a full log ${missing} are gone`, missing)
      const inOrder = ids.every((id, i) => stored[i] === id)
      if (missing === 0 && !inOrder) broke("reordered", `${stream} in a full log has another order`)
    }
    add("appends", streams * rounds)
  }).pipe(Effect.provide(Nats.layer({ servers: url, prefix, maxBytes: room })))
