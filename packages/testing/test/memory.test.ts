// Memory keeps every law: the conformance run of core's own backend.
import { suite } from "@evolvent/testing/conformance"
import * as Memory from "evolvent/Memory"
import { describe, it } from "vitest"

const capabilities = {
  idempotency: "forever",
  appendAll: true,
  truncate: true,
  transaction: false,
  atomicBatch: true
} as const

suite("Memory", Memory.layer, { describe, it, capabilities })
