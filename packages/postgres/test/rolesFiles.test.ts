// The files for psql say what `Postgres.roles` says, and nothing is everybody's before anything was granted.
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"

const { open } = await serve()

it("nothing in a schema is everybody's", async () => {
  const { run, schema, sql } = await open()
  await run(
    Effect.gen(function* () {
      const functions = yield* sql`SELECT proname FROM pg_proc WHERE pronamespace = ${schema}::regnamespace`
      expect(functions.length).toBeGreaterThan(10)
      const everybodys =
        yield* sql`SELECT proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
        WHERE pronamespace = ${schema}::regnamespace AND a.grantee = 0`
      expect(everybodys).toEqual([])
    })
  )
})

it("the files for psql say the same", () => {
  const { create: made, grant: granted } = Postgres.roles({
    owner: "evolvent_owner",
    writer: "evolvent_writer",
    reader: "evolvent_reader"
  })
  const file = (name: string) =>
    readFileSync(new URL(`../sql/${name}.sql`, import.meta.url), "utf8")
      .replaceAll(/^--.*\n/gm, "")
      .trim()
  const script = (statements: ReadonlyArray<string>) =>
    ["BEGIN;\n", ...statements.map((text) => `${text};`), "\nCOMMIT;"].join("\n")
  expect(file("roles")).toBe(script(made))
  expect(file("grants")).toBe(script(granted))
})
