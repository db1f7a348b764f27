// Input that means no good, and things that go wrong under a command: nothing is given away, taken over or told wrongly.
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { because, InvalidRequest, Unavailable } from "evolvent/EventStoreError"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fromError } from "../src/failure.ts"
import { withoutSecrets } from "../src/secrets.ts"
import { evolvent, start } from "./support/evolvent.ts"
import { freePort } from "./support/stores.ts"

const escape = "\u001b"

describe("what signs somebody in", () => {
  it.each([
    ["at postgres://ada:s3:c/r@et@h:5432/x.", "at postgres://ada:***@h:5432/x."],
    ["nats://t0ken@h:4222,nats://h2", "nats://***@h:4222,nats://h2"],
    ["nats://ada:pw@h,nats://bob:pw@h2", "nats://ada:***@h2"],
    ["postgres://h/x?user=ada&password=s3cret&sslmode=on", "postgres://h/x?user=ada&password=***&sslmode=on"],
    ["postgres://ada@h:5432/x, as ada@h", "postgres://ada@h:5432/x, as ada@h"],
    ["postgres://user:password@host:5432/database", "postgres://user:password@host:5432/database"]
  ])("%j is said as %j", (text, said) => {
    expect(withoutSecrets(text)).toBe(said)
  })

  it.each([
    [["read", "all", "postgres://ada:s3cret@h/x"]],
    [["read", "all", "--", "--url", "postgres://ada:s3cret@h/x"]],
    [["postgres://ada:s3cret@h/x"]],
    [["streams", "--url", "nats://ada:s3cret%@127.0.0.1:1"]],
    [["streams", "--url", "postgres://ada:s3cret%@127.0.0.1:1/x"]]
  ])("%j does not print it", async (args) => {
    const { status, stderr, stdout } = await evolvent(args)
    expect([2, 3]).toContain(status)
    expect(stdout + stderr).not.toMatch(/s3cret|^\s+at /m)
  })

  it.skipIf(process.platform !== "linux")(
    "is not among the arguments that others on this machine can list",
    async () => {
      // A server that never answers.
      const server = createServer(() => {})
      const port = await new Promise((done) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          done(typeof address === "object" ? address?.port : undefined)
        })
      })
      const { child, ended } = start(["streams", "--url", `postgres://ada:s3cret@127.0.0.1:${String(port)}/x`])
      const listed = () => execFileSync("ps", ["-o", "args=", "-p", String(child.pid)], { encoding: "utf8" })
      for (let i = 0; i < 100 && listed().includes("s3cret"); i++) await new Promise((done) => setTimeout(done, 50))
      expect(listed()).toContain("postgres://ada:***@127.0.0.1")
      child.kill("SIGKILL")
      await ended
      server.close()
    }
  )
})

it("a store that went away meanwhile is one that cannot be used; what it refuses is refused", () => {
  expect(fromError(because("read", new Unavailable({ problem: "gone" }))).kind).toBe("unusable")
  expect(fromError(because("read", new InvalidRequest({ problem: "odd" }))).kind).toBe("failed")
})

