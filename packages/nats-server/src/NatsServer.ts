// NatsServer: a NATS server with JetStream of one's own as a Layer, for demos, tests and first steps.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as internalBring from "./internal/bring.ts"
import { makeCluster } from "./internal/cluster.ts"
import type { Config, Value } from "./internal/config.ts"
import * as internalFound from "./internal/found.ts"
import type { Found } from "./internal/found.ts"
import { acquire, whole, wrap } from "./internal/make.ts"
import type { NatsServerError } from "./NatsServerError.ts"

export type { Config, Found, Value }

/** Which program to run. Every option may be left out. */
export interface ProgramOptions {
  /** The path of a nats-server program; nothing else is looked at then. */
  readonly binary?: string | undefined
  /** The version that it must have: "2.15.1", or "2.10" for any of 2.10. */
  readonly version?: string | undefined
  /**
   * The only place to fetch a missing program from, laid out as the project's releases are; "off" fetches nothing.
   * The environment variable EVOLVENT_NATS_DOWNLOADS says the same.
   */
  readonly downloads?: string | undefined
}

/** How to run a server. Every option may be left out. */
export interface Options extends ProgramOptions {
  /**
   * Where JetStream keeps its data between runs: made on first use, and used by one process at a time.
   * It holds `jetstream`, which is the server's own, `server.conf` and `server.log`.
   * Without it the data goes to a folder for temporary files, which is removed when the scope closes.
   */
  readonly directory?: string | undefined
  /** The port of 127.0.0.1 that clients connect to; a free one unless given. */
  readonly port?: number | undefined
  /** More settings by the server's own names: `accounts`, `authorization`, `max_payload`, `jetstream: { … }`. */
  readonly config?: Config | undefined
  /** How long the server may take until it is ready, in milliseconds; 60 000 unless given. */
  readonly startTimeout?: number | undefined
}

/** A server that runs, and its controls. Its address stays the same when it is stopped and started again. */
export interface Server {
  /** By what name it is known to itself and to others of its cluster. */
  readonly name: string
  /** The address for clients, as in "nats://127.0.0.1:24222". */
  readonly url: string
  readonly port: number
  /** The address of its monitoring pages, as in "http://127.0.0.1:28222". */
  readonly monitorUrl: string
  /** As in "2.10.27". */
  readonly version: string
  /** The path of its program. */
  readonly binary: string
  readonly directory: string
  /** What the server writes: open it when something is odd. */
  readonly logFile: string
  /** The number of the server's process; undefined while it does not run. */
  readonly pid: Effect.Effect<number | undefined>
  /** Kills the server by SIGKILL, as a crash would; `start` brings it back. Nothing if it does not run. */
  readonly kill: Effect.Effect<void>
  /** Stops the server in order; `start` brings it back. Nothing if it does not run. */
  readonly stop: Effect.Effect<void>
  /** Starts the server again on the same address and folder. Nothing if it runs. */
  readonly start: Effect.Effect<void, NatsServerError>
  /** Stops the server in order if it runs, and starts it again. */
  readonly restart: Effect.Effect<void, NatsServerError>
  /** Freezes the server by SIGSTOP: its connections stay open and nothing answers, as in a stall of its machine. */
  readonly pause: Effect.Effect<void>
  /** Lets a frozen server go on. */
  readonly resume: Effect.Effect<void>
}

/**
 * The running server.
 *
 * ```ts
 * import { NatsServer } from "@evolvent/nats-server/NatsServer"
 * import * as Effect from "effect/Effect"
 *
 * // A crash in the midst of a test: clients find it again at the same address.
 * const crash = Effect.gen(function* () {
 *   const server = yield* NatsServer
 *   yield* server.kill
 *   yield* server.start
 * })
 * ```
 */
export class NatsServer extends Context.Service<NatsServer, Server>()("@evolvent/nats-server/NatsServer") {}

/**
 * Starts a server that stops when the scope closes.
 *
 * It also stops, at once, when this process dies without closing anything, by kill -9 or a crash.
 */
