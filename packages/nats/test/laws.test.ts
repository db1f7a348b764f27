// What the backend on NATS promises beyond the laws of every backend, in schedules that are the same every time.
import { Patience } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import { describe, it } from "vitest"
import * as backend from "./laws/Backend.ts"
import { Bench } from "./laws/Bench.ts"
import { laws } from "./laws/laws.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

describe("NATS", () => {
  for (const { id, run } of laws) {
    it(id, { timeout: 120_000 }, () =>
      Effect.runPromise(
        run.pipe(Effect.provideService(Bench, { server, backend }), Effect.provideService(Patience, "20 seconds"))
      )
    )
  }
})
