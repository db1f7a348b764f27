// connection: which store a command works on, by its address; only the backend that is needed is loaded.
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Services } from "evolvent/Memory"
import { fromError, misused } from "./failure.ts"
import type { Failure } from "./failure.ts"
import { Store, Url } from "./globals.ts"
import type { Globals } from "./globals.ts"
import { quiet } from "./quiet.ts"

/** Where a store is, and what it is called there. */
export interface Address {
  readonly url: string
  readonly store: string
}

/** What is wrong with a store, and what to do. */
export interface Finding {
  readonly level: "broken" | "loses" | "risk" | "unknown"
  readonly where: string
  readonly setting: string
  readonly problem: string
  readonly remedy: string
}

/** A store as its backend sees it: facts by their names, and what is wrong. */
export interface Examination {
  readonly facts: Readonly<Record<string, string | number>>
  readonly findings: ReadonlyArray<Finding>
}

/** How a store is made. */
export interface MigrateOptions {
  readonly replicas: number
  readonly removal: boolean
}

/** One of the backends, at an address. */
export interface Backend {
  readonly kind: "PostgreSQL" | "NATS"
  /** The address without what is secret. */
  readonly where: string
  /** The services on what is there: nothing is made, nothing is migrated. */
  readonly layer: Layer.Layer<Services, Failure>
  /** Brings the store to what this version needs. */
  readonly migrate: (options: MigrateOptions) => Effect.Effect<void, Failure>
  readonly examine: Effect.Effect<Examination, Failure>
}

const variable = (name: string) =>
  Effect.map(Effect.orDie(Config.option(Config.String(name))), (found) =>
    // An empty variable is how a shell takes one back.
    found._tag === "Some" && found.value.trim() !== "" ? found.value.trim() : undefined
  )

const usage =
  "Name the store by --url, DATABASE_URL or NATS_URL: postgres://user:password@host:5432/database or nats://host:4222."

const address: Effect.Effect<Address, Failure, Globals> = Effect.gen(function* () {
  const [given, store] = [yield* Url, yield* Store]
  const url = given !== "" ? given : ((yield* variable("DATABASE_URL")) ?? (yield* variable("NATS_URL")))
  return url === undefined ? yield* misused(`No store is named. ${usage}`) : { url, store }
})

/** The scheme of an address; of several servers the first one's. */
export const schemeOf = (url: string): string | undefined => /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase()

/** The backend at an address. */
export const at = (address: Address): Effect.Effect<Backend, Failure> => {
  switch (schemeOf(address.url)) {
    case "postgres":
    case "postgresql":
      return Effect.flatMap(
        Effect.promise(() => import("./onPostgres.ts")),
        ({ make }) => make(address)
      )
    case "nats":
    case "tls":
      return Effect.flatMap(
        Effect.promise(() => import("./onNats.ts")),
        ({ make }) => make(address)
      )
    default:
      // It may hold a password.
      return Effect.fail(misused(`The store's address is none of PostgreSQL or NATS. ${usage}`))
  }
}

/** The backend that the flags and the environment name. */
export const backend: Effect.Effect<Backend, Failure, Globals> = Effect.flatMap(address, at)

/** Runs something on the store. */
export const onStore = <A, E extends Error, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Failure, Exclude<R, Services> | Globals> =>
  Effect.flatMap(backend, ({ layer }) =>
    Effect.provide(Effect.mapError(effect, fromError), Layer.provide(layer, quiet))
  )
