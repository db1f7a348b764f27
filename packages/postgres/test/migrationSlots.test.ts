// Migration 6: what one checkpoint of version 5 said of all keys is true of each slot.
import * as Effect from "effect/Effect"
import * as Processor from "evolvent/Processor"
import { expect, it } from "vitest"
import * as checkpoints from "../src/internal/checkpointStore.ts"
import * as Database from "../src/internal/Database.ts"
import * as migrations from "../src/internal/migrations.ts"
import { client } from "./support/FreshSchema.ts"

const sql = await client()

let number = 0
/** A schema as version 5 left it. */
const atFive = Effect.gen(function* () {
  const schema = `five_${crypto.randomUUID().slice(0, 8)}_${++number}`
  const db = Database.make(sql, schema)
  yield* migrations.migrate(db, schema, migrations.steps.slice(0, 5))
  const migrate = Effect.andThen(
    migrations.migrate(db, schema, migrations.steps.slice(0, 6)),
    migrations.migrate(db, schema, migrations.steps)
  )
  return { schema, db, migrate, store: checkpoints.make(db) }
})

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)
const each = <A>(value: A): ReadonlyArray<A> => Array.from({ length: 16 }, () => value)

it("gives each slot of a projection, a reactor and a handler its position, stop and lease", () =>
  run(
    Effect.gen(function* () {
      const { migrate, schema, store } = yield* atFive
      yield* sql.unsafe(`INSERT INTO ${schema}.checkpoints (name, position, moved_at, stopped, token, holder, lease_until) VALUES
        ('projection/balances@1', 41, now(), NULL, 3, 'ada', now() + interval '1 minute'),
        ('projection/balances@2', 9007199254740991, now(), NULL, 0, NULL, NULL),
        ('reactor/mail/of 1', 42, now(), '{"problem":"no","eventId":"e","stream":"a-1","position":43}', 8, NULL, NULL),
        ('handler/owners', 0, NULL, NULL, 2, 'eve', now() - interval '1 minute'),
        ('bus/group/0', 17, now(), NULL, 1, 'bob', now() + interval '1 minute'),
        ('mine', 18, now(), NULL, 0, NULL, NULL)`)
      yield* migrate
      const load = (name: string) => store.load(Processor.slotNames(name))
      const holders = (name: string) => store.holders(Processor.slotNames(name))
      expect(yield* load("projection/balances@1")).toEqual(each({ position: 41, stopped: undefined }))
      expect(yield* load("projection/balances@2")).toEqual(
        each({ position: Number.MAX_SAFE_INTEGER, stopped: undefined })
      )
      const stopped = { problem: "no", eventId: "e", stream: "a-1", position: 43 }
      expect(yield* load("reactor/mail/of 1")).toMatchObject(each({ position: 42, stopped }))
      expect(yield* load("handler/owners")).toEqual(each({ position: 0, stopped: undefined }))
      expect(yield* store.load(["bus/group/0", "mine"])).toMatchObject([{ position: 17 }, { position: 18 }])
      expect(yield* store.holders(["bus/group/0", "mine"])).toEqual(["bob", undefined])
      expect(yield* holders("projection/balances@1")).toEqual(each("ada"))
      for (const name of ["projection/balances@2", "reactor/mail/of 1", "handler/owners"]) {
        expect(yield* holders(name)).toEqual(each(undefined))
      }
      const names = yield* sql.unsafe(`SELECT count(*)::int FROM ${schema}.checkpoints`).values
      expect(names).toEqual([[4 * 16 + 2]])
      yield* sql.unsafe(`DROP SCHEMA ${schema} CASCADE`)
    })
  ))

it("takes no name for a slot's that only looks like one", () =>
  run(
    Effect.gen(function* () {
      const { migrate, schema, store } = yield* atFive
      yield* sql.unsafe(`INSERT INTO ${schema}.checkpoints (name, position) VALUES
        ('reactor/mail', 1), ('reactor/mail/1', 2), ('reactor/mail/15', 3)`)
      yield* migrate
      for (const [name, position] of [
        ["reactor/mail", 1],
        ["reactor/mail/1", 2],
        ["reactor/mail/15", 3]
      ] as const) {
        expect(yield* store.load(Processor.slotNames(name))).toEqual(each({ position, stopped: undefined }))
      }
      yield* sql.unsafe(`DROP SCHEMA ${schema} CASCADE`)
    })
  ))

it("keeps a projection inline whose slots nobody else gets, and ends it", () =>
  run(
    Effect.gen(function* () {
      const { db, migrate, schema, store } = yield* atFive
      const name = "projection/inline@3"
      yield* sql.withTransaction(
        Effect.andThen(
          db.run(`SELECT ${schema}.lock_for_inline()`, []),
          sql.unsafe(`SELECT ${schema}.begin_inline('${name}', 'inline', 3, 'Account', 7)`)
        )
      )
      // In version 5 it had one checkpoint.
      yield* sql.unsafe(`DELETE FROM ${schema}.checkpoints WHERE name <> '${name}/0'`)
      yield* sql.unsafe(`UPDATE ${schema}.checkpoints SET name = '${name}'`)
      yield* migrate
      const slots = Processor.slotNames(name)
      expect(yield* store.holders(slots)).toEqual(each("inline"))
      expect(yield* store.load(slots)).toEqual(each({ position: 7, stopped: undefined }))
      yield* sql.unsafe(`SELECT ${schema}.end_inline('inline', 3)`)
      expect(yield* store.holders(slots)).toEqual(each(undefined))
      expect(yield* store.load(slots)).toEqual(each({ position: 7, stopped: undefined }))
      yield* sql.unsafe(`DROP SCHEMA ${schema} CASCADE`)
    })
  ))
