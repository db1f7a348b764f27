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
import { defaultLimits } from "./internal/appendLimits.ts"
import type { Limits } from "./internal/appendLimits.ts"
import * as checkpoints from "./internal/checkpointStore.ts"
import * as Database from "./internal/Database.ts"
import * as examining from "./internal/doctor.ts"
import type { Examined, Finding } from "./internal/doctor.ts"
import * as events from "./internal/eventStore.ts"
import * as inlineRegistry from "./internal/inlineRegistry.ts"
import * as inlineSwitch from "./internal/inlineSwitch.ts"
import * as listener from "./internal/listener.ts"
import * as migrations from "./internal/migrations.ts"
import * as readModels from "./internal/readModelStore.ts"
import * as roleStatements from "./internal/roles.ts"
import type { RoleNames, RoleStatements } from "./internal/roles.ts"
import * as snapshots from "./internal/snapshotStore.ts"
import * as tails from "./internal/tail.ts"
import * as wakeUps from "./internal/wakeUp.ts"
import { InlineProjections } from "./InlineProjections.ts"
import { InvalidOption } from "./PostgresError.ts"
import type { MigrationFailed, SchemaMismatch } from "./PostgresError.ts"

/** The services that the layers provide. */
export type Services =
  | EventStore.EventStore
  | SnapshotStore.SnapshotStore
  | CheckpointStore.CheckpointStore
  | ReadModelStore.ReadModelStore
  | Bus.Bus
  | InlineProjections

/** How the services use the database; every option may be left out. */
export interface StoreOptions {
  /** The schema that holds everything, "evolvent" unless given; several stores can share a database. */
  readonly schema?: string
  /**
   * How wake-ups of other processes arrive: over one connection beside the pool while anybody follows the log, to where
   * the pool connects. Behind a pooler in transaction mode give the options of a direct connection, or `false`: then other
   * processes' events are found by polling alone.
   */
  readonly listen?: false | PgClient.PgClientConfig
  /** The longest that the tail waits before it looks by itself: 2 seconds, and 100 milliseconds while nothing is heard. */
  readonly pollInterval?: Duration.Input
  /** How many appends may wait to be stored before one more is refused; 10 000 unless given. */
  readonly maxWaiting?: number
}

/** How to connect, and how to use the database. The pool's options are those of `@effect/sql-pg`. */
export interface Options extends StoreOptions, PgClient.PgPoolConfig {}

export type { RoleNames, RoleStatements }

export { endInline, layerInline } from "./InlineProjections.ts"

/** How the services can fail to begin. */
export type StartError = SchemaMismatch | MigrationFailed | InvalidOption | SqlError

// The name stands in the names of channels and in the texts of functions, and PostgreSQL keeps `pg_` for itself.
const databaseOf = (sql: PgClient.PgClient, schema: string): Effect.Effect<Database.Database, InvalidOption> =>
  /^(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(schema)
    ? Effect.succeed(Database.make(sql, schema))
    : Effect.fail(
        new InvalidOption({
          option: "schema",
          problem:
            `${JSON.stringify(schema)} is no name of 1 to 40 letters, digits and underscores that begins with a letter, ` +
            `or it begins with pg_`
        })
      )

/** What appends may take of a pool: never all of it by waiting for a stream, however small it is. */
const limitsOf = ({ maxConnections = 10 }: PgClient.PgPoolConfig, capacity: number): Limits => ({
  ...defaultLimits,
  lanes: Math.min(defaultLimits.lanes, maxConnections),
  waiters: Math.min(defaultLimits.waiters, Math.floor((maxConnections - 1) / 3)),
  capacity
})

const stores = (options: StoreOptions, migrates: boolean) =>
  Effect.gen(function* () {
    const { listen, maxWaiting = defaultLimits.capacity, pollInterval, schema = "evolvent" } = options
    const sql = yield* PgClient.PgClient
    const db = yield* databaseOf(sql, schema)
    yield* migrates ? migrations.migrate(db, schema) : migrations.check(db, schema)
    const channel = wakeUps.channelOf(schema)
    const wakeUp = yield* wakeUps.make(db, channel)
    const max = Duration.fromInputUnsafe(pollInterval ?? "2 seconds")
    const polling = {
      min: Duration.millis(5),
      max,
      maxDeaf: pollInterval === undefined ? Duration.millis(100) : max
    }
    // Not from the pool, which a listener would shorten by one for as long as it listens: to nothing, where it is one.
    const client: Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope> = Effect.flatMap(
      Layer.build(reactivity),
      (context) => Effect.provideContext(PgClient.makeClient(listen || sql.config), context)
    )
    const tail = yield* tails.make(db, wakeUp, polling, (on) =>
      listen === false ? Effect.never : listener.run({ client, channel, notify: wakeUp.notify, ...on })
    )
    const registry = inlineRegistry.make(db.schema)
    const driver = yield* events.make(db, tail, limitsOf(sql.config, maxWaiting), registry)
    const services = Context.make(EventStore.EventStore, EventStore.make(driver)).pipe(
      Context.add(SnapshotStore.SnapshotStore, snapshots.make(db)),
      Context.add(CheckpointStore.CheckpointStore, CheckpointStore.make(checkpoints.make(db))),
      Context.add(ReadModelStore.ReadModelStore, readModels.make(db))
    )
    return Context.add(services, InlineProjections, inlineSwitch.make(db, registry, services))
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
 * const Live = Postgres.layerConfig({ url: Config.Redacted("DATABASE_URL") })
 * ```
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Services | PgClient.PgClient | SqlClient, StartError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Brings a schema to what this code needs, on the client of the surroundings; for a step of a deployment. */
export const migrate = (
  options: Pick<StoreOptions, "schema"> = {}
): Effect.Effect<void, StartError, PgClient.PgClient> =>
  Effect.flatMap(PgClient.PgClient, (sql) => {
    const { schema = "evolvent" } = options
    return Effect.flatMap(databaseOf(sql, schema), (db) => migrations.migrate(db, schema))
  })

/**
 * What a store is in: the server, the schema's version, what the role may do, and which settings can lose what was
 * committed or hold readers up, and what to change. It changes nothing, and looks at schemas of any version.
 *
 * ```ts
 * import * as Postgres from "@evolvent/postgres/Postgres"
 * import * as Effect from "effect/Effect"
 *
 * const look = Effect.map(Postgres.doctor(), ({ findings }) => findings.filter(({ level }) => level === "loses"))
 * ```
 */
export const doctor = (
  options: Pick<StoreOptions, "schema"> = {}
): Effect.Effect<Examined, InvalidOption | SqlError, PgClient.PgClient> =>
  Effect.flatMap(PgClient.PgClient, (sql) => {
    const { schema = "evolvent" } = options
    return Effect.flatMap(databaseOf(sql, schema), (db) => examining.examine(db, schema))
  })

export type { Examined, Finding }

/**
 * The SQL of the three roles that a store needs at most: an owner that migrates, a writer and a reader.
 *
 * `create` is run once by an administrator, before the first migration; `grant` after each migration, by the owner or an
 * administrator, each in a transaction. Neither the writer nor the reader can change, delete or forge an event: events
 * are stored by the functions that append, which run as the owner. The package's `sql` folder has the same statements as
 * files.
 *
 * ```ts
 * import * as Postgres from "@evolvent/postgres/Postgres"
 *
 * const { create } = Postgres.roles({ owner: "shop_owner", writer: "shop", reader: "shop_reports" })
 * create[0]?.includes('CREATE ROLE "shop_owner" LOGIN') // => true
 * ```
 */
export const roles = (names: RoleNames): RoleStatements => roleStatements.statements(names)
