// The event store on JetStream keeps the laws.
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EventStore from "evolvent/EventStore"
import { describe, it } from "vitest"
import * as bucket from "../src/internal/bucket.ts"
import * as eventStore from "../src/internal/eventStore.ts"
import * as jetstreams from "../src/internal/jetstream.ts"
import * as layout from "../src/internal/layout.ts"
import * as NatsClient from "../src/NatsClient.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env.NV })
const names = layout.make({ prefix: "t", replicas: 1, storage: "file", maxBytes: -1, duplicateWindow: 120_000 })
const layer = Layer.effect(
  EventStore.EventStore,
  Effect.gen(function* () {
    const client = yield* NatsClient.make({ servers: server.url })
    const js = jetstreams.make(client)
    const info = yield* js.ensure(names.events)
    yield* js.ensure(names.ids)
    return EventStore.make(
      yield* eventStore.make(js, info, bucket.make(js, names.ids), info.config["allow_atomic"] === true)
    )
  })
)
suite("NATS", layer, { describe, it, services: ["EventStore"] })
