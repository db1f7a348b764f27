// Lists come from a copy in memory: it is never older than what was written before the list was asked for.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EncodedRow } from "evolvent/ReadModelStore"
import { cp, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, vi } from "vitest"
import { everything, gone, keep, layoutOf, row, shown, tableOf } from "./support/keeping.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })
const layout = layoutOf("copies")
const keeping = keep(server.url, layout)

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

/** What a list lacks of what was acknowledged before it began. */
const lacking = (rows: ReadonlyArray<EncodedRow>, known: ReadonlyMap<string, number>): ReadonlyArray<string> => {
  const found = new Map(rows.map(({ key, position }) => [key, Number(position)]))
  return [...known].flatMap(([key, position]) =>
    (found.get(key) ?? -1) >= position ? [] : [`${key} @${position}: ${found.get(key) ?? "none"}`]
  )
}

it(
  "has every write that was acknowledged, also where it is built while others overwrite rows all the time",
  () =>
    run(
      Effect.gen(function* () {
        const [one, two] = [(yield* keeping).rows, (yield* keeping).rows]
        const table = tableOf()
        const known = new Map<string, number>()
        let position = 0
        const writers = { areDone: false }
        const write = (rows: typeof one, of: string) =>
          Effect.gen(function* () {
            while (!writers.areDone) {
              position += 1
              const at = position
              const keys = Array.from({ length: 20 }, () => `${of} ${Math.floor(Math.random() * 400)}`)
              const distinct = [...new Set(keys)]
              yield* rows.apply(
                table,
                distinct.map((key) => row(key, at))
              )
              for (const key of distinct) known.set(key, Math.max(known.get(key) ?? 0, at))
            }
          })
        const problems: Array<string> = []
        let lists = 0
        const look = (rows: typeof one) =>
          Effect.gen(function* () {
            const before = new Map(known)
            const found = yield* rows.list(table, everything)
            problems.push(...lacking(found, before))
            lists += 1
          })
        const follow = Effect.gen(function* () {
          const lasting = (yield* keeping).rows
          for (let i = 0; i < 15; i++) {
            // Now and then by a copy that has to be built.
            yield* Effect.scoped(Effect.flatMap(keeping, ({ rows }) => Effect.andThen(look(rows), look(rows))))
            for (let j = 0; j < 20; j++) yield* look(lasting)
          }
        })
        yield* Effect.all(
          [
            write(one, "one"),
            write(two, "two"),
            Effect.ensuring(
              follow,
              Effect.sync(() => (writers.areDone = true))
            )
          ],
          { concurrency: "unbounded" }
        )
        expect(problems).toEqual([])
        expect(lists).toBe(330)
        yield* look(one)
        expect(problems).toEqual([])
      })
    ),
  60_000
)

it("is not there for tables that have no rows, and forgets those that were removed or dropped", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [(yield* keeping).rows, (yield* keeping).rows]
      const table = tableOf()
      expect(yield* two.list(table, everything)).toEqual([])
      yield* one.apply(table, [row("a", 1), row("b", 1)])
      expect(shown(yield* two.list(table, everything))).toEqual(["a @1", "b @1"])
      yield* one.apply(table, [gone("a", 2)])
      expect(shown(yield* two.list(table, everything))).toEqual(["b @1"])
      yield* one.drop(table)
      yield* one.apply(table, [row("c", 1)])
      expect(shown(yield* two.list(table, everything))).toEqual(["c @1"])
      expect(shown(yield* (yield* keeping).rows.list(table, everything))).toEqual(["c @1"])
    })
  ))

it("refuses a table with more rows than it may hold, and lists it again when there are less", () =>
  run(
    Effect.gen(function* () {
      const { rows } = yield* keep(server.url, layout, { maxListedRows: 5 })
      const table = tableOf()
      const batch = Array.from({ length: 8 }, (_, i) => row(`k${i}`, 1))
      // Removed rows are none.
      yield* rows.apply(table, [...batch.slice(0, 5), ...[1, 2, 3].map((i) => gone(`gone ${i}`, 1))])
      expect(yield* rows.list(table, everything)).toHaveLength(5)
      yield* rows.apply(table, batch)
      const error = yield* Effect.flip(rows.list(table, { ...everything, limit: 1 }))
      expect(error.reason).toMatchObject({ _tag: "ReadModelTooLarge", projection: table.name, maxRows: 5 })
      expect(error.isRetryable).toBe(false)
      expect(yield* rows.get(table, ["k7"])).toHaveLength(1)
      yield* rows.apply(
        table,
        batch.slice(3).map(({ key }) => gone(key, 2))
      )
      const now = performance.now.bind(performance)
      const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 11_000)
      const found = yield* Effect.ensuring(
        rows.list(table, everything),
        Effect.sync(() => clock.mockRestore())
      )
      expect(shown(found)).toEqual(["k0 @1", "k1 @1", "k2 @1"])
    })
  ))

