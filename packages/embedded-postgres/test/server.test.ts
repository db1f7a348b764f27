// The server's life: it starts, answers, keeps what it is given to keep, crashes, comes back, and goes.
import * as fs from "node:fs"
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as EmbeddedPostgres from "../src/EmbeddedPostgres.ts"
import { freePort } from "../src/internal/port.ts"
import { birthOf } from "../src/internal/processes.ts"
import { scratch } from "./support/scratch.ts"

const rows = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS kept (x int)`
  const found = yield* sql<{ readonly x: number }>`SELECT x FROM kept ORDER BY x`
  yield* sql`INSERT INTO kept VALUES (${found.length + 1})`
  return found.map(({ x }) => x)
})

const isGone = (pid: number | undefined) => pid !== undefined && birthOf(pid) === undefined

describe.concurrent("server", { timeout: 30_000 }, () => {
  it.live("starts, answers, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { gone, server } = yield* Effect.gen(function* () {
        const server = yield* EmbeddedPostgres.EmbeddedPostgres
        const sql = yield* SqlClient
        const found = yield* sql<Record<string, string>>`
          SELECT current_database() AS database, current_setting('fsync') AS fsync, lower('Ä') AS lower,
            current_setting('synchronous_commit') AS commit, current_setting('listen_addresses') AS tcp,
            current_setting('application_name') AS application, current_setting('server_version') AS version`
        assert.deepStrictEqual(found[0], {
          database: "evolvent",
          fsync: "on",
          lower: "ä",
          commit: "on",
          tcp: "",
          application: "mine",
          version: server.version
        })
        const socket = fs.statSync(server.host)
        assert.strictEqual(socket.mode & 0o777, 0o700)
        return { gone: yield* server.pid, server }
      }).pipe(Effect.provide(EmbeddedPostgres.layer({ maxConnections: 2, applicationName: "mine" })))
      assert(isGone(gone))
      assert.isFalse(fs.existsSync(server.dataDir))
      assert.isFalse(fs.existsSync(server.host))
    })
  )

  it.live("keeps the data of a dataDir between runs, for several databases", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "a folder", "data")
      const run = (database: string) =>
        Effect.provide(rows, EmbeddedPostgres.layer({ dataDir, database, settings: { fsync: "off" } }))
      assert.deepStrictEqual(yield* run("one"), [])
      assert.deepStrictEqual(yield* run("one"), [1])
      assert.deepStrictEqual(yield* run('it\'s "two"'), [])
      assert.deepStrictEqual(yield* run("one"), [1, 2])
      assert.sameMembers(fs.readdirSync(dataDir), ["pgdata", "password", "server.log"])
    })
  )

  it.live("runs beside others of the same process", () =>
    Effect.gen(function* () {
      const one = Effect.provide(rows, EmbeddedPostgres.layer({ settings: { fsync: "off" } }))
      assert.deepStrictEqual(yield* Effect.all([one, one], { concurrency: "unbounded" }), [[], []])
    })
  )

  it.live("comes back at the same address after every kind of end, with all that was committed", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.EmbeddedPostgres
      const kept = rows.pipe(Effect.retry({ times: 10 }))
      assert.deepStrictEqual(yield* kept, [])
      const first = yield* server.pid
      yield* server.stop("immediate")
      assert(isGone(first))
      assert.isUndefined(yield* server.pid)
      yield* server.restart()
      assert.deepStrictEqual(yield* kept, [1])
      // One client never waits, and so would not see by itself that its server is gone.
      const sql = yield* SqlClient
      yield* Effect.forkScoped(Effect.exit(sql`SELECT count(*) FROM generate_series(1, 100000000000)`))
      yield* Effect.sleep(100)
      yield* server.kill
      assert.isUndefined(yield* server.pid)
      yield* server.restart()
      assert.deepStrictEqual(yield* kept, [1, 2])
      yield* server.restart("fast")
      assert.deepStrictEqual(yield* kept, [1, 2, 3])
      yield* server.restart("immediate")
      assert.deepStrictEqual(yield* kept, [1, 2, 3, 4])
      assert.notStrictEqual(yield* server.pid, first)
    }).pipe(Effect.provide(EmbeddedPostgres.layer()))
  )

  it.live("listens on a port for those who have the password", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const server = yield* EmbeddedPostgres.start({ port, settings: { fsync: "off" } })
      const ask = (url: Redacted.Redacted) =>
        Effect.scoped(Effect.flatMap(SqlClient, (sql) => sql`SELECT current_database() AS database`)).pipe(
          Effect.provide(PgClient.layer({ url }))
        )
      assert.deepStrictEqual(yield* ask(server.url), [{ database: "evolvent" }])
      const wrong = Redacted.make(Redacted.value(server.url).replace(/:[^:@]+@/, ":wrong@"))
      const refused = yield* Effect.flip(ask(wrong))
      assert.match(String(refused.cause), /Authentication/)
    })
  )

  const system = ["/usr/lib/postgresql/15/bin", process.env["POSTGRES_15_BIN"] ?? ""].find((bin) =>
    fs.existsSync(path.join(bin, "initdb"))
  )
  const absent = system === undefined ? " (skipped: none on this machine; POSTGRES_15_BIN may name its folder)" : ""
  it.live.skipIf(system === undefined)(`runs the programs of PostgreSQL 15${absent}`, () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      const options = { dataDir, binaries: system, settings: { fsync: "off" } }
      assert.deepStrictEqual(yield* Effect.provide(rows, EmbeddedPostgres.layer(options)), [])
      assert.deepStrictEqual(yield* Effect.provide(rows, EmbeddedPostgres.layer(options)), [1])
      // The newer programs refuse its data and say so.
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir }))
      assert.strictEqual(error.reason._tag, "WrongMajorVersion")
      assert.match(error.message, /is PostgreSQL 15's, but the server programs are version 18\. Nothing was changed/)
    })
  )
})
