// Puts the server together: folder, owner, programs, data, process, database; each let go of when the scope closes.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Connection, Options, Server } from "../EmbeddedPostgres.ts"
import { EmbeddedPostgresError, FolderNotAccessible, type Reason } from "../EmbeddedPostgresError.ts"
import { type Account, accountFor, barrier } from "./account.ts"
import { type Binaries, locate } from "./binaries.ts"
import { ensureDatabase } from "./database.ts"
import { anotherDataDir, type Folder, handOver, inspect, open, reach } from "./folder.ts"
import { initialize, username } from "./initdb.ts"
import { clear, mark, own } from "./lock.ts"
import { freePort, isPort } from "./port.ts"
import { isTooEarly, killServer, ready, type Running, spawnServer, stopServer } from "./server.ts"
import type { Command, StopMode } from "./server.ts"
import { checkSettings, settingsOf } from "./settings.ts"
import { pause } from "./pause.ts"

/** The socket's name holds a port, though nothing listens on it. */
const socketPort = 5432

const wrap =
  (operation: string) =>
  <A, E extends Reason, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, EmbeddedPostgresError, R> =>
    Effect.mapError(self, (reason) => new EmbeddedPostgresError({ operation, reason }))

/** A server for the options, in the scope; one that does not start lets go of everything at once. */
export const make = Effect.fn("EmbeddedPostgres.start")(function* (options: Options) {
  const outer = yield* Effect.scope
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(outer)
      return yield* restore(wrap("EmbeddedPostgres.start")(acquire(options))).pipe(
        Scope.provide(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
    })
  )
})

const acquire = Effect.fnUntraced(function* (options: Options) {
  yield* checkSettings(options.settings ?? {})
  const wanted = options.port === undefined ? undefined : yield* isPort(options.port)
  const database = options.database ?? "evolvent"
  const temporary = options.dataDir === undefined
  const account = accountFor(temporary ? "" : path.resolve(options.dataDir, "pgdata"))
  const binaries = yield* locate(options.binaries, account)
  const base = temporary ? yield* temporaryFolder("evolvent-data-", account) : path.resolve(options.dataDir)
  const folder = yield* open(base)
  yield* inspect(folder, binaries.major)
  const runtime = yield* temporaryFolder("evolvent-", account)
  if (!temporary) yield* own(folder)
  yield* data(folder, { binaries, account, runtime, temporary })
  const port = wanted ?? (process.platform === "win32" ? yield* freePort : undefined)
  const command: Command = {
    binaries,
    account,
    data: folder.data,
    reach: yield* reach(folder.data, account),
    settings: settingsOf({ runtime, port, socketPort, mark: mark(folder), settings: options.settings ?? {} }),
    log: folder.log,
    port,
    orphaned: temporary ? [runtime, folder.root] : [runtime]
  }
  const password = Redacted.make(fs.readFileSync(folder.password, "utf8").trim())
  const overTcp = process.platform === "win32" && port !== undefined
  const connection: Connection = {
    host: overTcp ? "127.0.0.1" : runtime,
    port: port ?? socketPort,
    database,
    username,
    password
  }
  const controls = yield* control(command, runtime, options.startTimeout ?? 60_000)
  yield* controls.begin
  yield* ensureDatabase(connection)
  return {
    ...connection,
    connection,
    url: Redacted.make(urlOf(connection, port)),
    dataDir: folder.root,
    version: binaries.version,
    logFile: folder.log,
    pid: controls.pid,
    stop: controls.stop,
    kill: controls.kill,
    restart: (mode) =>
      Effect.withSpan(wrap("EmbeddedPostgres.restart")(controls.restart(mode)), "EmbeddedPostgres.restart")
  } satisfies Server
})

const urlOf = ({ database, host, password, username }: Connection, port: number | undefined): string => {
  const name = encodeURIComponent(database)
  return port === undefined
    ? `postgresql://${username}@/${name}?host=${encodeURIComponent(host)}&port=${socketPort}`
    : `postgresql://${username}:${Redacted.value(password)}@127.0.0.1:${port}/${name}`
}

