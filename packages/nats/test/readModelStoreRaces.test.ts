// Rows under writers that know nothing of each other: none is lowered, lost, or written to where its table is no more.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Position from "evolvent/Position"
import { expect, it } from "vitest"
import type { JetStream } from "../src/internal/jetstream.ts"
import { RequestFailed } from "../src/NatsError.ts"
import { everything, gone, keep, layoutOf, row, shown, tableOf } from "./support/keeping.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })
const layout = layoutOf("races")
const keeping = keep(server.url, layout)

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

/** Does something each time before a row is sent. */
const before = (what: Effect.Effect<unknown>) => ({
  breaking: (jetstream: JetStream): JetStream => ({
    ...jetstream,
    publish: (subject, ...rest) =>
      Effect.andThen(subject.startsWith("$KV.races_rows.") ? what : Effect.void, jetstream.publish(subject, ...rest))
  })
})

it("a writer that has not heard of others never lowers a row", () =>
  run(
    Effect.gen(function* () {
      const [slow, fast] = [(yield* keeping).rows, (yield* keeping).rows]
      const table = tableOf()
      const keys = ["a", "b", "c"]
      yield* slow.apply(table, [row("a", 1), row("b", 1), row("c", 1)])
      yield* slow.get(table, keys)
      yield* fast.apply(table, [row("a", 5), gone("b", 5), row("c", 2)])
      yield* slow.apply(table, [row("a", 3), row("b", 4), row("c", 3)])
      expect(shown(yield* fast.get(table, keys)).toSorted()).toEqual(["a @5", "b gone @5", "c @3"])
      expect(shown(yield* fast.list(table, everything))).toEqual(["a @5", "c @3"])
      expect(shown(yield* slow.list(table, everything))).toEqual(["a @5", "c @3"])
    })
  ))

it("of many writers the latest position stays, and no reader sees a row go back", () =>
  run(
    Effect.gen(function* () {
      const [one, two, reader] = [(yield* keeping).rows, (yield* keeping).rows, (yield* keeping).rows]
      const table = tableOf()
      const keys = Array.from({ length: 10 }, (_, i) => `k${i}`)
      const top = new Map<string, number>()
      const write = (rows: typeof one) =>
        Effect.suspend(() => {
          const batch = keys.map((key) => {
            const position = Math.floor(Math.random() * 100_000)
            top.set(key, Math.max(top.get(key) ?? 0, position))
            return position % 3 === 0 ? gone(key, position) : row(key, position)
          })
          return rows.apply(table, batch)
        })
      const writing = [one, two].flatMap((rows) =>
        Array.from({ length: 4 }, () => Effect.repeat(write(rows), { times: 15 }))
      )
      const writers = { areDone: false }
      const last = new Map<string, number>()
      const back: Array<string> = []
      const reading = Effect.gen(function* () {
        while (!writers.areDone) {
          for (const { key, position } of yield* reader.get(table, keys)) {
            if (position < (last.get(key) ?? 0)) back.push(`${key} ${last.get(key)} -> ${position}`)
            last.set(key, position)
          }
        }
      })
      const all = Effect.ensuring(
        Effect.all(writing, { concurrency: "unbounded" }),
        Effect.sync(() => (writers.areDone = true))
      )
      yield* Effect.all([all, reading], { concurrency: 2 })
      expect(back).toEqual([])
      const found = new Map((yield* reader.get(table, keys)).map(({ key, position }) => [key, Number(position)]))
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(top))
    })
  ))

it("an answer that was lost is no conflict, and what others wrote since is not undone", () =>
  run(
    Effect.gen(function* () {
      const other = (yield* keeping).rows
      const table = tableOf()
      let sent = 0
      const { rows } = yield* keep(server.url, layout, {
        breaking: (jetstream) => ({
          ...jetstream,
          publish: (subject, ...rest) =>
            Effect.flatMap(jetstream.publish(subject, ...rest), (acknowledged) => {
              sent += 1
              if (sent > 3) return Effect.succeed(acknowledged)
              const lost = new RequestFailed({ subject, why: "TimedOut", problem: "this test lost the answer" })
              const meanwhile = sent === 2 ? Effect.orDie(other.apply(table, [row("b", 9)])) : Effect.void
              return Effect.andThen(meanwhile, Effect.fail(lost))
            })
        })
      })
      yield* rows.apply(table, [row("a", 1)])
      yield* rows.apply(table, [row("b", 2)])
      yield* rows.apply(table, [row("a", 3)])
      expect(shown(yield* other.list(table, everything))).toEqual(["a @3", "b @9"])
    })
  ))

