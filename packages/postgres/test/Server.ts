// Server: one embedded PostgreSQL for the tests of a file, and a database or a schema of its own for whoever asks.
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Layer from "effect/Layer"
import * as Postgres from "../src/Postgres.ts"

/** The services on a new server; a test may crash it. */
export const layer = (options: Postgres.StoreOptions = {}) =>
  Postgres.layerFrom(options).pipe(Layer.provideMerge(EmbeddedPostgres.layer({ settings: { max_connections: 100 } })))
