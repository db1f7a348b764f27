// A schema of its own with the tables of the three small stores, on a server that lasts as long as the test file.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as CheckpointStore from "evolvent/CheckpointStore"
import { ReadModelStore } from "evolvent/ReadModelStore"
import { SnapshotStore } from "evolvent/SnapshotStore"
import { afterAll } from "vitest"
import * as checkpoints from "../../src/internal/checkpointStore.ts"
import * as Database from "../../src/internal/Database.ts"
import * as migrations from "../../src/internal/migrations.ts"
import * as readModels from "../../src/internal/readModelStore.ts"
import * as snapshots from "../../src/internal/snapshotStore.ts"

/** The client and the schema that the services of a test share. */
export class Db extends Context.Service<Db, Database.Database>()("evolvent/test/Db") {}

/** What a test may use. */
export type Services =
  | Db
  | SqlClient
  | PgClient.PgClient
  | CheckpointStore.CheckpointStore
  | ReadModelStore
  | SnapshotStore

/** The three services over a client, in a schema. */
export const servicesOf = (sql: PgClient.PgClient, schema: string) => {
  const db = Database.make(sql, schema)
  return Context.make(Db, db).pipe(
    Context.add(SqlClient, sql),
    Context.add(PgClient.PgClient, sql),
    Context.add(CheckpointStore.CheckpointStore, CheckpointStore.make(checkpoints.make(db))),
    Context.add(ReadModelStore, readModels.make(db)),
    Context.add(SnapshotStore, snapshots.make(db))
  )
}

const scope = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

const inFileScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Scope.provide(effect, scope))

// DATABASE_URL first, so that a server that is there already can be tested.
const url = process.env["DATABASE_URL"]
const connection: PgClient.PgClientConfig =
  url === undefined ? (await inFileScope(EmbeddedPostgres.start())).connection : { url: Redacted.make(url) }

/** A client of the server, with its own pool. */
export const client = (options: Partial<PgClient.PgPoolConfig> = {}): Promise<PgClient.PgClient> =>
  inFileScope(
    Effect.map(
      Layer.build(PgClient.layer({ maxConnections: 30, ...connection, ...options })),
      Context.get(PgClient.PgClient)
    )
  )

/** A new schema with the tables of all stores. */
export const freshSchema = async (sql: PgClient.PgClient): Promise<string> => {
  const schema = `evo "test" ${crypto.randomUUID().slice(0, 8)}`
  const name = Database.identifier(schema)
  const statements = [`CREATE SCHEMA ${name}`, ...migrations.steps.flatMap((step) => step.statements(name))]
  const all = Effect.forEach(statements, (text) => sql.unsafe(text), { discard: true })
  await Effect.runPromise(sql.withTransaction(all))
  await inFileScope(Effect.addFinalizer(() => Effect.ignore(sql.unsafe(`DROP SCHEMA ${name} CASCADE`))))
  return schema
}

/** The services of a file: one client, one schema. */
export const fresh = async () => {
  const sql = await client()
  const schema = await freshSchema(sql)
  const context = servicesOf(sql, schema)
  const layer: Layer.Layer<Services> = Layer.succeedContext(context)
  const run = <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>): Promise<A> =>
    Effect.runPromise(Effect.scoped(Effect.provideContext(effect, context)))
  return { sql, schema, context, layer, run }
}
