// Other versions of PostgreSQL keep every law, too: those that this machine has in the usual places.
import { suite } from "@evolvent/testing/conformance"
import { spawnSync } from "node:child_process"
import { existsSync, globSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"

const oldest = 15

/** Where Debian, Red Hat, Homebrew and Postgres.app put the server's programs. */
const places = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/usr/local/opt/postgresql@*/bin",
  "/Applications/Postgres.app/Contents/Versions/*/bin"
]

/** The newest server of each major version, by what it says of itself. */
const installed = new Map<number, { readonly bin: string; readonly version: string }>()
for (const bin of globSync(places).toSorted()) {
  if (!["postgres", "initdb", "pg_ctl"].every((name) => existsSync(join(bin, name)))) continue
  const { stdout } = spawnSync(join(bin, "postgres"), ["--version"], { encoding: "utf8" })
  const [, version = ""] = /\(PostgreSQL\) (\d+\S*)/.exec(stdout) ?? []
  const major = Number.parseInt(version, 10)
  if (major >= oldest) installed.set(major, { bin, version })
}

const capabilities = {
  idempotency: "forever",
  appendAll: true,
  truncate: true,
  transaction: true,
  atomicBatch: true
} as const

for (const { bin, version } of installed.values()) {
  const { server } = await serve({ binaries: bin })
  suite(`PostgreSQL ${version} of this machine`, Postgres.layer(server.connection), { describe, it, capabilities })
  it(`ran on PostgreSQL ${version} in ${bin}`, () => {
    expect(server.version).toBe(version)
  })
}

if (installed.size === 0) {
  it(`this machine has no PostgreSQL from ${oldest} on besides the embedded one, so no other version was tried`, () => {
    expect(globSync(places).filter((bin) => existsSync(join(bin, "postgres")))).toEqual([])
  })
}
