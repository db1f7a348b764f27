// The checkpoint store on NATS keeps its laws.
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as Memory from "evolvent/Memory"
import { describe, it } from "vitest"
import { join, layoutOf } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const checkpoints = Layer.effect(
  CheckpointStore,
  Effect.map(join(server.url, layoutOf("laws")), ({ store }) => store)
)

// Of Memory only the log: what is provided last counts.
suite("NATS", Layer.merge(Memory.layer, checkpoints), { describe, it, services: ["CheckpointStore"] })
