// Interruption: a start that is broken off at any moment leaves nothing behind.
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import * as EmbeddedPostgres from "../src/EmbeddedPostgres.ts"
import { processesWith, scratch, temporaryFilesIn } from "./support/scratch.ts"

const answer = Effect.flatMap(SqlClient, (sql) => sql`SELECT 1 AS one`)

describe("interruption", { timeout: 30_000 }, () => {
  it.live("an interruption at any moment leaves no process and no folder, and data is whole or not there", () =>
    Effect.gen(function* () {
      const base = yield* scratch
      yield* temporaryFilesIn(base)
      const dataDir = path.join(base, "data")
      let finished = 0
      for (const millis of [0, 10, 60, 200, 400, 550, 700, 20, 40, 60]) {
        const fiber = yield* Effect.forkChild(Effect.scoped(EmbeddedPostgres.start({ dataDir })))
        yield* Effect.sleep(millis)
        yield* Fiber.interrupt(fiber)
        if (Exit.isSuccess(yield* Fiber.await(fiber))) finished++
        assert.deepStrictEqual(processesWith(base), [])
        assert.deepStrictEqual(
          fs.readdirSync(base).filter((name) => name !== "data" && !name.startsWith("evolvent-postgres-")),
          []
        )
      }
      assert.isBelow(finished, 10)
      assert.deepStrictEqual(yield* answer.pipe(Effect.provide(EmbeddedPostgres.layer({ dataDir }))), [{ one: 1 }])
    })
  )
})
