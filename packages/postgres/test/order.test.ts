// Order on PostgreSQL: deterministic schedules of transactions that are held open at every step, on the shipped SQL.
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import { Patience } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, describe, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { Bench } from "./laws/Bench.ts"
import { laws } from "./laws/laws.ts"

const scope = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)
const server = await Effect.runPromise(
  Scope.provide(EmbeddedPostgres.start({ settings: { max_connections: 200 } }), scope)
)

describe("PostgreSQL", () => {
  for (const { id, run } of laws) {
    it(id, { timeout: 120_000 }, () =>
      Effect.runPromise(
        run.pipe(
          Effect.provideService(Bench, { server, postgres: Postgres }),
          Effect.provideService(Patience, "20 seconds")
        )
      )
    )
  }
})
