// migrate: brings a store to what this version needs.
import * as Effect from "effect/Effect"
import { backend } from "./connection.ts"
import type { MigrateOptions } from "./connection.ts"
import { Store } from "./globals.ts"
import { result } from "./output.ts"

/** Migrates a schema on PostgreSQL, or makes the streams and buckets on NATS; what is there already stays. */
export const migrate = Effect.fnUntraced(function* (options: MigrateOptions) {
  const { kind, migrate, where } = yield* backend
  const store = yield* Store
  yield* migrate(options)
  yield* result(
    { backend: kind, address: where, store, migrated: true },
    `The store ${store} on ${kind} at ${where} is ready.\n`
  )
})
