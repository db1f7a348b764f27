// The read model store keeps its laws, and so does a projection that runs on it.
import { suite } from "@evolvent/testing/conformance"
import * as Layer from "effect/Layer"
import * as Memory from "evolvent/Memory"
import { describe, it } from "vitest"
import { fresh } from "./support/FreshSchema.ts"

const { layer } = await fresh()

suite("ReadModelStore on PostgreSQL", Layer.merge(Memory.layer, layer), {
  describe,
  it,
  services: ["ReadModelStore", "Processor"],
  capabilities: { transaction: true, atomicBatch: true }
})
