// The command line on PostgreSQL and on NATS, as a process of its own: killed half-way, run again, begun anew, and refused.
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { file, inNewStore, rowsOf } from "./fixtures.ts"
import * as Importer from "./importer.ts"
import * as Report from "./report.ts"
import { generate } from "./sample.ts"
import * as Source from "./source.ts"

const main = path.join(import.meta.dirname, "main.ts")
const text = generate({ seed: 11, invoices: 250 })
const rows = rowsOf(text)

let folder = ""
const at = (name: string) => path.join(folder, name)
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-retail-"))
  fs.writeFileSync(at("all.csv"), text)
  fs.writeFileSync(at("few.csv"), file(rows.slice(0, 40)))
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

/** The report that memory gives. */
const inMemory = (...texts: ReadonlyArray<string>) =>
  Effect.runPromise(
    Importer.run(texts.map((text, i) => Source.fromText(`${i}.csv`, text))).pipe(
      Effect.andThen(Report.read),
      Effect.map(Report.toJson),
      inNewStore
    )
  )

/** Waits until a process has written this to its errors. */
const says = (child: ChildProcess, words: RegExp) =>
  new Promise<void>((done, gone) => {
    let said = ""
    child.once("exit", () => gone(new Error(`it ended, and said ${said}`)))
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8")
      if (words.test(said)) done()
    })
  })

describe.each([
  ["PostgreSQL", "postgres"],
  ["NATS", "nats"]
])("on %s", (_, store) => {
  const inStore = (...args: ReadonlyArray<string>) => [main, ...args, "--store", store, "--data-dir", at(store)]
  const run = (...args: ReadonlyArray<string>) => spawnSync(process.execPath, inStore(...args), { encoding: "utf8" })

  it("killed half-way and run again, an import ends at the report that memory gives; then it is kept", async () => {
    // On one lane it takes its time. Halted, it is in the midst of it for as long as somebody else needs to be refused.
    const child = spawn(process.execPath, inStore("import", at("all.csv"), "--concurrency", "1"))
    await says(child, /30 %/)
    child.kill("SIGSTOP")
    const other = run("report")
    expect(other.status).toBe(1)
    expect(other.stdout).toBe("")
    expect(other.stderr).toContain(`in use by process ${child.pid}. End that`)
    expect(other.stderr).toContain("another --data-dir")
    expect(other.stderr).not.toMatch(/^\s+at /m)
    const killed = once(child, "exit")
    child.kill("SIGKILL")
    expect(await killed).toEqual([null, "SIGKILL"])

    const expected = await inMemory(text)
    const second = run("import", at("all.csv"), "--report", "--json")
    expect(second.stdout).toBe(expected)
    expect(second.status).toBe(0)
    const known = Number(/([\d,]+) known before/.exec(second.stderr)?.[1]?.replaceAll(",", ""))
    expect(known).toBeGreaterThan(rows.length * 0.2)
    expect(known).toBeLessThan(rows.length)

    const third = run("import", at("all.csv"), "--report", "--json")
    expect(third.stdout).toBe(expected)
    expect(third.stderr).toContain(`${rows.length.toLocaleString("en-GB")} known before`)
  }, 120_000)

  it("begins anew with --fresh, and further files add to what is there", async () => {
    const fresh = run("import", at("few.csv"), "--report", "--json", "--fresh")
    expect(fresh.stdout).toBe(await inMemory(file(rows.slice(0, 40))))
    expect(fresh.stderr).toContain("; 0 malformed")
    fs.writeFileSync(at("more.csv"), file(rows.slice(40, 80)))
    expect(run("import", at("more.csv")).status).toBe(0)
    expect(run("report", "--json").stdout).toBe(await inMemory(file(rows.slice(0, 40)), file(rows.slice(40, 80))))
  }, 120_000)

  it("comes to the same report in four partitions, and after all read models were rebuilt", async () => {
    const expected = await inMemory(file(rows))
    expect(run("import", at("all.csv"), "--report", "--json", "--fresh", "--partitions", "4").stdout).toBe(expected)
    const rebuilt = run("rebuild", "--json", "--partitions", "2")
    expect(rebuilt.stdout).toBe(expected)
    for (const name of ["retail-totals", "retail-months"]) expect(rebuilt.stderr).toContain(name)
    expect(rebuilt.stderr).toContain("100 %")
    expect(run("rebuild", "--partitions", "17").status).toBe(1)
    expect(run("report", "--json").stdout).toBe(expected)
  }, 120_000)
})

describe("a command line", () => {
  it.each([
    ["postgres", "postgres://shop:secret@127.0.0.1:1/shop", "The PostgreSQL that DATABASE_URL names cannot be used: "],
    ["nats", "nats://shop:secret@127.0.0.1:1", "The NATS server that NATS_URL names cannot be used: "]
  ])(
    "says in a sentence that a server of %s cannot be used, without the password",
    (store, url, words) => {
      const env = { ...process.env, [store === "postgres" ? "DATABASE_URL" : "NATS_URL"]: url }
      const args = [main, "report", "--store", store]
      const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env })
      expect(status).toBe(1)
      expect(stdout).toBe("")
      expect(stderr).toContain(words)
      expect(stderr).toMatch(/ECONNREFUSED|127\.0\.0\.1:1\b/)
      expect(stderr).not.toMatch(/secret|^\s+at /m)
    },
    30_000
  )

  it("starts no server for help, or for what it does not understand", () => {
    const nowhere = ["--data-dir", at("none")]
    const call = (...args: ReadonlyArray<string>) =>
      spawnSync(process.execPath, [main, ...args, ...nowhere], { encoding: "utf8" })
    const help = call("import", "--help")
    expect(help.status).toBe(0)
    for (const flag of ["--store", "--data-dir", "--fresh"]) expect(help.stdout).toContain(flag)
    expect(call().stdout).toContain("import")
    expect(call("import", "--store", "cassette", "x").stderr).toContain("cassette")
    expect(fs.existsSync(at("none"))).toBe(false)
  }, 30_000)
})
