// The soak in short: writers, readers, groups and leases under kills and a bad network for some seconds, judged like the long one.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { format, objections } from "../soak/report.ts"
import { run } from "../soak/run.ts"

describe("soak", () => {
  it.live(
    "nothing is missed, repeated, reordered or lost while servers, processes and connections are killed",
    () =>
      Effect.gen(function* () {
        const seed = process.env["SOAK_SEED"] ?? String(Date.now())
        const version = process.env["NATS_VERSION"]
        const report = yield* run({ seed, seconds: 9, version, only: ["server", "network"] })
        assert.deepStrictEqual(objections(report), [], format(report))
      }),
    180_000
  )
})