describe("on a store", () => {
  const scope = Scope.makeUnsafe()
  let [url, folder] = ["", ""]
  const call = (...args: ReadonlyArray<string>) => evolvent([...args, "--url", url])
  const sql = (...statements: ReadonlyArray<string>) =>
    Effect.runPromise(
      PgClient.PgClient.use((sql) => Effect.forEach(statements, (text) => sql.unsafe(text))).pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(url) }))
      )
    )
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-hostile-"))
    const started = Effect.flatMap(freePort, (port) => EmbeddedPostgres.start({ port }))
    url = Redacted.value((await Effect.runPromise(Scope.provide(started, scope))).url)
    expect((await call("migrate")).status).toBe(0)
    await sql(
      `INSERT INTO evolvent.events VALUES (1, 0, now(), '0198c2a4-7d3e-7abc-8def-000000000001', 1,
        'Door-' || chr(27) || '[31m' || chr(10) || 'x', 'Door', 'Opened', '{}', '{}')`,
      "SELECT setval('evolvent.position', 1)"
    )
  }, 120_000)
  afterAll(async () => {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, 60_000)

  it("names do not take over a terminal, in errors as little as in results", async () => {
    const none = await call("read", `Door-${escape}[2J`)
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("Door-\\u{1b}[2J")])
    expect((await call("export", path.join(folder, "doors"))).status).toBe(0)
    expect((await call("migrate", "--store", "other")).status).toBe(0)
    await sql(
      `INSERT INTO other.events SELECT position, revision, recorded_at, '0198c2a4-7d3e-7abc-8def-000000000002', 1,
        stream, category, type, data, metadata FROM evolvent.events`,
      "SELECT setval('other.position', 1)"
    )
    // What is stored stands in the message.
    const other = await call("import", path.join(folder, "doors"), "--store", "other")
    expect([other.status, other.stderr]).toEqual([1, expect.stringContaining("Door-\\u{1b}[31m")])
    for (const { stderr, stdout } of [none, other, await call("verify", path.join(folder, "doors"))]) {
      expect(stdout + stderr).not.toContain(escape)
    }
  }, 60_000)

  it.skipIf(!fs.existsSync("/dev/full"))(
    "output for which there is no room is a failure, and no reader is none",
    async () => {
      const full = fs.openSync("/dev/full", "w")
      const main = path.join(import.meta.dirname, "../src/main.ts")
      for (const command of [
        ["read", "all", "--json"],
        ["doctor", "--json"]
      ]) {
        const child = spawn(process.execPath, [main, ...command, "--url", url], { stdio: ["ignore", full, "pipe"] })
        let said = ""
        child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()))
        expect(await new Promise((done) => child.once("close", done))).toBe(1)
        expect(said).toMatch(/could not be written, and is not whole: ENOSPC/)
      }
      fs.closeSync(full)
      const { child, ended } = start(["read", "all", "--url", url])
      child.stdout.destroy()
      expect(await ended).toMatchObject({ status: 0, stderr: "" })
    },
    60_000
  )

  it("a store's name that none can have is wrong use", async () => {
    const { status, stderr } = await call("streams", "--store", 'we"ird')
    expect([status, stderr]).toEqual([2, expect.stringContaining("--store, cannot be used")])
  })

  it("doctor tells all that it knows where a role lacks what readers need, too", async () => {
    await sql(
      "CREATE ROLE half LOGIN PASSWORD 'half'",
      "GRANT USAGE ON SCHEMA evolvent TO half",
      "GRANT SELECT ON ALL TABLES IN SCHEMA evolvent TO half"
    )
    const half = new URL(url)
    half.username = half.password = "half"
    const { status, stdout } = await evolvent(["doctor", "--json", "--url", half.href])
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      facts: { role: "half", rights: "reader" },
      findings: expect.arrayContaining([
        expect.objectContaining({ level: "broken", problem: expect.stringContaining("lacks a right") })
      ])
    })
  }, 60_000)

  it("an application's module may leave things open or hold what cannot be looked into, but not two of one name", async () => {
    const definitions = path.join(import.meta.dirname, "support/application.ts")
    const module = (name: string, text: string): string => {
      const file = path.join(folder, `${name}.mjs`)
      fs.writeFileSync(file, `import { Balances } from ${JSON.stringify(definitions)}\n${text}`)
      return file
    }
    const odd = module(
      "odd",
      `export { Balances }; export const again = [Balances]; setInterval(() => {}, 1000)
       const no = () => { throw new Error("no") }
       export const proxy = new Proxy({}, { has: no, get: no, ownKeys: no })`
    )
    expect(await call("rebuild", "balances", "--app", odd)).toMatchObject({ status: 0 })
    const two = module("two", `export { Balances }; export const Other = { ...Balances, row: undefined }`)
    const { status, stderr } = await call("rebuild", "balances", "--app", two)
    expect([status, stderr]).toEqual([2, expect.stringContaining("two different projections")])
  }, 60_000)
})
