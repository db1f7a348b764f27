// The processors in a hundred worlds full of faults; `pnpm simulate` makes as many as one likes.
import { assert, describe, it } from "@effect/vitest"
import { breaks } from "../simulation/breaks.ts"
import { run } from "../simulation/run.ts"
import { simulate } from "../simulation/simulate.ts"

describe("simulation", () => {
  it("keeps every law in a hundred worlds", { timeout: 120_000 }, async () => {
    const { broken, fired, worlds } = await run({ from: 1, seeds: 100, breaking: undefined }, () => undefined)
    assert.deepStrictEqual(broken, [])
    assert.strictEqual(worlds, 100)
    for (const [kind, times] of Object.entries(fired)) assert.isAbove(times, 0, kind)
  })

  it("takes the same steps again for the same seed", { timeout: 30_000 }, async () => {
    const [one, again, other] = [await traceOf(7), await traceOf(7), await traceOf(8)]
    assert.isAbove(one.length, 100)
    assert.strictEqual(one.join("\n"), again.join("\n"))
    assert.notStrictEqual(one.join("\n"), other.join("\n"))
  })

  for (const name of ["checkpoint-first", "dropped-page", "deadline-forgotten"]) {
    it(`notices ${name}`, { timeout: 120_000 }, async () => {
      assert.isTrue(Object.hasOwn(breaks, name))
      const { broken } = await run({ from: 1, seeds: 100, breaking: name }, () => undefined)
      assert.isAbove(broken.length, 0)
    })
  }
})

const traceOf = async (seed: number): Promise<ReadonlyArray<string>> => (await simulate(seed, { trace: true })).trace
