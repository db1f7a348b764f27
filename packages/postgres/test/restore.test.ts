// Restores: a store that was copied to a new server, in each of the usual ways, goes on as if nothing had happened.
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import { copyData, folder, goesOn, live, on } from "./support/restoring.ts"

const schema = "evolvent"

/** The programs of a PostgreSQL that is installed here with its server, where there is one: pg_dump refuses newer servers. */
const installed = (() => {
  try {
    const bin = execFileSync("pg_config", ["--bindir"], { encoding: "utf8" }).trim()
    const has = (name: string) => fs.existsSync(path.join(bin, name))
    return ["postgres", "initdb", "pg_ctl", "pg_dump", "psql"].every(has) ? bin : undefined
  } catch {
    return undefined
  }
})()

interface Table {
  readonly table: string
}

const tablesOf = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
  const rows = yield* sql.unsafe<Table>(
    "SELECT tablename::text AS table FROM pg_tables WHERE schemaname = $1 ORDER BY tablename",
    [schema]
  )
  return rows.map(({ table }) => `${schema}.${table}`)
})

describe("restore", { timeout: 60_000 }, () => {
  it.live("a copy of the data folder", () =>
    Effect.gen(function* () {
      const [old, copy] = [yield* folder, yield* folder]
      const past = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* EmbeddedPostgres.start({ dataDir: old })
          return yield* Effect.provide(live, on(server))
        })
      )
      copyData(old, copy)
      const server = yield* EmbeddedPostgres.start({ dataDir: copy })
      yield* Effect.provide(goesOn(past), on(server))
    })
  )

  it.live("the rows of all tables and the sequence, by COPY", () =>
    Effect.gen(function* () {
      const old = yield* EmbeddedPostgres.start()
      const past = yield* Effect.provide(live, on(old))
      // A folder that the servers' user may write to.
      const file = (table: string) => path.join(old.host, `${table}.copy`)
      const [tables, last] = yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const tables = yield* tablesOf(sql)
        for (const table of tables) yield* sql.unsafe(`COPY ${table} TO '${file(table)}'`)
        const [row] = yield* sql.unsafe<{ last: number }>(`SELECT last_value::float8 AS last FROM ${schema}.position`)
        return [tables, Number(row?.last)] as const
      }).pipe(Effect.provide(on(old)))
      assert.include(tables, `${schema}.events`)
      assert.isAbove(last, past.head)

      const server = yield* EmbeddedPostgres.start()
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        // The layer has migrated; what it wrote down of that comes with the copy.
        assert.deepStrictEqual(yield* tablesOf(sql), tables)
        yield* sql.unsafe(`TRUNCATE ${tables.join(", ")}`)
        for (const table of tables) yield* sql.unsafe(`COPY ${table} FROM '${file(table)}'`)
        yield* sql.unsafe(`SELECT setval('${schema}.position', ${last})`)
        yield* goesOn(past)
      }).pipe(Effect.provide(on(server)))
    })
  )

  it.live.skipIf(installed === undefined)(
    installed === undefined
      ? "pg_dump and psql: SKIPPED, since no PostgreSQL with its server is installed on this machine"
      : "pg_dump and psql, of the PostgreSQL that is installed",
    () =>
      Effect.gen(function* () {
        const options = { binaries: installed }
        const run = (server: EmbeddedPostgres.Server, name: string, args: ReadonlyArray<string>) =>
          execFileSync(
            path.join(installed ?? "", name),
            ["-h", server.host, "-p", String(server.port), "-U", server.username, ...args],
            { stdio: ["ignore", "ignore", "inherit"] }
          )
        const dump = path.join(yield* folder, "dump.sql")
        const old = yield* EmbeddedPostgres.start(options)
        const past = yield* Effect.provide(live, on(old))
        run(old, "pg_dump", ["--no-owner", "-f", dump, old.database])
        const server = yield* EmbeddedPostgres.start(options)
        run(server, "psql", ["-q", "-v", "ON_ERROR_STOP=1", "-f", dump, server.database])
        yield* Effect.provide(goesOn(past), on(server))
      })
  )
})
