// Stores that are not what they should be: of a newer release, of an older one, and written to by other ways.
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, expect, it } from "vitest"
import { evolvent } from "./support/evolvent.ts"
import { freePort } from "./support/stores.ts"

const scope = Scope.makeUnsafe()
let url = ""
const call = (...args: ReadonlyArray<string>) => evolvent([...args, "--url", url])

/** SQL by somebody who may do everything. */
const sql = (...statements: ReadonlyArray<string>) =>
  Effect.runPromise(
    PgClient.PgClient.use((sql) => Effect.forEach(statements, (text) => sql.unsafe(text))).pipe(
      Effect.provide(PgClient.layer({ url: Redacted.make(url) }))
    )
  )

beforeAll(async () => {
  const started = Effect.flatMap(freePort, (port) => EmbeddedPostgres.start({ port }))
  url = Redacted.value((await Effect.runPromise(Scope.provide(started, scope))).url)
  expect((await call("migrate")).status).toBe(0)
}, 120_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

const event = (position: number, stream: string, revision: number, seconds: number): string =>
  `INSERT INTO evolvent.events VALUES (${position}, ${revision}, timestamptz '2026-01-01' + ${seconds} * interval '1 second',
    '0198c2a4-7d3e-7abc-8def-${String(position).padStart(12, "0")}', 1, '${stream}', 'Door', 'Opened', '{}', '{}')`

it("verify finds holes and what is out of order, and says where", async () => {
  await sql("SELECT setval('evolvent.position', 10)", event(1, "Door-1", 0, 5), event(2, "Door-1", 1, 6))
  expect(await call("verify")).toMatchObject({ status: 0, stderr: "" })
  await sql(event(4, "Door-1", 3, 7), event(5, "Door-2", 1, 8), event(6, "Door-1", 4, 1))
  const { status, stderr, stdout } = await call("verify")
  expect(status).toBe(1)
  expect(stdout.trimEnd().split("\n")).toEqual([
    "Door-1 3 at position 4 follows revision 1.",
    "Door-2 1 at position 5 is the first of its stream: revisions before 1 are missing.",
    "Door-1 4 at position 6 was recorded before the event in front of it."
  ])
  expect(stderr).toContain("3 problems")
  const json = await call("verify", "--json")
  expect([json.status, JSON.parse(json.stdout)]).toMatchObject([1, { ok: false, events: 5, problems: { length: 3 } }])
}, 60_000)

it("a newer schema is left alone, and doctor says which release it takes", async () => {
  await sql("INSERT INTO evolvent.migrations (migration_id, name) VALUES (97, 'a'), (98, 'b'), (99, 'c')")
  for (const command of ["streams", "migrate"]) {
    const { status, stderr, stdout } = await call(command)
    expect([status, stdout]).toEqual([3, ""])
    expect(stderr).toContain("version 99")
  }
  const doctor = await call("doctor")
  expect([doctor.status, doctor.stdout]).toEqual([1, expect.stringContaining("take a newer version of evolvent")])
}, 60_000)

it("a setting that loses what was committed is found, and so is a role without rights", async () => {
  await sql(
    "DELETE FROM evolvent.migrations WHERE migration_id > 90",
    "ALTER DATABASE evolvent SET synchronous_commit = off",
    "CREATE ROLE guest LOGIN PASSWORD 'guest'"
  )
  const { status, stdout } = await call("doctor")
  expect(status).toBe(1)
  expect(stdout).toMatch(/^loses {2}server, synchronous_commit: off: .*\n +set synchronous_commit = on/m)
  const guest = new URL(url)
  guest.username = guest.password = "guest"
  const asGuest = await evolvent(["doctor", "--url", guest.href])
  expect([asGuest.status, asGuest.stdout]).toEqual([1, expect.stringContaining("guest may not look into it")])
}, 60_000)
