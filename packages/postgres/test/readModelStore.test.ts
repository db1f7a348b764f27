// The read model store keeps its laws.
import { suite } from "@evolvent/testing/conformance"
import { describe, it } from "vitest"
import { fresh } from "./support/FreshSchema.ts"

const { layer } = await fresh()

suite("ReadModelStore on PostgreSQL", layer, {
  describe,
  it,
  services: ["ReadModelStore"],
  capabilities: { transaction: true, atomicBatch: true }
})
