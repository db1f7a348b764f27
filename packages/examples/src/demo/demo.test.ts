// The demo: that it runs as a stranger runs it, and that its transfer loses and doubles no money.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Aggregate, Memory } from "evolvent"
import { Account } from "../account/domain.ts"
import { transfer } from "./transfer.ts"

const run = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { encoding: "utf8" })

describe("the demo", () => {
  it("tells its story, plainly where there is no terminal", () => {
    const { status, stderr, stdout } = run()
    expect(stderr).toBe("")
    expect(status).toBe(0)
    expect(stdout).not.toContain("\u001b[")
    expect(stdout).toMatch(/transfer +Withdrawn +conflict +decided at revision 1, but Account-ada is at 2/)
    expect(stdout).toMatch(/transfer +Withdrawn +written +Account-ada is at revision 3/)
    expect(stdout).toContain("Ada has 10, Bob has 80.")
    expect(stdout).toContain("nothing happens twice")
    expect(stdout).toContain("rejected as NotEnough { balance: 0 }")
    expect(stdout).toContain("At revision 2 Bob had 80.")
    expect(stdout).toMatch(/100 % +position ([\d,]+) of \1, up to date/)
    expect(stdout).toMatch(/Orders placed +\d+ +\d+ completed, \d+ open/)
  })

  it("says which file it cannot read", () => {
    const { status, stderr } = run("no-such.csv")
    expect(status).toBe(2)
    expect(stderr).toContain("no-such.csv: there is no such file or folder")
  })
})

const balances = Effect.all([Aggregate.load(Account, "ada"), Aggregate.load(Account, "bob")]).pipe(
  Effect.map((both) => both.map(({ state }) => state.balance))
)
const open = (id: string, amount: number) =>
  Effect.andThen(
    Aggregate.execute(Account, id, { _tag: "Open", owner: id }),
    Aggregate.execute(Account, id, { _tag: "Deposit", amount })
  )
const sent = transfer({ id: "t-1", from: "ada", to: "bob", amount: 60 })

describe("a transfer", () => {
  it.effect("happens once, however often it is sent", () =>
    Effect.gen(function* () {
      yield* Effect.all([open("ada", 100), open("bob", 20)])
      const first = yield* sent
      const again = yield* sent
      expect([first.repeated, again.repeated]).toEqual([false, true])
      expect(yield* balances).toEqual([40, 80])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("comes back from an account that takes nothing", () =>
    Effect.gen(function* () {
      yield* open("ada", 100)
      yield* sent
      yield* sent
      expect(yield* balances).toEqual([100, 0])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("that is not covered moves nothing", () =>
    Effect.gen(function* () {
      yield* Effect.all([open("ada", 59), open("bob", 20)])
      expect((yield* Effect.flip(sent))._tag).toBe("NotEnough")
      expect(yield* balances).toEqual([59, 20])
    }).pipe(Effect.provide(Memory.layer))
  )
})
