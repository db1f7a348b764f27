// storage: where the examples keep what happened: the PostgreSQL of DATABASE_URL, a server of their own, or memory.
import { join, relative } from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import { EmbeddedPostgresError } from "@evolvent/embedded-postgres/EmbeddedPostgresError"
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import { SqlError } from "effect/sql/SqlError"
import * as Memory from "evolvent/Memory"

/** Which store, and whose data. */
export interface Choice {
  readonly store: "postgres" | "memory"
  /** The folder of the data of a server of our own; where it is given, DATABASE_URL is not looked at. */
  readonly dataDir?: string | undefined
  /** Removes what earlier runs have stored. */
  readonly fresh?: boolean
}

/** The storage cannot be used; the message says which, why, and what to do. */
export class StorageUnusable extends Schema.TaggedError<StorageUnusable>()("StorageUnusable", {
  problem: Schema.String,
  cause: Schema.Defect()
}) {
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.problem
  }
  override get [CliError.userMessage](): string {
    return this.problem
  }
}

/** What a command line says about storage. */
export const flags = {
  store: Flag.Literals("store", ["postgres", "memory"]).pipe(
    Flag.withDescription(
      "postgres: the server that DATABASE_URL names, else one that lives as long as the command. " +
        "memory: nothing is kept"
    ),
    Flag.withDefault("postgres" as const)
  ),
  dataDir: Flag.Path("data-dir").pipe(
    Flag.withDescription(
      "The folder in which a server of its own keeps the data between runs, whatever DATABASE_URL says; " +
        "without both it is in .evolvent, in the repository's top folder"
    ),
    Flag.withDefault(undefined)
  ),
  fresh: Flag.Boolean("fresh").pipe(
    Flag.withDescription("Forget what earlier runs have stored: this example's own schema is dropped, and made anew"),
    Flag.withDefault(false)
  )
}

type Place =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Folder"; readonly folder: string }
  | { readonly _tag: "Server"; readonly url: Redacted.Redacted }

const placeOf = Effect.fnUntraced(function* (name: string, { dataDir, store }: Choice): Effect.fn.Return<Place> {
  if (store === "memory") return { _tag: "Memory" }
  if (dataDir !== undefined) return { _tag: "Folder", folder: dataDir }
  const url = Option.getOrUndefined(yield* Effect.orDie(Config.option(Config.Redacted("DATABASE_URL"))))
  // An empty variable is how a shell takes one back.
  if (url !== undefined && Redacted.value(url).trim() !== "") return { _tag: "Server", url }
  // Beside the workspace's package.json: the same wherever the command is started.
  return { _tag: "Folder", folder: join(import.meta.dirname, "../../../.evolvent", name) }
})

const schemaOf = (name: string): string => `evolvent_${name}`

/** The services for an example, which has a folder or a schema of its own, by its name. */
export const layer = (name: string, choice: Choice): Layer.Layer<Memory.Services, StorageUnusable> =>
  Layer.unwrap(
    Effect.map(placeOf(name, choice), (place) =>
      place._tag === "Memory" ? Memory.layer : postgres(name, place, choice.fresh ?? false)
    )
  )

// Several statements in one write to the server: the examples have many commands under way at a time.
const pool = { maxConnections: 10, multiplex: true, multiplexConcurrency: 4 }

const postgres = (
  name: string,
  place: Exclude<Place, { readonly _tag: "Memory" }>,
  fresh: boolean
): Layer.Layer<Memory.Services, StorageUnusable> => {
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

/** Where `layer` keeps it, in words: "in memory", "on …". */
export const inPlace = (name: string, choice: Choice): Effect.Effect<string> =>
  Effect.map(placeOf(name, choice), (place) => {
    switch (place._tag) {
      case "Memory":
        return "in memory"
      case "Folder":
        return `on a PostgreSQL of its own, which keeps its data in ${near(place.folder)}`
      case "Server":
        return `on the PostgreSQL that DATABASE_URL names, in the schema ${schemaOf(name)}`
    }
  })

/** A path as one would write it here. */
const near = (folder: string): string => {
  const path = relative(process.cwd(), folder)
  return path === "" ? "." : path.startsWith("..") ? folder : path
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
