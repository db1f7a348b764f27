// storage: where the examples keep what happened: a PostgreSQL or a NATS server, somebody's or their own, or memory.
import { join, relative } from "node:path"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Flag from "effect/cli/Flag"
import * as Memory from "evolvent/Memory"
import * as OnNats from "./onNats.ts"
import * as OnPostgres from "./onPostgres.ts"
import type { StorageUnusable } from "./storageUnusable.ts"

/** Which store, and whose data. */
export interface Choice {
  readonly store: "postgres" | "nats" | "memory"
  /** The folder of the data of a server of our own; where it is given, DATABASE_URL and NATS_URL are not looked at. */
  readonly dataDir?: string | undefined
  /** Removes what earlier runs have stored. */
  readonly fresh?: boolean
}

/** What a command line says about storage. */
export const flags = {
  store: Flag.Literals("store", ["postgres", "nats", "memory"]).pipe(
    Flag.withDescription(
      "postgres, nats: the server that DATABASE_URL or NATS_URL names, else one that lives as long as the command. " +
        "memory: nothing is kept"
    ),
    Flag.withDefault("postgres" as const)
  ),
  dataDir: Flag.Path("data-dir").pipe(
    Flag.withDescription(
      "The folder in which a server of its own keeps the data between runs, whatever DATABASE_URL and NATS_URL say; " +
        "without them it is in .evolvent, in the repository's top folder"
    ),
    Flag.withDefault(undefined)
  ),
  fresh: Flag.Boolean("fresh").pipe(
    Flag.withDescription(
      "Forget what earlier runs have stored: this example's own schema or streams are dropped, and made anew"
    ),
    Flag.withDefault(false)
  )
}

type Place =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Postgres"; readonly on: OnPostgres.Place }
  | { readonly _tag: "Nats"; readonly on: OnNats.Place }

/** A server of its own in this folder, unless a variable names another one. */
const serverOf = Effect.fnUntraced(function* (variable: string, dataDir: string | undefined, folder: string) {
  if (dataDir !== undefined) return { _tag: "Folder" as const, folder: dataDir }
  const url = Option.getOrUndefined(yield* Effect.orDie(Config.option(Config.Redacted(variable))))
  // An empty variable is how a shell takes one back.
  if (url !== undefined && Redacted.value(url).trim() !== "") return { _tag: "Server" as const, url }
  // Beside the workspace's package.json: the same wherever the command is started.
  return { _tag: "Folder" as const, folder: join(import.meta.dirname, "../../../.evolvent", folder) }
})

const placeOf = Effect.fnUntraced(function* (name: string, { dataDir, store }: Choice): Effect.fn.Return<Place> {
  switch (store) {
    case "memory":
      return { _tag: "Memory" }
    case "postgres":
      return { _tag: "Postgres", on: yield* serverOf("DATABASE_URL", dataDir, name) }
    case "nats":
      return { _tag: "Nats", on: yield* serverOf("NATS_URL", dataDir, `${name}-nats`) }
  }
})

/** The services for an example, which has a folder, a schema or streams of its own, by its name. */
export const layer = (name: string, choice: Choice): Layer.Layer<Memory.Services, StorageUnusable> =>
  Layer.unwrap(
    Effect.map(placeOf(name, choice), (place): Layer.Layer<Memory.Services, StorageUnusable> => {
      switch (place._tag) {
        case "Memory":
          return Memory.layer
        case "Postgres":
          return OnPostgres.layer(name, place.on, choice.fresh ?? false)
        case "Nats":
          return OnNats.layer(name, place.on, choice.fresh ?? false)
      }
    })
  )

/** Where `layer` keeps it, in words: "in memory", "on …". */
export const inPlace = (name: string, choice: Choice): Effect.Effect<string> =>
  Effect.map(placeOf(name, choice), (place) => {
    if (place._tag === "Memory") return "in memory"
    const server = place._tag === "Postgres" ? "PostgreSQL" : "NATS server"
    if (place.on._tag === "Folder") return `on a ${server} of its own, which keeps its data in ${near(place.on.folder)}`
    return place._tag === "Postgres"
      ? `on the PostgreSQL that DATABASE_URL names, in the schema ${OnPostgres.schemaOf(name)}`
      : `on the NATS server that NATS_URL names, in streams that begin with ${OnNats.prefixOf(name)}`
  })

/** A path as one would write it here. */
const near = (folder: string): string => {
  const path = relative(process.cwd(), folder)
  return path === "" ? "." : path.startsWith("..") ? folder : path
}
