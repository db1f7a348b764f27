// The soaks of processors and of a rebuild in short: some seconds and some thousand events, judged like the long ones.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as processorsReport from "../soak/processors/report.ts"
import * as processors from "../soak/processors/run.ts"
import * as rebuildReport from "../soak/rebuild/report.ts"
import * as rebuild from "../soak/rebuild/run.ts"

const seed = process.env["SOAK_SEED"] ?? String(Date.now())

describe("soak", () => {
  it.live(
    "processors miss, repeat and reorder nothing while their processes are killed, stopped and started anew",
    () =>
      Effect.gen(function* () {
        const report = yield* processors.run({ seed, seconds: 15 })
        assert.deepStrictEqual(processorsReport.objections(report), [], processorsReport.format(report))
      }),
    300_000
  )

  it.live(
    "a rebuild is killed, goes on and takes its place, and no reader sees an error, nothing or a mixture",
    () =>
      Effect.gen(function* () {
        const report = yield* rebuild.run({ seed, events: 10_000, before: 1, slow: 100 })
        assert.deepStrictEqual(rebuildReport.objections(report), [], rebuildReport.format(report))
      }),
    300_000
  )
})
