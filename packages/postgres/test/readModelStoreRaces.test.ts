// Who writes the same rows at the same time waits for the other, and not in a circle.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, Table } from "evolvent/ReadModelStore"
import { expect, it } from "vitest"
import { fresh } from "./support/FreshSchema.ts"

const { run, sql } = await fresh()

const tableOf = (name: string): Table => ({ name, version: 1, indexes: [] })
const rowOf = (key: string, position: number, row: string | undefined = "{}"): EncodedRow => ({
  key,
  position: Position.make(position),
  row,
  index: {}
})
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

it("lets many write the same rows in any order", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf("written")
      const shuffled = (racer: number, round: number) =>
        numbers(60)
          .toSorted((a, b) => ((a * (racer * 2 + 7) + round) % 61) - ((b * (racer * 2 + 7) + round) % 61))
          .map((i) => rowOf(`k${i}`, round))
      const racers = numbers(8).map((racer) =>
        Effect.forEach(numbers(40), (round) => sql.withTransaction(store.apply(table, shuffled(racer, round))))
      )
      yield* store.apply(table, shuffled(0, 0))
      yield* Effect.all(racers, { concurrency: "unbounded" })
    })
  ))

it("lets two write what the other removes", () =>
  run(
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tableOf("removed")
      const keys = numbers(200)
      const batch = (position: number, parity: number) =>
        sql.withTransaction(
          store.apply(
            table,
            keys.map((i) => ({ ...rowOf(`k${i}`, position), row: i % 2 === parity ? "{}" : undefined }))
          )
        )
      for (const round of numbers(25)) {
        yield* store.apply(
          table,
          keys.map((i) => rowOf(`k${i}`, 2 * round))
        )
        yield* Effect.all([batch(2 * round + 1, 0), batch(2 * round + 1, 1)], { concurrency: 2 })
      }
    })
  ))

it(
  "repeats by itself what the server ended for a circle, outside of a transaction",
  () =>
    run(
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const table = tableOf("circle")
        yield* store.apply(table, [rowOf("a", 1), rowOf("b", 1)])
        const contrary = Effect.gen(function* () {
          yield* store.apply(table, [rowOf("b", 2)])
          // It locks a, waits for b, and notices the circle first.
          const beside = Effect.promise(() =>
            run(ReadModelStore.use((one) => one.apply(table, [rowOf("a", 3), rowOf("b", 3)])))
          )
          const fiber = yield* Effect.forkDetach(beside)
          yield* Effect.sleep(300)
          yield* store.apply(table, [rowOf("a", 2)])
          return fiber
        })
        yield* Fiber.join(yield* sql.withTransaction(contrary))
        expect((yield* store.get(table, ["a", "b"])).map(({ position }) => position)).toEqual([3, 3])
      })
    ),
  20_000
)
