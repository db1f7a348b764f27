// Postgres: every service on one PostgreSQL database, over one client that the application's own SQL shares.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layer as reactivity } from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Bus from "evolvent/Bus"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as EventStore from "evolvent/EventStore"
import * as ReadModelStore from "evolvent/ReadModelStore"
import * as SnapshotStore from "evolvent/SnapshotStore"
import * as checkpoints from "./internal/checkpointStore.ts"
import * as Database from "./internal/Database.ts"
import * as events from "./internal/eventStore.ts"
import { defaultLimits } from "./internal/groupCommit.ts"
import * as listener from "./internal/listener.ts"
import * as migrations from "./internal/migrations.ts"
import * as readModels from "./internal/readModelStore.ts"
import * as snapshots from "./internal/snapshotStore.ts"
import * as tails from "./internal/tail.ts"
import * as wakeUps from "./internal/wakeUp.ts"
import { InvalidOption } from "./PostgresError.ts"
import type { MigrationFailed, SchemaMismatch } from "./PostgresError.ts"

/** The services that the layers provide. */
export type Services =
  | EventStore.EventStore
  | SnapshotStore.SnapshotStore
  | CheckpointStore.CheckpointStore
  | ReadModelStore.ReadModelStore
  | Bus.Bus

/** How the services use the database; every option may be left out. */
export interface StoreOptions {
  /** The schema that holds everything, "evolvent" unless given; several stores can share a database. */
  readonly schema?: string
  /**
   * How wake-ups of other processes arrive: over a connection of the pool unless given. Behind a pooler in transaction
   * mode give the options of a direct connection, or `false`: then other processes' events are found by polling alone.
   */
  readonly listen?: false | PgClient.PgClientConfig
  /** The longest that the tail waits before it looks by itself: 2 seconds, and 100 milliseconds while nothing is heard. */
  readonly pollInterval?: Duration.Input
  /** How many appends may wait to be stored before one more is refused; 10 000 unless given. */
  readonly maxWaiting?: number
}

/** How to connect, and how to use the database. The pool's options are those of `@effect/sql-pg`. */
export interface Options extends StoreOptions, PgClient.PgPoolConfig {}

/** How the services can fail to begin. */
export type StartError = SchemaMismatch | MigrationFailed | InvalidOption | SqlError

const stores = (options: StoreOptions, migrates: boolean) =>
  Effect.gen(function* () {
    const { listen, maxWaiting = defaultLimits.capacity, pollInterval, schema = "evolvent" } = options
    // The name stands in the names of channels and in the texts of functions.
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(schema)) {
      const problem = `"${schema}" is no name of 1 to 40 letters, digits and underscores that begins with a letter`
      return yield* new InvalidOption({ option: "schema", problem })
    }
    const sql = yield* PgClient.PgClient
    const db = Database.make(sql, schema)
    yield* migrates ? migrations.migrate(db, schema) : migrations.check(db, schema)
    const channel = wakeUps.channelOf(schema)
    const wakeUp = yield* wakeUps.make(db, channel)
    const max = Duration.fromInputUnsafe(pollInterval ?? "2 seconds")
    const polling = {
      min: Duration.millis(5),
      max,
      maxDeaf: pollInterval === undefined ? Duration.millis(100) : max
    }
    const client: Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope> =
      listen === undefined || listen === false
        ? Effect.succeed(sql)
        : Effect.flatMap(Layer.build(reactivity), (context) =>
            Effect.provideContext(PgClient.makeClient(listen), context)
          )
    const tail = yield* tails.make(db, wakeUp, polling, (on) =>
      listen === false ? Effect.never : listener.run(client, channel, on)
    )
    const driver = yield* events.make(db, tail, { ...defaultLimits, capacity: maxWaiting })
    return Context.make(EventStore.EventStore, EventStore.make(driver)).pipe(
      Context.add(SnapshotStore.SnapshotStore, snapshots.make(db)),
      Context.add(CheckpointStore.CheckpointStore, CheckpointStore.make(checkpoints.make(db))),
      Context.add(ReadModelStore.ReadModelStore, readModels.make(db))
    )
  })

const withBus = <E, R>(layer: Layer.Layer<Exclude<Services, Bus.Bus>, E, R>): Layer.Layer<Services, E, R> =>
  Layer.provideMerge(Bus.layer(), layer)

/** The services on the application's own client, whose transactions they join; migrates first. */
export const layerFrom = (options: StoreOptions = {}): Layer.Layer<Services, StartError, PgClient.PgClient> =>
  withBus(Layer.effectContext(stores(options, true)))

/** `layerFrom` without migrating: fails with {@link SchemaMismatch} where the schema is too old or too new for this code. */
export const layerFromNoMigrations = (
  options: StoreOptions = {}
): Layer.Layer<Services, StartError, PgClient.PgClient> => withBus(Layer.effectContext(stores(options, false)))

/**
 * The services on a pool of their own, which is provided as well: the application's SQL shares it.
 *
 * Migrates first; any number of processes may start at once.
 *
 * ```ts
 * import * as Postgres from "@evolvent/postgres/Postgres"
 * import * as Redacted from "effect/Redacted"
 *
 * const Live = Postgres.layer({ url: Redacted.make("postgres://localhost/shop"), maxConnections: 10 })
 * ```
 */
export const layer = (options: Options): Layer.Layer<Services | PgClient.PgClient | SqlClient, StartError> =>
  Layer.provideMerge(layerFrom(options), PgClient.layer(options))

/** `layer` without migrating: fails with {@link SchemaMismatch} where the schema is too old or too new for this code. */
export const layerNoMigrations = (
  options: Options
): Layer.Layer<Services | PgClient.PgClient | SqlClient, StartError> =>
  Layer.provideMerge(layerFromNoMigrations(options), PgClient.layer(options))

/**
 * `layer` from configuration.
 *
 * ```ts
 * import * as Postgres from "@evolvent/postgres/Postgres"
 * import * as Config from "effect/Config"
 *
 * const Live = Postgres.layerConfig({ url: Config.redacted("DATABASE_URL") })
 * ```
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Services | PgClient.PgClient | SqlClient, StartError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Brings a schema to what this code needs, on the client of the surroundings; for a step of a deployment. */
export const migrate = (
  options: Pick<StoreOptions, "schema"> = {}
): Effect.Effect<void, SchemaMismatch | MigrationFailed | SqlError, PgClient.PgClient> =>
  Effect.flatMap(PgClient.PgClient, (sql) => {
    const { schema = "evolvent" } = options
    return migrations.migrate(Database.make(sql, schema), schema)
  })
