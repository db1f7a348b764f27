// What was appended is flushed before it is acknowledged, also where a role's or a database's settings do without.
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { serve } from "./support/AppendStore.ts"
import { calls } from "./laws/Bench.ts"

const { open } = await serve({ settings: { synchronous_commit: "off" } })
const { run, schema, sql } = await open()

const append = calls(schema)
const ways: Readonly<Record<string, string>> = {
  append_event: append.event("A-1"),
  append_events: append.events("A-2"),
  append_one: append.one("A-3"),
  append_group: append.group("A-4"),
  append_all: append.group("A-5").replace("append_group(false, ", "append_all(")
}

const setting = Effect.map(sql`SHOW synchronous_commit`.values, ([row]) => row?.[0])

it.each(Object.entries(ways))("%s makes its commit wait for its flush, and nothing else", (_, text) =>
  run(
    Effect.gen(function* () {
      const within = Effect.andThen(sql.unsafe(text), setting)
      expect([yield* setting, yield* sql.withTransaction(within), yield* setting]).toEqual(["off", "on", "off"])
    })
  )
)

it("leaves stricter settings as they are", () =>
  run(
    Effect.gen(function* () {
      const within = Effect.andThen(sql`SET LOCAL synchronous_commit = local`, sql.unsafe(append.event("A-6")))
      expect(yield* sql.withTransaction(Effect.andThen(within, setting))).toBe("local")
    })
  ))