/** A new folder that belongs to the server's user, whose path is short enough for a socket; it goes with the scope. */
const temporaryFolder = (prefix: string, account: Account | undefined) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const usual = os.tmpdir()
        const closed = account !== undefined && barrier(usual, account) !== undefined
        const base = process.platform !== "win32" && (closed || usual.length > 60) ? "/tmp" : usual
        const folder = fs.realpathSync(fs.mkdtempSync(path.join(base, prefix)))
        if (account !== undefined) fs.chownSync(folder, account.uid, account.gid)
        return folder
      },
      catch: (cause) =>
        new FolderNotAccessible({
          folder: os.tmpdir(),
          problem: `No folder for temporary files can be made in ${os.tmpdir()}`,
          hint: "Let TMPDIR name a folder that can be written, with 100 MB left.",
          cause
        })
    }),
    (folder) => Effect.promise(() => fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  )

/** Sees that the folder holds data that the account may use, and that no server runs on it. */
const data = Effect.fnUntraced(function* (
  folder: Folder,
  options: {
    readonly binaries: Binaries
    readonly account: Account | undefined
    readonly runtime: string
    readonly temporary: boolean
  }
) {
  // Another process may have made it since we looked.
  if ((yield* inspect(folder, options.binaries.major)) === "empty") return yield* initialize(folder, options)
  yield* clear(folder)
  if (options.account !== undefined && fs.statSync(folder.data).uid === 0) {
    yield* handOver(folder.data, options.account)
  }
  if (!fs.existsSync(folder.password)) {
    return yield* new FolderNotAccessible({
      folder: folder.password,
      problem: `The file ${folder.password}, which holds the data's password, is missing`,
      hint: `Bring it back, or write any password to it if only the socket is used. ${anotherDataDir}`
    })
  }
})

/** Starts and stops the server; the scope's end stops it. */
const control = Effect.fnUntraced(function* (command: Command, runtime: string, timeoutMillis: number) {
  const semaphore = yield* Semaphore.make(1)
  let running: Running | undefined
  const alive = () => (running?.isAlive() === true ? running : undefined)

  const stop = (mode: StopMode) =>
    Effect.suspend(() => {
      const server = alive()
      return server === undefined ? Effect.void : stopServer(server, mode)
    })
  yield* Effect.addFinalizer(() => stop("fast"))

  const begin: Effect.Effect<void, Reason> = Effect.gen(function* () {
    const began = performance.now()
    for (;;) {
      // A killed server leaves its socket, and PostgreSQL may take another process for its owner.
      for (const name of fs.readdirSync(runtime)) fs.rmSync(path.join(runtime, name), { force: true })
      const server = yield* Effect.tap(spawnServer(command), (server) => Effect.sync(() => (running = server))).pipe(
        Effect.uninterruptible
      )
      const failure = yield* ready(server, command, timeoutMillis).pipe(
        Effect.as(undefined),
        Effect.catch((error) => Effect.succeed(error))
      )
      if (failure === undefined) return server.hold(false)
      yield* stop("immediate")
      if (!(isTooEarly(failure) && performance.now() - began < 20_000)) return yield* failure
      yield* pause(100)
    }
  }).pipe(Effect.onInterrupt(() => stop("immediate")))

  return {
    begin,
    pid: Effect.sync(() => alive()?.pid),
    stop: (mode: StopMode = "fast") => semaphore.withPermit(stop(mode)),
    restart: (mode: StopMode = "fast") => semaphore.withPermit(Effect.andThen(stop(mode), begin)),
    kill: semaphore.withPermit(
      Effect.suspend(() => {
        const server = alive()
        return server === undefined ? Effect.void : Effect.uninterruptible(killServer(server, command.data))
      })
    )
  }
})
