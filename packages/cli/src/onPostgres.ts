// onPostgres: a store on PostgreSQL, for the command line.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Postgres from "@evolvent/postgres/Postgres"
import { InvalidOption, SchemaMismatch } from "@evolvent/postgres/PostgresError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlError } from "effect/sql/SqlError"
import type { Address, Backend, Examination } from "./connection.ts"
import { misused, unusable } from "./failure.ts"
import type { Failure } from "./failure.ts"

/** The address without its password, and without options that may hold one. */
const publicOf = (url: string): string | undefined => {
  if (!URL.canParse(url)) return undefined
  const { hostname, pathname, port, username } = new URL(url)
  return `postgres://${username === "" ? "" : `${username}@`}${hostname}${port === "" ? "" : `:${port}`}${pathname}`
}

const detailOf = (error: Postgres.StartError): string => {
  if (!(error instanceof SqlError)) return error.message
  const { cause } = error.reason
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message
}

const inWords =
  (where: string) =>
  (error: Postgres.StartError): Failure => {
    if (error instanceof InvalidOption) return misused(`The store's name, --store, cannot be used: ${error.problem}.`)
    const remedy =
      error instanceof SchemaMismatch
        ? error.found < error.needed
          ? " From here: `evolvent migrate`."
          : ""
        : " Look at the address, the role and its password, and whether the server runs."
    const detail = detailOf(error).replace(/\.$/, "")
    return unusable(`The store on PostgreSQL at ${where} cannot be used: ${detail}.${remedy}`)
  }

/** The store at an address. */
export const make = ({ store, url }: Address): Effect.Effect<Backend, Failure> => {
  const where = publicOf(url)
  if (where === undefined) {
    return Effect.fail(misused("The address of the PostgreSQL is no URL: postgres://user:password@host:5432/database."))
  }
  const options = {
    url: Redacted.make(url),
    schema: store,
    maxConnections: 4,
    applicationName: "evolvent-cli",
    connectTimeout: Duration.seconds(10)
  }
  const failing = Effect.mapError(inWords(where))
  const client = PgClient.layer(options)
  const examine = Effect.map(Postgres.doctor({ schema: store }), (found): Examination => {
    const { connections, database, findings, neededVersion, rights, role, schema, schemaVersion, version } = found
    const facts = {
      backend: "PostgreSQL",
      address: where,
      server: version,
      database,
      schema,
      "schema version": schemaVersion,
      "needed version": neededVersion,
      role,
      rights,
      connections: `${connections.used} of ${connections.max}`
    }
    return { facts, findings }
  })
  return Effect.succeed({
    kind: "PostgreSQL",
    where,
    layer: Layer.catch(Postgres.layerNoMigrations(options), (error) =>
      Layer.effectContext(Effect.fail(inWords(where)(error)))
    ),
    migrate: () => Postgres.migrate({ schema: store }).pipe(Effect.provide(client), failing),
    examine: examine.pipe(Effect.provide(client), failing)
  })
}
