// Every command on a store of PostgreSQL and on one of NATS: what it prints for people and for programs, and its exit code.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Aggregate from "evolvent/Aggregate"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Metadata from "evolvent/Metadata"
import * as StreamName from "evolvent/StreamName"
import { afterAll, beforeAll, expect, it } from "vitest"
import { Account } from "./support/application.ts"
import { describeStores } from "./support/stores.ts"

const app = path.join(import.meta.dirname, "support/application.ts")
let folder = ""
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-cli-"))
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const linesOf = (text: string): ReadonlyArray<unknown> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const seed = Effect.gen(function* () {
  yield* Aggregate.execute(Account, "ada", { _tag: "Open", owner: "ada" }).pipe(Metadata.provide({ actor: "clerk 7" }))
  for (let i = 1; i <= 3; i++) yield* Aggregate.execute(Account, "ada", { _tag: "Deposit", amount: i })
  yield* Aggregate.execute(Account, "bob", { _tag: "Open", owner: "bob \u001b[31m" })
  const store = yield* EventStore
  const append = Effect.fnUntraced(function* (category: string, type: string) {
    const id = yield* EventId.generate
    yield* store.append(StreamName.make(category, "7"), [{ id, type, data: {} }])
    return { id, metadata: yield* Metadata.Current }
  })
  const placed = yield* append("Order", "Placed")
  const charged = yield* append("Card", "Charged").pipe(Metadata.inReactionTo(placed))
  yield* append("Order", "Paid").pipe(Metadata.inReactionTo(charged))
  return charged.id
})

