// Puts a server together: program, folder, owner, process; each let go of when the scope closes.
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Options, Server } from "../NatsServer.ts"
import { FolderNotUsable, NatsServerError, type PortTaken, type Reason } from "../NatsServerError.ts"
import { checkConfig, configText, type Member } from "./config.ts"
import { type Folder, open, own, served, temporaryFolder } from "./folder.ts"
import { locate } from "./locate.ts"
import { pause } from "./pause.ts"
import { freePorts, isPort } from "./port.ts"
import {
  type Address,
  type Command,
  killServer,
  ready,
  pauseServer,
  resumeServer,
  type Running,
  spawnServer,
  stopServer
} from "./server.ts"

/** Gives a reason the name of what was asked for. */
export const wrap =
  (operation: string) =>
  <A, E extends Reason, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, NatsServerError, R> =>
    Effect.mapError(self, (reason) => new NatsServerError({ operation, reason }))

/** Runs an acquisition in a scope of its own below the caller's; one that fails lets go of everything at once. */
export const whole = Effect.fnUntraced(function* <A, E, R>(acquire: Effect.Effect<A, E, R | Scope.Scope>) {
  const outer = yield* Effect.scope
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(outer)
      return yield* restore(acquire).pipe(
        Scope.provide(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
    })
  )
})

/** A server for the options, in the scope; `member` puts it into a cluster. */
export const acquire = Effect.fnUntraced(function* (options: Options, member?: Member) {
  const config = options.config ?? {}
  yield* checkConfig(config)
  const wanted = options.port === undefined ? undefined : yield* isPort(options.port)
  const { path: program, version } = yield* locate(options)
  const temporary = options.directory === undefined
  const folder = yield* open(temporary ? yield* temporaryFolder : path.resolve(options.directory))
  if (!temporary) yield* own(folder)
  const given = config["server_name"]
  const name = typeof given === "string" ? given : `evolvent-${randomBytes(4).toString("hex")}`
  const command: Command = {
    program,
    configFile: folder.config,
    log: folder.log,
    folder: folder.root,
    orphaned: temporary ? [folder.root] : []
  }
  const startTimeout = options.startTimeout ?? 60_000
  const controls = yield* control(command, folder, { alone: member === undefined, startTimeout })
  const address = yield* settle(wanted, (ports) =>
    Effect.gen(function* () {
      const [port, monitorPort] = ports
      const address: Address = { name, port, monitorPort, monitorUrl: `http://127.0.0.1:${monitorPort}` }
      yield* write(folder, configText({ ...address, directory: folder.root, member, config }))
      yield* controls.begin(address)
      return address
    })
  )
  const again = controls.again(address)
  const spanned = (operation: string, self: Effect.Effect<void, Reason>) =>
    Effect.withSpan(wrap(operation)(self), operation)
  return {
    name,
    url: `nats://127.0.0.1:${address.port}`,
    port: address.port,
    monitorUrl: address.monitorUrl,
    version,
    binary: program,
    directory: folder.root,
    logFile: folder.log,
    pid: controls.pid,
    kill: controls.kill,
    stop: controls.stop,
    pause: controls.pause,
    resume: controls.resume,
    start: spanned("NatsServer.start", controls.locked(again)),
    restart: spanned("NatsServer.restart", controls.locked(Effect.andThen(controls.end, again)))
  } satisfies Server
})

/** Starts on the wanted port, or on a free one; takes others when those that we chose were taken meanwhile. */
const settle = <A>(
  wanted: number | undefined,
  begin: (ports: readonly [port: number, monitorPort: number]) => Effect.Effect<A, Reason>
): Effect.Effect<A, Reason> => {
  const attempt = (left: number): Effect.Effect<A, Reason> =>
    Effect.gen(function* () {
      const [port = 0, monitorPort = 0] = yield* freePorts(2)
      return yield* begin([wanted ?? port, monitorPort]).pipe(
        Effect.catchTag("PortTaken", (error: PortTaken) =>
          // A port that is neither's is a route's, which a whole cluster has to agree on.
          left > 0 && error.port !== wanted && [port, monitorPort].includes(error.port)
            ? attempt(left - 1)
            : Effect.fail(error)
        )
      )
    })
  return attempt(10)
}

const write = (folder: Folder, text: string) =>
  Effect.try({
    // It may hold passwords.
    try: () => fs.writeFileSync(folder.config, text, { mode: 0o600 }),
    catch: (cause) =>
      new FolderNotUsable({
        folder: folder.root,
        problem: `The settings cannot be written to ${folder.config}`,
        hint: "See that this user may write there and that the disk has room, or give another directory.",
        cause
      })
  })

/** Starts and stops the server; the scope's end stops it. */
const control = Effect.fnUntraced(function* (
  command: Command,
  folder: Folder,
  options: { readonly alone: boolean; readonly startTimeout: number }
) {
  const semaphore = yield* Semaphore.make(1)
  let running: Running | undefined
  const alive = () => (running?.isAlive() === true ? running : undefined)
  const whenAlive = (body: (server: Running) => Effect.Effect<void>) =>
    Effect.suspend(() => {
      const server = alive()
      return server === undefined ? Effect.void : body(server)
    })

  const end = whenAlive(stopServer)
  yield* Effect.addFinalizer(() => end)

  const begin = (address: Address): Effect.Effect<void, Reason> =>
    Effect.gen(function* () {
      const server = yield* Effect.uninterruptible(
        Effect.tap(spawnServer(command), (server) =>
          Effect.sync(() => {
            running = server
            if (command.orphaned.length === 0) served(folder, server.pid)
          })
        )
      )
      yield* ready(server, { command, address, alone: options.alone, timeoutMillis: options.startTimeout })
      server.hold(false)
    }).pipe(Effect.onError(() => end))

  /** Starts at the address that clients know; who took it meanwhile may let go of it again. */
  const again = (address: Address): Effect.Effect<void, Reason> =>
    Effect.gen(function* () {
      if (alive() !== undefined) return
      const began = performance.now()
      const attempt: Effect.Effect<void, Reason> = Effect.catchTag(begin(address), "PortTaken", (error: PortTaken) =>
        performance.now() - began > 3000 ? Effect.fail(error) : Effect.andThen(pause(100), attempt)
      )
      yield* attempt
    })

  return {
    begin,
    again,
    end,
    locked: <E>(self: Effect.Effect<void, E>) => semaphore.withPermit(self),
    pid: Effect.sync(() => alive()?.pid),
    stop: semaphore.withPermit(end),
    kill: semaphore.withPermit(whenAlive((server) => Effect.uninterruptible(killServer(server)))),
    pause: semaphore.withPermit(whenAlive(pauseServer)),
    resume: whenAlive(resumeServer)
  }
})
