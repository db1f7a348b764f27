// PostgreSQL keeps every law: the conformance run on the embedded server.
import { suite } from "@evolvent/testing/conformance"
import { describe, it } from "vitest"
import * as Server from "./Server.ts"

const capabilities = { idempotency: "forever", appendAll: true, transaction: true, atomicBatch: true } as const

suite("PostgreSQL", Server.layer(), { describe, it, capabilities })
