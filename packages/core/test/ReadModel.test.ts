// The query side's own part: cursors that do not belong to a list, limits, rows that no longer decode.
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { ReadModelStore } from "../src/ReadModelStore.ts"

const Task = Aggregate.make("Task", {
  command: Schema.TaggedUnion({ Add: {} }),
  event: Schema.TaggedUnion({ Added: {} }),
  state: Schema.Null,
  initial: null
})({ decide: () => [], evolve: (state) => state })

const Tasks = Projection.make("tasks", {
  from: [Task],
  row: Schema.Struct({ title: Schema.String, size: Schema.BigInt, due: Schema.DateTimeUtc }),
  indexes: ["title", "size", "due"]
})({ create: { Added: () => ({ title: "", size: 0n, due: DateTime.makeUnsafe(0) }) }, evolve: {} })

const put = (key: string, n: number) =>
  ReadModelStore.use((store) =>
    store.apply(Tasks.table, [
      {
        key,
        position: Position.make(n + 1),
        row: JSON.stringify({ title: `t${n % 2}`, size: String(n), due: new Date(n).toISOString() }),
        index: { title: `t${n % 2}`, size: BigInt(n), due: n }
      }
    ])
  )

const fill = Effect.forEach([..."abcdefg"], (key, n) => put(key, n), { discard: true })
const keys = (page: ReadModel.Page<unknown>) => page.rows.map((entry) => entry.key).join("")

describe("list", () => {
  it.effect("filters by value, set and range of every kind of index, and orders by them", () =>
    Effect.gen(function* () {
      yield* fill
      const list = (
        options: Parameters<typeof ReadModel.list<"tasks", (typeof Tasks)["row"]["Type"], "title" | "size" | "due">>[1]
      ) => Effect.map(ReadModel.list(Tasks, options), keys)
      expect(yield* list({})).toBe("abcdefg")
      expect(yield* list({ where: { title: "t1" } })).toBe("bdf")
      expect(yield* list({ where: { size: { in: [2n, 5n, 99n] } } })).toBe("cf")
      expect(yield* list({ where: { size: { gt: 1n, lte: 4n }, title: "t0" } })).toBe("ce")
      expect(yield* list({ where: { due: { gte: DateTime.makeUnsafe(5) } } })).toBe("fg")
      expect(yield* list({ where: { due: DateTime.makeUnsafe(3) } })).toBe("d")
      expect(yield* list({ orderBy: "size", direction: "desc" })).toBe("gfedcba")
      expect(yield* list({ orderBy: "title", direction: "desc" })).toBe("fdbgeca")
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("gives pages whose next leads through all rows, and to nothing more at the end", () =>
    Effect.gen(function* () {
      yield* fill
      for (const orderBy of ["title", "size", "due"] as const) {
        let after: ReadModel.Cursor | undefined
        let seen = ""
        do {
          const page: ReadModel.Page<unknown> = yield* ReadModel.list(Tasks, { orderBy, limit: 2, after })
          seen += keys(page)
          after = page.next
        } while (after !== undefined)
        expect(seen).toBe(keys(yield* ReadModel.list(Tasks, { orderBy })))
      }
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("refuses a cursor of another list, and one that was changed", () =>
    Effect.gen(function* () {
      yield* fill
      const { next } = yield* ReadModel.list(Tasks, { orderBy: "size", limit: 2 })
      if (next === undefined) return expect.fail("there should be more pages")
      const refused = (after: ReadModel.Cursor, orderBy: "size" | "title" = "size") =>
        Effect.map(Effect.flip(ReadModel.list(Tasks, { orderBy, after })), (error) => error.message)
      expect(yield* refused(next, "title")).toContain("it is one of a list in ascending order of size")
      for (const text of [
        "",
        "nope",
        "%",
        "[]",
        "null",
        encodeURIComponent('["tasks","size","asc","bigint","1.5","a"]')
      ]) {
        expect(yield* refused(ReadModel.cursor(text))).toContain("it is no cursor")
      }
      const other = encodeURIComponent('["tasks","size","asc","number",1,"a"]')
      expect(yield* refused(ReadModel.cursor(other))).toContain("changed on its way")
      expect(yield* refused(ReadModel.cursor(next.replace("tasks", "other")))).toContain('it is one of "other"')
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect.each([
    [{ orderBy: "nope" }, 'there is no order by "nope"; the indexed fields are title, size, due'],
    [{ where: { nope: 1 } }, '"nope" cannot be filtered by'],
    [{ where: { size: { greater: 1n } } }, '"size" has the operator "greater"'],
    [{ where: { size: { in: [1n], gt: 2n } } }, '"size" has "in" beside a range'],
    [{ where: { size: { in: 1n } } }, '"in" of "size" is no array'],
    [{ where: null }, '"where" is no object'],
    [{ where: { size: { gt: null } } }, '"size" is compared with null, which is no bigint'],
    [{ where: { size: 1 } }, '"size" is compared with 1, which is no bigint'],
    [{ where: { due: "today" } }, '"due" is compared with today, which is no instant'],
    [{ orderBy: ["size"] }, 'there is no order by ["size"]'],
    [{ after: null }, 'the cursor in "after" is no text'],
    [{ direction: "ascending" }, 'the direction is "ascending"'],
    [{ limit: Number.NaN }, "the limit is NaN"]
  ])("refuses options that the types would not let through, %#", ([options, problem]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ReadModel.list(Tasks, options as never))
      expect(error._tag).toBe("InvalidQuery")
      expect(error.message).toContain(problem)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("takes limits from 1 to 1000", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 1100 }, (_, n) => n),
        (n) => put(`k${n}`, n)
      )
      const count = (limit?: number) =>
        Effect.map(ReadModel.list(Tasks, limit === undefined ? {} : { limit }), (page) => page.rows.length)
      expect(yield* Effect.forEach([undefined, 0, -5, 1, 1000, 5000], count)).toEqual([100, 1, 1, 1, 1000, 1000])
    }).pipe(Effect.provide(Memory.layer))
  )
})

it.effect("a row that no longer decodes is a typed error that names it", () =>
  Effect.gen(function* () {
    const store = yield* ReadModelStore
    yield* store.apply(Tasks.table, [{ key: "x", position: Position.make(1), row: '{"title":1}', index: {} }])
    const queries = [Effect.asVoid(ReadModel.get(Tasks, "x")), Effect.asVoid(ReadModel.list(Tasks))]
    for (const query of queries) {
      const error = yield* Effect.flip(query)
      expect(error._tag === "ReadModelStoreError" && error.reason).toMatchObject({
        _tag: "UndecodableRow",
        projection: "tasks",
        key: "x"
      })
    }
  }).pipe(Effect.provide(Memory.layer))
)