it("a table that another process dropped takes earlier positions, whatever is remembered of its rows", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [(yield* keeping).rows, (yield* keeping).rows]
      const table = tableOf()
      yield* one.apply(table, [row("a", 9), row("b", 9)])
      expect(shown(yield* two.get(table, ["a", "b"]))).toHaveLength(2)
      expect(shown(yield* two.list(table, everything))).toEqual(["a @9", "b @9"])
      yield* one.drop(table)
      expect(shown(yield* two.list(table, everything))).toEqual([])
      yield* two.apply(table, [row("a", 1), gone("b", 1)])
      for (const rows of [one, two]) {
        expect(shown(yield* rows.list(table, everything))).toEqual(["a @1"])
        expect(shown(yield* rows.get(table, ["a", "b"])).toSorted()).toEqual(["a @1", "b gone @1"])
      }
    })
  ))

it("a swap is seen at once by whoever had read and listed before, and tables go on from there", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [(yield* keeping).rows, (yield* keeping).rows]
      const [here, there] = [tableOf("here"), tableOf("there")]
      yield* one.apply(here, [row("a", 1)])
      yield* one.apply(there, [row("a", 2), row("b", 2)])
      expect(shown(yield* two.list(here, everything))).toEqual(["a @1"])
      expect(shown(yield* two.get(here, ["a", "b"]))).toEqual(["a @1"])
      yield* one.swap(here, there)
      expect(shown(yield* two.get(here, ["a"]))).toEqual(["a @2"])
      expect(shown(yield* two.list(here, everything))).toEqual(["a @2", "b @2"])
      yield* two.apply(here, [row("b", 3)])
      expect(shown(yield* one.list(here, everything))).toEqual(["a @2", "b @3"])
      expect(shown(yield* one.list(there, everything))).toEqual(["a @1"])
      // The place that `here` had from the beginning is that of `there` now, and stays so when `there` is dropped.
      yield* one.drop(there)
      yield* one.swap(here, tableOf("empty"))
      expect(shown(yield* two.list(here, everything))).toEqual([])
      yield* two.apply(there, [row("c", 1)])
      yield* two.apply(here, [row("d", 1)])
      expect(shown(yield* one.list(there, everything))).toEqual(["c @1"])
      expect(shown(yield* one.list(here, everything))).toEqual(["d @1"])
    })
  ))

it("a rebuild that swaps and drops, again and again, mixes nothing up", () =>
  run(
    Effect.gen(function* () {
      const [{ jetstream, rows: one }, { rows: two }] = [yield* keeping, yield* keeping]
      const table = tableOf()
      yield* one.apply(table, [row("first", 1)])
      for (let i = 2; i < 8; i++) {
        const next = tableOf("next")
        yield* two.apply(next, [row(`of ${i}`, i)])
        yield* one.swap(table, next)
        yield* two.drop(next)
        for (const rows of [one, two]) {
          expect(shown(yield* rows.list(table, everything))).toEqual([`of ${i} @${i}`])
          expect(shown(yield* rows.list(next, everything))).toEqual([])
        }
      }
      // Nothing is remembered of tables that are gone.
      const places = yield* jetstream.last(layout.checkpoints.name, "$KV.races_checkpoints.rows.tables")
      expect(places?.text()).toContain(table.name)
      expect(places?.text()).not.toContain("@next")
    })
  ))

it("a swap within transact happens with its checkpoints, or not at all", () =>
  run(
    Effect.gen(function* () {
      const [{ checkpoints, rows }, other] = [yield* keeping, yield* keeping]
      const [here, there] = [tableOf("here"), tableOf("there")]
      yield* rows.apply(here, [row("a", 1)])
      yield* rows.apply(there, [row("a", 2)])
      const name = `runner ${here.name}`
      const move = (from: number, to: number) => ({ name, from: Position.make(from), to: Position.make(to) })
      const swap = rows.swap(here, there)
      yield* Effect.exit(checkpoints.transact(move(0, 1), Effect.andThen(swap, Effect.fail("no"))))
      yield* Effect.exit(checkpoints.transact(move(7, 8), swap))
      expect(shown(yield* other.rows.get(here, ["a"]))).toEqual(["a @1"])
      const within = Effect.andThen(swap, other.rows.get(here, ["a"]))
      expect(shown(yield* checkpoints.transact(move(0, 1), within))).toEqual(["a @1"])
      expect(shown(yield* other.rows.get(here, ["a"]))).toEqual(["a @2"])
      expect((yield* other.checkpoints.load(name)).position).toBe(1)
    })
  ))

it("a row that was on its way while its table was swapped is where the table is then", () =>
  run(
    Effect.gen(function* () {
      const other = (yield* keeping).rows
      const [here, there] = [tableOf("here"), tableOf("there")]
      let isDone = false
      const swap = Effect.suspend(() => {
        if (isDone) return Effect.void
        isDone = true
        return Effect.orDie(other.swap(here, there))
      })
      const { rows } = yield* keep(server.url, layout, before(swap))
      yield* other.apply(here, [row("a", 1)])
      yield* other.apply(there, [row("a", 2)])
      yield* rows.apply(here, [row("a", 3), row("b", 3)])
      expect(isDone).toBe(true)
      expect(shown(yield* other.list(here, everything))).toEqual(["a @3", "b @3"])
    })
  ))
