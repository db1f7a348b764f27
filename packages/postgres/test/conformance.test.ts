// PostgreSQL keeps every law: the conformance run on the embedded server.
import { suite } from "@evolvent/testing/conformance"
import { describe, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"

const capabilities = {
  idempotency: "forever",
  appendAll: true,
  truncate: true,
  transaction: true,
  atomicBatch: true
} as const

const { server } = await serve()
suite("PostgreSQL", Postgres.layer(server.connection), { describe, it, capabilities })
