// EmbeddedPostgres: a PostgreSQL server of one's own as a Layer, for demos, tests and first steps.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { make } from "./internal/make.ts"
import type { StopMode } from "./internal/server.ts"

/** How to run the server. Every option may be left out. */
export interface Options {
  /**
   * Where the data is kept between runs: made on first use, and used by one process at a time.
   * It holds `pgdata`, which is PostgreSQL's own, `server.log` and `password`.
   * Without it the data goes to a folder for temporary files, which is removed when the scope closes.
   */
  readonly dataDir?: string | undefined
  /** The database that is made if it is missing, and connected to; "evolvent" unless given. */
  readonly database?: string | undefined
  /**
   * A port of 127.0.0.1 on which other programs may connect too, with the password that `url` holds.
   * Without it the server listens on a socket in a folder that only its user and root can enter.
   */
  readonly port?: number | undefined
  /** The server's settings by their PostgreSQL names, over the server's own defaults. */
  readonly settings?: Readonly<Record<string, string | number | boolean>> | undefined
  /** The folder of other server programs: initdb, postgres and pg_ctl of PostgreSQL 15 or later. */
  readonly binaries?: string | undefined
  /** How long the server may take until it is ready, in milliseconds; 60 000 unless given. */
  readonly startTimeout?: number | undefined
}

/** The options of the connection pool that `layer` makes. */
export type ClientOptions = Omit<
  PgClient.PgPoolConfig,
  "url" | "host" | "port" | "path" | "ssl" | "stream" | "database" | "username" | "password"
>

/** What `PgClient.layer` and `PgClient.make` take to connect to the server. */
export interface Connection {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly username: string
  readonly password: Redacted.Redacted
}

/** A server that runs, and its controls. Its address stays the same when it is stopped and started again. */
export interface Server extends Connection {
  /** Options for `PgClient.layer`, `PgClient.make`; add `maxConnections` and the like to them. */
  readonly connection: Connection
  /** The address as other programs take it, with the password: psql, DBeaver, `pg`. */
  readonly url: Redacted.Redacted
  readonly dataDir: string
  /** PostgreSQL's version, as in "18.4". */
  readonly version: string
  /** What the server writes: open it when something is odd. */
  readonly logFile: string
  /** The number of the server's main process; undefined while it does not run. */
  readonly pid: Effect.Effect<number | undefined>
  /**
   * Stops the server: "fast" cuts clients off and writes everything, the default; "immediate" cuts everything off, and
   * the next start recovers from the log; "smart" waits for clients to go.
   */
  readonly stop: (mode?: StopMode) => Effect.Effect<void>
  /** Stops the server in this way if it runs, and starts it again on the same data and address. */
  readonly restart: (mode?: StopMode) => Effect.Effect<void, EmbeddedPostgresError>
  /** Kills the server and all its parts by SIGKILL, as a power cut would; `restart` brings it back. */
  readonly kill: Effect.Effect<void>
}

export type { StopMode }

/**
 * The running server.
 *
 * ```ts
 * import { EmbeddedPostgres } from "@evolvent/embedded-postgres/EmbeddedPostgres"
 * import * as Effect from "effect/Effect"
 * import { SqlClient } from "effect/sql/SqlClient"
 *
 * // A crash in the midst of a test: what was committed is there afterwards.
 * const crash = Effect.gen(function* () {
 *   const server = yield* EmbeddedPostgres
 *   const sql = yield* SqlClient
 *   yield* server.kill
 *   yield* server.restart()
 *   return yield* sql`SELECT 1`.pipe(Effect.retry({ times: 3 }))
 * })
 * ```
 */
export class EmbeddedPostgres extends Context.Service<EmbeddedPostgres, Server>()(
  "@evolvent/embedded-postgres/EmbeddedPostgres"
) {}

/**
 * Starts a server that stops when the scope closes.
 *
 * It also stops, at once, when this process dies without closing anything, by kill -9 or a crash.
 */
export const start = (options?: Options): Effect.Effect<Server, EmbeddedPostgresError, Scope.Scope> =>
  make(options ?? {})

/** The server alone, for those who make their clients themselves. */
export const layerServer = (options?: Options): Layer.Layer<EmbeddedPostgres, EmbeddedPostgresError> =>
  Layer.effect(EmbeddedPostgres, start(options))

/**
 * The server with a pool of connections to it: `PgClient` and `SqlClient`.
 *
 * ```ts
 * import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
 * import * as Effect from "effect/Effect"
 * import { SqlClient } from "effect/sql/SqlClient"
 *
 * const answer = Effect.gen(function* () {
 *   const sql = yield* SqlClient
 *   return yield* sql`SELECT 6 * 7 AS answer`
 * }).pipe(Effect.provide(EmbeddedPostgres.layer({ dataDir: ".data", maxConnections: 10 })))
 * ```
 */
export const layer = (
  options: Options & ClientOptions = {}
): Layer.Layer<EmbeddedPostgres | PgClient.PgClient | SqlClient, EmbeddedPostgresError | SqlError> => {
  const { binaries, database, dataDir, port, settings, startTimeout, ...client } = options
  // A pool that is larger than PostgreSQL's default would have its last connections refused.
  const room = (client.maxConnections ?? 0) > 90 ? { max_connections: (client.maxConnections ?? 0) + 10 } : {}
  const server = layerServer({ binaries, database, dataDir, port, settings: { ...room, ...settings }, startTimeout })
  return Layer.unwrap(
    EmbeddedPostgres.use(({ connection }) => Effect.succeed(PgClient.layer({ ...client, ...connection })))
  ).pipe(Layer.provideMerge(server))
}