it("is given up some time after the last list, with its consumer", () =>
  run(
    Effect.gen(function* () {
      const mine = layoutOf("idle")
      const { jetstream, rows } = yield* keep(server.url, mine, { keepCopies: "100 millis" })
      const consumers = Effect.map(
        jetstream.api<{ readonly total: number }>(`CONSUMER.NAMES.${mine.rows.name}`),
        ({ total }) => total
      )
      const table = tableOf()
      yield* rows.apply(table, [row("a", 1)])
      yield* rows.list(table, everything)
      expect(yield* consumers).toBe(1)
      for (let i = 0; i < 50 && (yield* consumers) > 0; i++) yield* Effect.sleep("50 millis")
      expect(yield* consumers).toBe(0)
      expect(shown(yield* rows.list(table, everything))).toEqual(["a @1"])
    })
  ))

it(
  "goes on where the server was killed and came back, and lacks nothing that was acknowledged",
  () =>
    run(
      Effect.gen(function* () {
        const [writer, lister] = [(yield* keeping).rows, (yield* keeping).rows]
        const table = tableOf()
        const known = new Map<string, number>()
        let position = 0
        const writers = { areDone: false }
        const write = Effect.gen(function* () {
          while (!writers.areDone) {
            position += 1
            const [key, at] = [`k${position % 50}`, position]
            yield* writer.apply(table, [row(key, at)])
            known.set(key, at)
          }
        })
        const problems: Array<string> = []
        const look = Effect.gen(function* () {
          const before = new Map(known)
          problems.push(...lacking(yield* lister.list(table, everything), before))
        })
        const looks = Effect.gen(function* () {
          while (!writers.areDone) yield* look
        })
        const crash = Effect.gen(function* () {
          for (let i = 0; i < 2; i++) {
            yield* Effect.sleep("700 millis")
            yield* server.kill
            yield* Effect.sleep("500 millis")
            yield* server.start
          }
          yield* Effect.sleep("700 millis")
          writers.areDone = true
        })
        yield* Effect.all([write, looks, crash], { concurrency: "unbounded" })
        expect(position).toBeGreaterThan(100)
        expect(problems).toEqual([])
        yield* look
        expect(problems).toEqual([])
      })
    ),
  60_000
)

it("is made anew where the server comes back with less than it had, and draws the same numbers again", () =>
  run(
    Effect.gen(function* () {
      const directory = yield* Effect.promise(() => mkdtemp(join(tmpdir(), "evolvent-copy-")))
      yield* Effect.addFinalizer(() => Effect.promise(() => rm(directory, { recursive: true, force: true })))
      const [data, kept] = [join(directory, "server"), join(directory, "kept")]
      const other = yield* NatsServer.make({ directory: data, version: process.env["NATS_VERSION"] })
      const [lister, writer] = [yield* keep(other.url, layout), yield* keep(other.url, layout)]
      const table = tableOf()
      yield* writer.rows.apply(table, [row("a", 1)])
      yield* other.stop
      yield* Effect.promise(() => cp(join(data, "jetstream"), kept, { recursive: true }))
      yield* other.start
      yield* writer.rows.apply(table, [row("a", 2), row("lost", 2)])
      expect(shown(yield* lister.rows.list(table, everything))).toEqual(["a @2", "lost @2"])
      yield* other.kill
      yield* Effect.promise(() => rm(join(data, "jetstream"), { recursive: true }))
      yield* Effect.promise(() => cp(kept, join(data, "jetstream"), { recursive: true }))
      yield* other.start
      yield* writer.rows.apply(table, [row("b", 1)])
      expect(shown(yield* lister.rows.list(table, everything))).toEqual(["a @1", "b @1"])
      yield* writer.rows.apply(table, [row("a", 3)])
      expect(shown(yield* lister.rows.list(table, everything))).toEqual(["a @3", "b @1"])
    })
  ))
