// The soak in short: writers, readers and kills for some seconds, judged like the long one.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { format, objections } from "../soak/report.ts"
import { run } from "../soak/run.ts"

describe("soak", () => {
  it.live(
    "nothing is missed, repeated, inverted or lost while backends, processes and servers are killed",
    () =>
      Effect.gen(function* () {
        const report = yield* run({ seed: process.env["SOAK_SEED"] ?? String(Date.now()), seconds: 12 })
        assert.deepStrictEqual(objections(report), [], format(report))
        assert.isAtLeast(report.kills.servers, 1)
        assert.isAtLeast(report.kills.processes, 1)
        assert.isAtLeast(report.kills.backends, 1)
        assert.isAbove(report.delivered, report.writes)
      }),
    180_000
  )
})
