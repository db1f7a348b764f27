// The bus on JetStream keeps the laws of a bus, and relays and inboxes keep theirs on it.
import { suite } from "@evolvent/testing/conformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Bus } from "evolvent/Bus"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Memory from "evolvent/Memory"
import { describe, it } from "vitest"
import { join, layoutOf } from "./support/busing.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

const bus = Layer.effect(
  Bus,
  Effect.map(join(server.url, layoutOf("laws")), (joined) => joined.bus)
)
const all = Layer.effectContext(
  Effect.map(join(server.url, layoutOf("all")), ({ bus, checkpoints, events }) =>
    Context.make(Bus, bus).pipe(Context.add(EventStore, events), Context.add(CheckpointStore, checkpoints))
  )
)

suite("NATS", bus, { describe, it, services: ["Bus"] })
// What is provided last counts: the bus is on NATS, and the rest in memory, as it may be on any other backend.
suite("the bus of NATS, with another backend's stores", Layer.merge(Memory.layer, bus), {
  describe,
  it,
  services: ["Relay", "Inbox"]
})
suite("the bus, the log and the checkpoints of NATS", all, { describe, it, services: ["Relay"] })
