// What holds readers up is told: the backend of an append that is not through yet, and how long it has been open.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { fresh, numbered, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const { events, run, sql } = await open()

it("an append in an open transaction is named, with its backend and its age, and nothing is when it is over", () =>
  run(
    Effect.gen(function* () {
      const { position } = yield* events.append(fresh(), [numbered(0)])
      expect(yield* events.obstacle).toBe(undefined)
      const [pid, seen] = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* events.append(fresh(), [numbered(1)])
          const [own] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
          yield* Effect.sleep(60)
          const seen = yield* events.obstacle
          return [own?.pid, seen] as const
        })
      )
      expect(seen?.by).toBe(String(pid))
      expect(seen?.position).toBe(position)
      expect(Duration.toMillis(seen?.age ?? 0)).toBeGreaterThan(50)
      expect(yield* events.obstacle).toBe(undefined)
    })
  ))
