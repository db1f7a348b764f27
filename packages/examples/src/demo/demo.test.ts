// The demo: that it runs as a stranger runs it, and that its transfer loses and doubles no money.
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Aggregate, Memory } from "evolvent"
import { Account } from "../account/domain.ts"
import { transfer } from "./transfer.ts"

const run = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { encoding: "utf8" })

/** The positions that it tells of although they lie beyond the head that it names. */
const overtaken = (stdout: string) =>
  [...stdout.matchAll(/position ([\d,]+) of ([\d,]+)/g)].flatMap(([line, ...found]) => {
    const [position = 0, head = 0] = found.map((number) => Number(number.replaceAll(",", "")))
    return position > head ? [line] : []
  })

describe("the demo", () => {
  const folder = mkdtempSync(join(tmpdir(), "evolvent-demo-"))
  const onPostgres = ["--data-dir", join(folder, "postgres")]
  const onNats = ["--nats", "--data-dir", join(folder, "nats")]
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

  it.each([
    ["in memory", ["--store", "memory"]],
    ["on a PostgreSQL of its own", onPostgres],
    ["on a NATS server of its own", onNats]
  ])(
    "tells its story %s, plainly where there is no terminal",
    (where, args) => {
      const { status, stderr, stdout } = run(...args)
      expect(stderr).toBe("")
      expect(stdout).toContain(`This runs ${where}`)
      expect(status).toBe(0)
      expect(stdout).not.toContain("\u001b[")
      expect(stdout).toMatch(/transfer +Withdrawn +conflict +decided at revision 1, but Account-ada is at 2/)
      expect(stdout).toMatch(/transfer +Withdrawn +written +Account-ada is at revision 3/)
      expect(stdout).toContain("Ada has 10, Bob has 80.")
      expect(stdout).toContain("nothing happens twice")
      expect(stdout).toContain("rejected as NotEnough { balance: 0 }")
      expect(stdout).toContain("At revision 2 Bob had 80.")
      expect(stdout).toMatch(/100 % +position ([\d,]+) of \1, up to date/)
      expect(overtaken(stdout)).toEqual([])
      expect(stdout).toMatch(/Orders placed +325 +310 completed, 15 open/)
    },
    30_000
  )

  it.each([
    ["PostgreSQL", onPostgres],
    ["NATS", onNats]
  ])(
    "is told again on the same data of %s: everything is still there, and nothing is there twice",
    (_, args) => {
      const { status, stderr, stdout } = run(...args)
      expect(stderr).toBe("")
      expect(status).toBe(0)
      expect(stdout).toContain("Ada's is ada-2 now")
      expect(stdout).toMatch(/transfer +Withdrawn +conflict +decided at revision 1, but Account-ada-2 is at 2/)
      expect(stdout).toContain("0 accepted, 0 rejected by the domain, 0 skipped, 2,166 known before")
      expect(stdout).toMatch(/100 % +position ([\d,]+) of \1, up to date/)
      expect(overtaken(stdout)).toEqual([])
      expect(stdout).toMatch(/Orders placed +325 +310 completed, 15 open/)
    },
    30_000
  )

  it("says which file it cannot read", () => {
    const { status, stderr } = run("no-such.csv", "--store", "memory")
    expect(status).toBe(2)
    expect(stderr).toContain("no-such.csv: there is no such file or folder")
  }, 30_000)
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
