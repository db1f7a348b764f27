// `retail export` and `retail restore`: from store to store to store, through a folder, killed half-way, and refused.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { reference } from "./reference.ts"
import { generate } from "./sample.ts"

const main = path.join(import.meta.dirname, "main.ts")
const text = generate({ seed: 23, invoices: 400 })
const report = reference([text])

let folder = ""
const at = (name: string) => path.join(folder, name)
const call = (...args: ReadonlyArray<string>) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" })

/** The first line, which says what was copied, and the rest. */
const outOf = ({ status, stderr, stdout }: ReturnType<typeof call>) => {
  expect(status, stderr).toBe(0)
  const end = stdout.indexOf("\n")
  return { copied: JSON.parse(stdout.slice(0, end)) as Record<string, unknown>, rest: stdout.slice(end + 1) }
}

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-export-"))
  fs.writeFileSync(at("all.csv"), text)
  expect(call("import", at("all.csv"), "--data-dir", at("pg")).status).toBe(0)
}, 60_000)
afterAll(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

describe("retail export", () => {
  it("from PostgreSQL into NATS into Memory ends in equal hashes and the same report", () => {
    const toNats = ["--to", "nats", "--to-data-dir", at("nats"), "--json", "--report"]
    const first = outOf(call("export", "--data-dir", at("pg"), ...toNats))
    expect(first.copied).toMatchObject({ to: "nats", equal: true })
    expect(first.rest).toBe(report)
    const nats = ["--store", "nats", "--data-dir", at("nats")]
    const second = outOf(call("export", ...nats, "--to", "memory", "--json", "--report"))
    expect(second.copied).toEqual({ ...first.copied, to: "memory" })
    expect(second.rest).toBe(report)

    // Made again it changes nothing; and what was copied goes on.
    expect(outOf(call("export", "--data-dir", at("pg"), ...toNats)).copied).toEqual(first.copied)
    expect(call("import", at("all.csv"), ...nats, "--report", "--json").stdout).toBe(report)
    const refused = call("export", ...nats, "--to", at("other"), "--json")
    expect(outOf(refused).copied["digest"]).toBe(first.copied["digest"])
  }, 120_000)

  it("killed half-way and run again, a folder and a store from it hold what the store holds", async () => {
    const child = spawn(process.execPath, [main, "export", "--data-dir", at("pg"), "--to", at("folder")])
    // As soon as the first file is there.
    while (!fs.existsSync(at("folder")) && child.exitCode === null) await new Promise((done) => setTimeout(done, 2))
    const gone = once(child, "exit")
    child.kill("SIGKILL")
    await gone
    const { copied } = outOf(call("export", "--data-dir", at("pg"), "--to", at("folder"), "--json"))
    expect(copied).toMatchObject({ equal: true })

    const half = spawn(process.execPath, [main, "restore", at("folder"), "--data-dir", at("pg2")])
    half.stderr.once("data", () => half.kill("SIGKILL"))
    await once(half, "exit")
    const restored = outOf(call("restore", at("folder"), "--data-dir", at("pg2"), "--json"))
    expect(restored.copied).toEqual({ ...copied, to: "store" })
    expect(call("report", "--data-dir", at("pg2"), "--json").stdout).toBe(report)
  }, 120_000)

  it("refuses what is damaged with exit code 2, and a store with other events with 1", () => {
    expect(call("export", "--data-dir", at("pg"), "--to", at("damaged")).status).toBe(0)
    const part = at("damaged/part-000001.ndjson.gz")
    fs.truncateSync(part, fs.statSync(part).size - 10)
    const damaged = call("restore", at("damaged"), "--store", "memory")
    expect(damaged.status).toBe(2)
    expect(damaged.stdout).toBe("")
    expect(damaged.stderr).toContain("part-000001.ndjson.gz is damaged")
    expect(damaged.stderr).not.toMatch(/^\s+at /m)
    expect(call("restore", at("nothing"), "--store", "memory").status).toBe(2)

    fs.writeFileSync(at("few.csv"), text.split("\n").slice(0, 30).join("\n"))
    expect(call("import", at("few.csv"), "--data-dir", at("pg3")).status).toBe(0)
    const other = call("export", "--data-dir", at("pg"), "--to", "postgres", "--to-data-dir", at("pg3"))
    expect(other.status).toBe(1)
    expect(other.stderr).toContain("The events were not copied into the store")
    expect(other.stderr).not.toMatch(/^\s+at /m)
  }, 120_000)
})
