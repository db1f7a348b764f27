// The tail by itself: whatever a look ends with, the looking goes on.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { layer as reactivity } from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import { expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import * as tails from "../src/internal/tail.ts"
import * as wakeUps from "../src/internal/wakeUp.ts"

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

it("a look that dies does not end the looking", () =>
  run(
    Effect.gen(function* () {
      let looks = 0
      const sql = yield* PgClient.make({ host: "unused" }).pipe(Effect.provide(reactivity))
      const db: Database.Database = {
        ...Database.make(sql, "unused"),
        run: () => Effect.suspend(() => (++looks === 2 ? Effect.die("a bug of the client") : Effect.succeed([[looks]])))
      }
      const wakeUp = yield* wakeUps.make(db, "unused")
      const soon = Duration.millis(5)
      const tail = yield* tails.make(db, wakeUp, { min: soon, max: soon, maxDeaf: soon }, () => Effect.never)
      const changed = yield* tail.follow
      for (let i = 0; i < 4; i++) yield* Effect.timeout(changed, "5 seconds")
      expect(tail.seen()).toBeGreaterThan(2)
    })
  ))