export const make = (options: Options = {}): Effect.Effect<Server, NatsServerError, Scope.Scope> =>
  whole(wrap("NatsServer.make")(acquire(options))).pipe(Effect.withSpan("NatsServer.make"))

/**
 * A server that runs as long as the layer.
 *
 * ```ts
 * import * as NatsServer from "@evolvent/nats-server/NatsServer"
 * import * as Effect from "effect/Effect"
 *
 * const address = NatsServer.NatsServer.use(({ url }) => Effect.succeed(url)).pipe(
 *   Effect.provide(NatsServer.layer({ directory: ".nats", config: { max_payload: 8_388_608 } }))
 * )
 * ```
 */
export const layer = (options?: Options): Layer.Layer<NatsServer, NatsServerError> =>
  Layer.effect(NatsServer, make(options))

/** How to run a cluster. Every option may be left out. */
export interface ClusterOptions extends ProgramOptions {
  /** How many servers; 3 unless given. */
  readonly size?: number | undefined
  /** Where the servers keep their data between runs, a folder each; temporary unless given. */
  readonly directory?: string | undefined
  /** More settings for every server, as in `Options`. */
  readonly config?: Config | undefined
  /** How long the cluster may take until it is ready, in milliseconds; 60 000 unless given. */
  readonly startTimeout?: number | undefined
}

/** Servers that form a cluster, in which streams may have replicas. */
export interface Cluster {
  readonly name: string
  /** The addresses of all servers. */
  readonly urls: ReadonlyArray<string>
  readonly servers: ReadonlyArray<Server>
  /** The index of the server that leads JetStream; undefined while there is none. */
  readonly metaLeader: Effect.Effect<number | undefined>
  /** The index of the server that leads a stream of an account, "$G" unless given; undefined while there is none. */
  readonly leaderOf: (stream: string, account?: string) => Effect.Effect<number | undefined>
  /**
   * Waits until the servers that run agree on a leader and say that all they store is ready: after `start` of one.
   * A server's own `start` only waits until it takes connections, since the others may be down.
   */
  readonly ready: Effect.Effect<void, NatsServerError>
}

/**
 * Starts a cluster that stops when the scope closes; ready when JetStream has a leader.
 *
 * ```ts
 * import * as NatsServer from "@evolvent/nats-server/NatsServer"
 * import * as Effect from "effect/Effect"
 *
 * const failover = Effect.gen(function* () {
 *   const cluster = yield* NatsServer.cluster({ size: 3 })
 *   const leader = yield* cluster.metaLeader
 *   yield* cluster.servers[leader ?? 0]?.kill ?? Effect.void
 *   yield* cluster.ready
 * })
 * ```
 */
export const cluster = (options: ClusterOptions = {}): Effect.Effect<Cluster, NatsServerError, Scope.Scope> =>
  wrap("NatsServer.cluster")(makeCluster(options)).pipe(
    Effect.map((cluster) => ({ ...cluster, ready: wrap("NatsServer.cluster")(cluster.ready) })),
    Effect.withSpan("NatsServer.cluster")
  )

/**
 * Every server that runs on this machine, so that tests can use each: those on the PATH, then the cached, newest first.
 *
 * ```ts
 * import * as NatsServer from "@evolvent/nats-server/NatsServer"
 * import * as Effect from "effect/Effect"
 *
 * const versions = Effect.map(NatsServer.found, (all) => all.map(({ version }) => version))
 * ```
 */
export const found: Effect.Effect<ReadonlyArray<Found>> = internalFound.found

/**
 * Fetches a server into the cache: the distribution's own package or a newer one of the same distribution where there
 * is apt, else the project's release. Nothing is installed. Without a version it takes what is nearest to hand.
 */
export const bring = (version?: string): Effect.Effect<Found, NatsServerError> =>
  wrap("NatsServer.bring")(internalBring.bring({ version })).pipe(Effect.withSpan("NatsServer.bring"))

/** Fetches every version that the distribution's own and newer releases have, and gives all that is found then. */
export const bringAll: Effect.Effect<ReadonlyArray<Found>, NatsServerError> = wrap("NatsServer.bringAll")(
  internalBring.bringAll()
).pipe(Effect.withSpan("NatsServer.bringAll"))