describeStores(({ call, json, kind, run, start, url }) => {
  const at = (name: string) => path.join(folder, `${kind}-${name}`)
  let charged = ""

  it("is refused before there is a store, and made by migrate, which can be called again", async () => {
    const before = await call("streams")
    expect([before.status, before.stdout]).toEqual([3, ""])
    expect(before.stderr).toContain("`evolvent migrate`")
    expect(await json("migrate", "--removal")).toMatchObject({ backend: kind, store: "evolvent", migrated: true })
    const again = await call("migrate", "--removal")
    expect([again.status, again.stderr]).toEqual([0, ""])
    expect(again.stdout).toContain(`The store evolvent on ${kind} at `)
    expect((await call("streams")).stdout).toBe("The store holds no events.\n")
    charged = await run(seed)
  }, 120_000)

  it("streams lists categories, and the streams of one", async () => {
    const table = await call("streams")
    expect(table.stdout.split("\n")[0]).toMatch(/^category +streams +events +size +last event +at$/)
    expect(table.stdout).toMatch(/^Account +2 +5 +\d+ B +Opened +\d{4}-/m)
    expect(await json("streams")).toMatchObject([
      { category: "Account", streams: 2, events: 5, last: { type: "Opened" } },
      { category: "Card", streams: 1, events: 1 },
      { category: "Order", streams: 1, events: 2 }
    ])
    expect(await json("streams", "Account", "--limit", "1")).toMatchObject([
      { stream: "Account-ada", events: 4, last: { type: "Deposited" } }
    ])
  }, 60_000)

  it("read prints a stream, a category or all, narrowed by places and types", async () => {
    const types = async (...args: ReadonlyArray<string>) => {
      const { status, stderr, stdout } = await call("read", ...args, "--json")
      expect([status, stderr]).toEqual([0, ""])
      return linesOf(stdout).map((event) => (event as { readonly type: string }).type)
    }
    expect(await types("Account-ada")).toEqual(["Opened", "Deposited", "Deposited", "Deposited"])
    expect(await types("Account", "--type", "Opened")).toEqual(["Opened", "Opened"])
    expect(await types("all", "--backwards", "--limit", "2")).toEqual(["Paid", "Charged"])
    const all = linesOf((await call("read", "all", "--json")).stdout) as ReadonlyArray<Record<string, unknown>>
    expect(all).toHaveLength(8)
    expect(all[0]).toMatchObject({ stream: "Account-ada", revision: 0, data: { owner: "ada" } })
    expect(all[0]).toMatchObject({ metadata: { actor: "clerk 7" } })
    // Revisions for a stream, positions and times for all.
    const amounts = linesOf((await call("read", "Account-ada", "--from", "1", "--to", "2", "--json")).stdout)
    expect(amounts).toMatchObject([{ data: { amount: 1 } }, { data: { amount: 2 } }])
    const back = linesOf((await call("read", "Account-ada", "--to", "2", "--backwards", "--json")).stdout)
    expect(back).toMatchObject([{ revision: 2 }, { revision: 1 }, { revision: 0 }])
    const [from, to] = [String(all[5]?.["position"]), String(all[6]?.["position"])]
    expect(await types("all", "--from", from, "--to", to)).toEqual(["Placed", "Charged"])
    expect(await types("all", "--from", "2000-01-01", "--to", String(all[7]?.["recordedAt"]))).toHaveLength(8)
    expect((await call("read", "all", "--from", "2999-01-01")).stdout).toBe("")
    expect((await call("read", "Account-ada", "--from", "1", "--to", "2999-01-01")).status).toBe(2)
  }, 120_000)

  it("read shows stored text safely, and says where there is nothing", async () => {
    const { stdout } = await call("read", "Account-bob")
    expect(stdout).toContain("Account-bob 0  Opened")
    expect(stdout).not.toContain("\u001b")
    for (const [what, words] of [
      ["Account-eve", "There is no event in stream Account-eve"],
      ["Acount", "There is no event in category Acount"]
    ] as const) {
      const none = await call("read", what)
      expect([none.status, none.stdout]).toEqual([1, ""])
      expect(none.stderr).toContain(words)
    }
  }, 60_000)

  it("tail -f prints the last events and what comes, until it is interrupted", async () => {
    const following = start("tail", "Account", "-n", "1", "-f", "--json")
    await following.said(/Opened/)
    await run(Aggregate.execute(Account, "ada", { _tag: "Deposit", amount: 77 }))
    await following.said(/"amount":77/)
    following.child.kill("SIGINT")
    const { status, stderr, stdout } = await following.ended
    expect([status, stderr]).toEqual([130, ""])
    expect(linesOf(stdout)).toMatchObject([{ stream: "Account-bob" }, { data: { amount: 77 } }])
    expect((await call("tail", "-n", "2")).stdout.trimEnd().split("\n")).toHaveLength(2)
  }, 60_000)

  it("show prints an event with what caused it and what it led to", async () => {
    const { status, stdout } = await call("show", charged)
    expect(status).toBe(0)
    expect(stdout).toMatch(/Order-7 0 Placed.*\n→ Card-7 0 Charged.* ◀\n.*└─ Order-7 1 Paid/)
    expect(await json("show", charged, "--stream", "Card-7")).toMatchObject({
      event: { id: charged, type: "Charged" },
      causes: [{ type: "Placed" }],
      effects: [{ event: { type: "Paid" }, effects: [] }]
    })
    const none = await call("show", "0198c2a4-7d3e-7abc-8def-0123456789ab")
    expect([none.status, none.stdout]).toEqual([1, ""])
    expect(none.stderr).toMatch(/no event 0198c2a4-7d3e-7abc-8def-0123456789ab in this store\..* --system/)
  }, 60_000)

  it("rebuild makes a read model of an application, with its progress in plain lines", async () => {
    const { status, stderr, stdout } = await call("rebuild", "balances", "--app", app)
    expect([status, stdout]).toEqual([0, expect.stringContaining("balances@1 was rebuilt")])
    expect(stderr).toMatch(/^100 % /m)
    expect(stderr).not.toContain("\u001b")
    expect(await json("rebuild", "balances@1", "--app", app)).toMatchObject({ projection: "balances", phase: "done" })
    expect(await json("processors", "--app", app)).toMatchObject([
      { name: "balances@1", kind: "projection", state: "idle", lag: null, parked: 0 },
      { name: "welcome", kind: "reactor", lag: { events: expect.any(Number) } }
    ])
    const other = await call("rebuild", "totals", "--app", app)
    expect([other.status, other.stderr]).toEqual([1, expect.stringContaining("it exports balances@1")])
  }, 120_000)

  it("snapshots clear does what it says, with --yes", async () => {
    expect(await json("snapshots", "clear", "Account", "--yes")).toEqual({ streams: 2 })
    expect((await call("snapshots", "clear", "Account-eve", "--yes")).status).toBe(1)
  }, 60_000)

  it("export, verify and import make an equal store; a damaged folder is found out", async () => {
    const [exported, one] = [await call("export", at("export"), "--json"), at("export")]
    expect(exported.status).toBe(0)
    const { digest } = JSON.parse(exported.stdout) as { readonly digest: string }
    expect(await json("verify", one)).toMatchObject({ ok: true, events: 9, digest })
    expect((await call("import", one, "--store", "second")).status).toBe(3)
    expect((await call("migrate", "--store", "second")).status).toBe(0)
    expect(await json("import", one, "--store", "second")).toMatchObject({ events: 9, digest })
    expect(await json("verify", "--store", "second")).toMatchObject({ ok: true, events: 9, streams: 4, problems: [] })
    const taken = await call("import", one, "--store", "second")
    expect(taken.status).toBe(0)
    const part = fs.readdirSync(one).find((name) => name.startsWith("part-"))
    fs.truncateSync(path.join(one, part ?? ""), 40)
    const damaged = await call("verify", one)
    expect([damaged.status, damaged.stdout]).toEqual([1, ""])
    expect(damaged.stderr).toContain(part)
  }, 120_000)

  it("archive takes streams out of the store, and restore brings them back where that can be done", async () => {
    expect((await call("archive", at("shelf"), "Account-bob")).status).toBe(2)
    // The rebuilt read model counts as a reader, and has read it.
    const archived = await call("archive", at("shelf"), "Account-bob", "--yes", "--reason", "closed", "--json")
    expect([archived.status, JSON.parse(archived.stdout)]).toMatchObject([0, { events: 1, kept: [] }])
    expect((await call("read", "Account-bob", "--json")).stdout).toContain(`"type":"$archived"`)
    expect(await json("verify", at("shelf"))).toMatchObject({ ok: true, events: 1 })
    expect((await call("verify", at("shelf"))).stdout).toContain("is whole: 1 event in 1 part,")
    const none = await call("archive", at("empty"), "Account-eve", "--yes")
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("Account-eve (no events)")])
    const back = await call("restore", at("shelf"))
    expect([back.status, back.stderr]).toMatchObject(
      kind === "PostgreSQL" ? [0, ""] : [1, expect.stringContaining("does not support")]
    )
    expect((await call("verify")).status).toBe(0)
  }, 120_000)

  it("doctor says what it found, and fails only where something is lost or broken", async () => {
    const { status, stdout } = await call("doctor", "--json")
    const found = JSON.parse(stdout) as { readonly ok: boolean; readonly facts: object; readonly findings: object }
    expect(status).toBe(0)
    expect(found).toMatchObject({ ok: true, facts: { backend: kind, processors: 1, head: expect.any(Number) } })
    const text = await call("doctor")
    expect(text.stdout).toMatch(/^backend +(PostgreSQL|NATS)$/m)
    if (kind === "NATS") expect(text.stdout).toMatch(/^ +give NATS_MONITOR_URL;/m)
    // Addresses are told without their passwords.
    const secret = URL.canParse(url()) ? new URL(url()).password : ""
    if (secret !== "") expect(stdout + text.stdout).not.toContain(secret)
  }, 60_000)
})
