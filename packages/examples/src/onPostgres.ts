// onPostgres: an example's services on the PostgreSQL of DATABASE_URL, or on a server of its own.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import { EmbeddedPostgresError } from "@evolvent/embedded-postgres/EmbeddedPostgresError"
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { SqlError } from "effect/sql/SqlError"
import type * as Memory from "evolvent/Memory"
import { StorageUnusable } from "./storageUnusable.ts"

/** A folder for a server of its own, or the address of somebody's. */
export type Place =
  | { readonly _tag: "Folder"; readonly folder: string }
  | { readonly _tag: "Server"; readonly url: Redacted.Redacted }

export const schemaOf = (name: string): string => `evolvent_${name}`

// Several statements in one write to the server: the examples have many commands under way at a time.
const pool = { maxConnections: 10, multiplex: true, multiplexConcurrency: 4 }

/** The services in an example's own schema, which is dropped first where it is to begin anew. */
export const layer = (name: string, place: Place, fresh: boolean): Layer.Layer<Memory.Services, StorageUnusable> => {
  const schema = schemaOf(name)
  const client: Layer.Layer<PgClient.PgClient, SqlError | EmbeddedPostgresError> =
    place._tag === "Folder"
      ? EmbeddedPostgres.layer({ ...pool, dataDir: place.folder })
      : PgClient.layer({ ...pool, url: place.url })
  const forget = PgClient.PgClient.use((sql) => sql`DROP SCHEMA IF EXISTS ${sql(schema)} CASCADE`)
  return Postgres.layerFrom({ schema }).pipe(
    Layer.provide(Layer.effectDiscard(fresh ? forget : Effect.void)),
    Layer.provide(client),
    Layer.catch((cause: Postgres.StartError | EmbeddedPostgresError) =>
      Layer.effectContext(Effect.fail(new StorageUnusable({ problem: inWords(place, cause), cause })))
    )
  )
}

const inWords = (place: Place, error: Postgres.StartError | EmbeddedPostgresError): string => {
  // The library speaks of its option; here it is a flag.
  if (error instanceof EmbeddedPostgresError) return error.reason.message.replaceAll("dataDir", "--data-dir")
  if (!(error instanceof SqlError) || place._tag !== "Server") return error.message
  const { cause } = error.reason
  const detail = cause instanceof Error && cause.message !== "" ? cause.message : error.message
  return (
    `The PostgreSQL that DATABASE_URL names cannot be used: ${detail}. Correct the variable ` +
    `(postgres://user:password@host:5432/database), or unset it: then a server of its own is started.`
  )
}
