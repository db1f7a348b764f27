// Aggregate.execute inside the caller's transaction: what it decides joins it, is repeatable by its command id, and may conflict.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { beforeAll, expect, it } from "vitest"
import { heldOpen, serve, until, waiting } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema })
const { run, sql } = store

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 }
})({
  decide: { Add: ({ by }) => [{ _tag: "Added", by }] },
  evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
})

let ids = 0
const fresh = () => `${++ids}`
const add = (id: string, by: number, commandId?: string) =>
  Aggregate.execute(Counter, id, { _tag: "Add", by }, commandId === undefined ? {} : { commandId })
const total = (id: string) => Effect.map(Aggregate.load(Counter, id), ({ state }) => state.total)
const undo = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flip(sql.withTransaction(Effect.andThen(effect, Effect.fail("undone" as const))))

beforeAll(() => run(sql`CREATE TABLE audit (note text)`))

it("decides on what its transaction has written, and is undone or kept with it", () =>
  run(
    Effect.gen(function* () {
      const id = fresh()
      const work = Effect.gen(function* () {
        yield* sql`INSERT INTO audit VALUES (${id})`
        yield* add(id, 1)
        yield* add(id, 2)
        expect(yield* total(id)).toBe(3)
        return (yield* add(id, 3)).revision
      })
      expect(yield* undo(work)).toBe("undone")
      expect(yield* total(id)).toBe(0)
      expect(yield* sql.withTransaction(work)).toBe(2)
      expect(yield* total(id)).toBe(6)
      expect((yield* sql`SELECT * FROM audit WHERE note = ${id}`).length).toBe(1)
    })
  ))

it("a command id that was undone is new again; one that was kept gives its first outcome", () =>
  run(
    Effect.gen(function* () {
      const id = fresh()
      yield* undo(add(id, 5, "c-1"))
      const inner = Effect.gen(function* () {
        const first = yield* add(id, 5, "c-1")
        const again = yield* add(id, 5, "c-1")
        const other = yield* Effect.flip(add(id, 6, "c-1"))
        return [first.repeated, again.repeated, again.revision, other._tag]
      })
      expect(yield* sql.withTransaction(inner)).toEqual([false, true, 0, "CommandIdReused"])
      expect((yield* sql.withTransaction(add(id, 5, "c-1"))).repeated).toBe(true)
      expect(yield* total(id)).toBe(5)
    })
  ))

it("overtaken by a stranger it decides again, in the same transaction", () =>
  run(
    Effect.gen(function* () {
      const id = fresh()
      const held = yield* heldOpen(stranger, add(id, 10))
      const work = sql.withTransaction(Effect.andThen(add(id, 1), total(id)))
      const outcome = yield* Effect.all(
        [
          work,
          Effect.promise(() =>
            stranger.run(
              until(
                "it waits",
                Effect.map(waiting(stranger), (n) => n > 0)
              )
            )
          ).pipe(Effect.andThen(held.commit))
        ],
        { concurrency: "unbounded" }
      )
      expect([outcome[0], yield* total(id)]).toEqual([11, 11])
    })
  ))

it("the same command in two transactions at once happens once", () =>
  run(
    Effect.gen(function* () {
      const id = fresh()
      const both = [store, stranger, store, stranger].map((one) =>
        Effect.promise(() => one.run(one.sql.withTransaction(add(id, 7, "c-2"))))
      )
      const outcomes = yield* Effect.all(both, { concurrency: "unbounded" })
      expect(outcomes.map(({ repeated }) => repeated).toSorted()).toEqual([false, true, true, true])
      expect([new Set(outcomes.map(({ position }) => position)).size, yield* total(id)]).toEqual([1, 7])
    })
  ))
