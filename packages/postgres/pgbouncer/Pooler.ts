// Pooler: a PgBouncer in transaction mode before an embedded server, for as long as the scope lasts.
import type * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

/** What to do where there is none. */
export const howToInstall =
  "PgBouncer is neither on the PATH nor in /usr/sbin. Install it: `apt-get install pgbouncer` on Debian and Ubuntu, " +
  "`brew install pgbouncer` on macOS. No service of it needs to run."

/** The program, or undefined where it is not installed; Debian puts it where only root's PATH leads. */
export const find = (): string | undefined =>
  [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"]
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, "pgbouncer"))
    .find((file) => fs.existsSync(file))

/** What the program calls itself, as in "PgBouncer 1.18.0". */
export const versionOf = (program: string): string =>
  spawnSync(program, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? "PgBouncer"

// A port that only names the socket's file.
const port = 6432

// Fewer sessions than a client has connections, so that they are really shared. All else is PgBouncer's default.
const settingsOf = (server: EmbeddedPostgres.Server, folder: string): string => `
[databases]
* = host=${server.host} port=${server.port}
[pgbouncer]
pool_mode = transaction
default_pool_size = 6
max_client_conn = 500
listen_port = ${port}
unix_socket_dir = ${folder}
unix_socket_mode = 0700
auth_type = trust
auth_file = ${folder}/users.txt
logfile = ${folder}/pgbouncer.log
`

// The shell ends PgBouncer when its own input ends, which it also does when this process is killed.
const guarded = `exec 3<&0; "$0" -q "$1" </dev/null >/dev/null 2>&1 & pooler=$!; read -r _ <&3; kill $pooler; wait $pooler`

/** Starts a pooler; gives the options for a client that goes through it. */
export const start = (
  program: string,
  server: EmbeddedPostgres.Server
): Effect.Effect<EmbeddedPostgres.Connection, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(fs.existsSync("/tmp") ? "/tmp" : os.tmpdir(), "pooler-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
    )
    const ini = path.join(folder, "pgbouncer.ini")
    fs.writeFileSync(ini, settingsOf(server, folder))
    fs.writeFileSync(path.join(folder, "users.txt"), `"${server.username}" ""\n`)
    // It refuses to run as root, and must get to the server's socket: so it runs as the server's user.
    const { gid, uid } = fs.statSync(server.host)
    const isRoot = process.getuid?.() === 0
    if (isRoot)
      for (const file of [folder, ...fs.readdirSync(folder).map((name) => path.join(folder, name))])
        fs.chownSync(file, uid, gid)
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn("/bin/sh", ["-c", guarded, program, ini], {
          stdio: ["pipe", "ignore", "ignore"],
          ...(isRoot ? { uid, gid } : {})
        })
      ),
      (child) =>
        Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              if (child.exitCode !== null) return resolve()
              child.once("exit", () => resolve())
              child.stdin.end()
            })
        )
    )
    for (let tries = 0; !fs.existsSync(path.join(folder, `.s.PGSQL.${port}`)); tries++) {
      if (tries > 200) {
        const log = path.join(folder, "pgbouncer.log")
        const said = fs.existsSync(log) ? fs.readFileSync(log, "utf8") : "it wrote no log"
        return yield* Effect.fail(new Error(`${program} did not start within 10 seconds: ${said}`))
      }
      yield* Effect.sleep("50 millis")
    }
    return { ...server.connection, host: folder, port }
  })
