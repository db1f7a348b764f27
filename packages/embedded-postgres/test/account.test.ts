// Accounts: the server never runs as root, whoever starts it and wherever the folders lie.
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as EmbeddedPostgres from "../src/EmbeddedPostgres.ts"
import { barrier, isRoot } from "../src/internal/account.ts"
import { runnable } from "../src/internal/binaries.ts"
import { closedCheckout, owner, scratch, temporaryFilesIn } from "./support/scratch.ts"

const nobody = { uid: 65534, gid: 65534 }
const another = 64321

const count = (dataDir: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql`CREATE TABLE IF NOT EXISTS kept (x int)`
    yield* sql`INSERT INTO kept VALUES (1)`
    return (yield* sql`SELECT x FROM kept`).length
  }).pipe(Effect.provide(EmbeddedPostgres.layer({ dataDir })))

/** Why a case that needs root and other users cannot run here, said in its name; "" when it can. */
const lacking = (uid: number): string => {
  const why = isRoot() ? closedCheckout(uid) : "only root can become another user"
  return why === undefined ? "" : ` (skipped: ${why})`
}

describe("account", { timeout: 30_000 }, () => {
  it.live("works in a folder that only its owner may enter, also for root, and opens it to nobody", () =>
    Effect.gen(function* () {
      const closed = path.join(yield* scratch, "closed")
      fs.mkdirSync(closed, { mode: 0o700 })
      const dataDir = path.join(closed, "project", ".data")
      assert.strictEqual(yield* count(dataDir), 1)
      assert.strictEqual(yield* count(dataDir), 2)
      assert.strictEqual(fs.statSync(closed).mode & 0o777, 0o700)
      assert.strictEqual(fs.statSync(path.join(dataDir, "pgdata")).uid, isRoot() ? nobody.uid : fs.statSync(closed).uid)
    })
  )

  const user = lacking(nobody.uid)
  it.live.skipIf(user !== "")(`runs for an ordinary user, whose data stays that user's when root runs it${user}`, () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      const first = yield* owner({ dataDir }, nobody.uid)
      assert.strictEqual(fs.statSync(`/proc/${first.pid}`).uid, nobody.uid)
      first.child.kill("SIGKILL")
      assert.strictEqual(yield* count(dataDir), 1)
      for (const name of ["pgdata", "server.log", "password"]) {
        assert.strictEqual(fs.statSync(path.join(dataDir, name)).uid, nobody.uid)
      }
      // Another user is told whose it is.
      fs.chmodSync(dataDir, 0o777)
      const refused = yield* Effect.flip(owner({ dataDir }, another))
      assert.match(refused, /belongs to user 65534, but this process runs as user 64321/)
    })
  )

  const nameless = lacking(another)
  it.live.skipIf(nameless !== "")(`says what to do for a user without a name, as in containers${nameless}`, () =>
    Effect.gen(function* () {
      assert.match(yield* Effect.flip(owner({}, another)), /run as a user with a line in .etc.passwd, or as root/)
    })
  )

  it.live.skipIf(!isRoot())("root takes data that root was left with, as after a copy (only as root)", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* scratch, "data")
      yield* count(dataDir)
      const copy = path.join(yield* scratch, "copy")
      fs.cpSync(dataDir, copy, { recursive: true })
      fs.chownSync(path.join(copy, "pgdata"), 0, 0)
      fs.chmodSync(path.join(copy, "pgdata"), 0o700)
      assert.strictEqual(yield* count(copy), 2)
    })
  )

  it.live("copies programs that cannot be reached, or lack their links, once", () =>
    Effect.gen(function* () {
      const base = yield* scratch
      const native = path.join(base, "closed", "native")
      fs.mkdirSync(path.join(native, "bin"), { recursive: true })
      fs.mkdirSync(path.join(native, "lib"))
      for (const name of ["initdb", "postgres", "pg_ctl"]) {
        fs.writeFileSync(path.join(native, "bin", name), "#!/bin/sh\n", { mode: 0o700 })
      }
      fs.writeFileSync(path.join(native, "lib", "libx.so.1.2"), "", { mode: 0o600 })
      const bin = path.join(native, "bin")
      assert.strictEqual(yield* Effect.promise(() => runnable(bin, undefined)), bin)
      fs.chmodSync(path.join(base, "closed"), 0o700)
      yield* temporaryFilesIn(base)
      const links = [{ source: "native/lib/libx.so.1.2", target: "native/lib/libx.so.1" }]
      fs.writeFileSync(path.join(native, "pg-symlinks.json"), JSON.stringify(links))
      const copies = yield* Effect.promise(() => Promise.all([1, 2, 3].map(() => runnable(bin, nobody))))
      const [copy = ""] = copies
      assert.deepStrictEqual(copies, [copy, copy, copy])
      assert.notStrictEqual(copy, bin)
      assert.isUndefined(barrier(path.join(copy, "postgres"), nobody))
      assert.strictEqual(fs.readlinkSync(path.join(copy, "..", "lib", "libx.so.1")), "libx.so.1.2")
      assert.strictEqual(fs.statSync(path.join(copy, "..", "lib", "libx.so.1")).mode & 0o777, 0o644)
      assert.strictEqual(fs.readdirSync(base).length, 2)
    })
  )
})
