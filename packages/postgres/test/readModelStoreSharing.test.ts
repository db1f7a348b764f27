// Tables that processes share: created by many at once, rolled back, dropped by another, and kept from strangers.
import * as Effect from "effect/Effect"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, IndexKind, Table } from "evolvent/ReadModelStore"
import { expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import * as readModels from "../src/internal/readModelStore.ts"
import { client, Db, fresh, servicesOf } from "./support/FreshSchema.ts"

const { run, schema, sql } = await fresh()
const quoted = Database.identifier(schema)

const tableOf = (name: string, indexes: ReadonlyArray<readonly [string, IndexKind]> = [], version = 1): Table => ({
  name,
  version,
  indexes: indexes.map(([field, kind]) => ({ field, kind }))
})
const row = (key: string, index: EncodedRow["index"] = {}, position = 1): EncodedRow => ({
  key,
  position: Position.make(position),
  row: JSON.stringify({ key }),
  index
})
const put = (table: Table, ...rows: ReadonlyArray<EncodedRow>) =>
  ReadModelStore.use((store) => store.apply(table, rows))
const keys = (table: Table) =>
  ReadModelStore.use((store) =>
    Effect.map(
      store.list(table, { where: [], orderBy: undefined, direction: "asc", limit: 1000, after: undefined }),
      (rows) => rows.map(({ key }) => key)
    )
  )
const nameOf = ({ name, version }: Table) =>
  Effect.map(
    sql.unsafe(`SELECT table_name FROM ${quoted}.read_models WHERE name = $1 AND version = $2`, [name, version]).values,
    ([found]) => found?.[0]
  )

it("is created once by many at the same time, also where some of them roll back", async () => {
  const clients = await Promise.all([client(), client()])
  for (const name of ["together", "together, in transactions"]) {
    const table = tableOf(name, [["n", "number"]])
    const attempts = Array.from({ length: 20 }, (_, i) => {
      const one = clients[i % 2] ?? sql
      const write = Effect.provideContext(put(table, row(`k${i}`, { n: i })), servicesOf(one, schema))
      if (name === "together") return write
      return one.withTransaction(i % 3 === 0 ? Effect.andThen(write, Effect.fail("undone" as const)) : write)
    })
    const results = await Effect.runPromise(
      Effect.forEach(attempts, (attempt) => Effect.result(attempt), { concurrency: "unbounded" })
    )
    const failures = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
    const written = Array.from({ length: 20 }, (_, i) => i).filter((i) => name === "together" || i % 3 !== 0)
    expect(failures).toEqual(Array.from({ length: 20 - written.length }, () => "undone"))
    expect(await run(keys(table))).toEqual(written.map((i) => `k${i}`).toSorted())
  }
})

it("forgets a table that was created in a transaction which was rolled back", () =>
  run(
    Effect.gen(function* () {
      const table = tableOf("undone")
      yield* Effect.flip(
        sql.withTransaction(
          Effect.andThen(Effect.andThen(put(table, row("a")), put(table, row("b"))), Effect.fail("no"))
        )
      )
      // Within a transaction nothing could be tried twice.
      yield* sql.withTransaction(put(table, row("c")))
      expect(yield* keys(table)).toEqual(["c"])
    })
  ))

it("notices that another process dropped a table, and what of a transaction is over", () =>
  run(
    Effect.gen(function* () {
      const db = yield* Db
      const elsewhere = readModels.make(db)
      const table = tableOf("dropped")
      const store = yield* ReadModelStore
      yield* put(table, row("a"), row("b"))
      yield* elsewhere.drop(table)
      expect(yield* store.get(table, ["a"])).toEqual([])
      yield* put(table, row("c"))
      expect(yield* keys(table)).toEqual(["c"])
      yield* elsewhere.drop(table)
      const within = yield* Effect.flip(sql.withTransaction(put(table, row("d"))))
      expect(within).toMatchObject({ _tag: "ReadModelStoreError", isRetryable: true })
      expect(within.message).toContain('version 1 of "dropped" was dropped meanwhile')
      yield* sql.withTransaction(put(table, row("d")))
      expect(yield* keys(table)).toEqual(["d"])
    })
  ))

it("leaves a relation alone that is not its own", () =>
  run(
    Effect.gen(function* () {
      yield* sql.unsafe(`CREATE TABLE ${quoted}.theirs_v1 (id int)`)
      yield* put(tableOf("theirs"), row("a"))
      expect(yield* nameOf(tableOf("theirs"))).toMatch(/^theirs_[0-9a-f]{12}_v1$/)
      yield* ReadModelStore.use((store) => store.drop(tableOf("theirs")))
      expect(yield* sql.unsafe(`SELECT count(*)::int AS count FROM ${quoted}.theirs_v1`)).toEqual([{ count: 0 }])
    })
  ))

it("lets a writer create and drop tables without a right on the schema, and a reader read them", async () => {
  const [writer, reader] = [`writer_${crypto.randomUUID().slice(0, 8)}`, `reader_${crypto.randomUUID().slice(0, 8)}`]
  const all = (...statements: ReadonlyArray<string>) =>
    Effect.runPromise(Effect.forEach(statements, (text) => sql.unsafe(text), { discard: true }))
  await all(
    ...[writer, reader].map((role) => `CREATE ROLE ${role}`),
    `GRANT USAGE ON SCHEMA ${quoted} TO ${writer}, ${reader}`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted} TO ${writer}, ${reader}`,
    `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${quoted} TO ${writer}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${quoted} GRANT SELECT ON TABLES TO ${reader}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${quoted} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${writer}`
  )
  const as = async (role: string) =>
    readModels.make(Database.make(await client({ startupParameters: { role } }), schema))
  const [writes, reads] = [await as(writer), await as(reader)]
  const table = tableOf("roles", [["n", "number"]])
  await Effect.runPromise(writes.apply(table, [row("a", { n: 1 }), row("b", { n: 2 })]))
  await Effect.runPromise(writes.apply(table, [{ ...row("a"), row: undefined }]))
  expect((await Effect.runPromise(reads.get(table, ["a", "b"]))).length).toBe(1)
  for (const call of [
    reads.apply(table, [row("c", { n: 3 })]),
    reads.apply(tableOf("new"), [row("c")]),
    reads.drop(table)
  ]) {
    const error = await Effect.runPromise(Effect.flip(call))
    expect(error).toMatchObject({ isRetryable: false, reason: { _tag: "Unsupported" } })
    expect(error.message).toContain("lacks a right")
  }
  await Effect.runPromise(writes.drop(table))
  expect(await Effect.runPromise(reads.get(table, ["b"]))).toEqual([])
  await all(...[writer, reader].flatMap((role) => [`DROP OWNED BY ${role}`, `DROP ROLE ${role}`]))
})
