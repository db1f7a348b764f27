// The read model store on JetStream keeps its laws.
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, it } from "vitest"
import { contextOf, keep, layoutOf } from "./support/keeping.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

suite("NATS", Layer.effectContext(Effect.map(keep(server.url, layoutOf("rows")), contextOf)), {
  describe,
  it,
  services: ["ReadModelStore"],
  capabilities: { transaction: false, atomicBatch: false }
})
