// Owners: a server dies with the process that started it, and only the server of that very folder is ever ended.
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as EmbeddedPostgres from "../src/EmbeddedPostgres.ts"
import { accountFor, spawnAs } from "../src/internal/account.ts"
import { locate } from "../src/internal/binaries.ts"
import { birthOf } from "../src/internal/processes.ts"
import { owner, processesWith, scratch, starting, until } from "./support/scratch.ts"

const answer = (dataDir: string) =>
  Effect.flatMap(SqlClient, (sql) => sql`SELECT 1 AS one`).pipe(Effect.provide(EmbeddedPostgres.layer({ dataDir })))

const gone = (pid: number) => until(`process ${pid} has ended`, () => birthOf(pid) === undefined)

const parentOf = (pid: number): number =>
  Number(execFileSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" }))

describe.concurrent("owner", { timeout: 30_000 }, () => {
  it.live("a killed owner takes its server along, and its temporary folders", () =>
    Effect.gen(function* () {
      const { child, dataDir, host, pid } = yield* owner({})
      child.kill("SIGKILL")
      yield* gone(pid)
      yield* until("the folders are gone", () => !fs.existsSync(dataDir) && !fs.existsSync(host))
    })
  )

  it.live("a folder has one living owner; when that is killed, the next one may have it at once", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      const first = yield* owner({ dataDir })
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir }))
      assert.deepInclude(error.reason, { _tag: "FolderInUse", by: "owner", pid: first.child.pid ?? 0 })
      assert.include(error.message, `in use by process ${first.child.pid}. End that process`)
      assert.isDefined(birthOf(first.pid))
      first.child.kill("SIGKILL")
      assert.deepStrictEqual(yield* answer(dataDir), [{ one: 1 }])
      assert.isUndefined(birthOf(first.pid))
    })
  )

  it.live("an owner that is killed while the data is made leaves none, and nothing runs on", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      const child = yield* starting({ dataDir })
      const partial = () => fs.existsSync(dataDir) && fs.readdirSync(dataDir).some((name) => name.startsWith("pgdata."))
      yield* until("data is being made", partial)
      yield* Effect.sleep(100)
      child.kill("SIGKILL")
      yield* until("nothing runs on", () => processesWith(dataDir).length === 0)
      assert.deepStrictEqual(yield* answer(dataDir), [{ one: 1 }])
    })
  )

  it.live("two layers of one process cannot have the same folder", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      yield* EmbeddedPostgres.start({ dataDir })
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir }))
      assert.include(error.message, `in use by this very process (${process.pid}), by another layer`)
    })
  )

  it.live("an orphan whose watchdog was killed too is stopped by the next owner", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      const first = yield* owner({ dataDir })
      process.kill(parentOf(first.pid), "SIGKILL")
      first.child.kill("SIGKILL")
      yield* Effect.sleep(300)
      assert.isDefined(birthOf(first.pid))
      assert.deepStrictEqual(yield* answer(dataDir), [{ one: 1 }])
      assert.isUndefined(birthOf(first.pid))
      assert.isFalse(fs.existsSync(first.host))
    })
  )

  it.live("a stranger who was given the number of a dead server is left alone and does not block", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      yield* answer(dataDir)
      const account = accountFor(path.join(dataDir, "pgdata"))
      const stranger = yield* Effect.acquireRelease(
        Effect.sync(() => spawn("sleep", ["60"], { stdio: "ignore", ...spawnAs(account) })),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      fs.writeFileSync(
        path.join(dataDir, "pgdata", "postmaster.pid"),
        `${stranger.pid}\n${dataDir}/pgdata\n0\n5432\n\n\n`
      )
      // And the number of a dead owner, by another birth.
      fs.writeFileSync(path.join(dataDir, "owner.json"), JSON.stringify({ pid: stranger.pid, birth: "long ago" }))
      assert.deepStrictEqual(yield* answer(dataDir), [{ one: 1 }])
      assert.isNull(stranger.exitCode ?? stranger.signalCode)
    })
  )

  it.live("a server that someone else started on the folder is left alone and named", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      yield* answer(dataDir)
      const data = path.join(dataDir, "pgdata")
      const account = accountFor(data)
      const { postgres } = yield* locate(undefined, account)
      const socket = yield* scratch
      const foreign = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(postgres, ["-D", data, "-c", "listen_addresses=", "-c", `unix_socket_directories=${socket}`], {
            stdio: "ignore",
            ...spawnAs(account)
          })
        ),
        (child) =>
          Effect.andThen(
            Effect.sync(() => child.kill("SIGINT")),
            gone(child.pid ?? 0)
          )
      )
      yield* until("it is up", () => fs.existsSync(path.join(data, "postmaster.pid")))
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir }))
      assert.deepInclude(error.reason, { _tag: "FolderInUse", by: "server", pid: foreign.pid ?? 0 })
      assert.isNull(foreign.exitCode ?? foreign.signalCode)
      assert.isFalse(fs.existsSync(path.join(dataDir, "owner.json")))
    })
  )
})
