// Several documents at once, by many at the same time and beside others; deaths and lost answers are in laws/Commits.ts.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Json } from "effect/Schema"
import type { Move } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { afterEach, expect, it } from "vitest"
import * as Transaction from "../src/internal/transaction.ts"
import { join, layoutOf } from "./support/checkpointing.ts"
import type { Joined } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const layout = layoutOf("all")
const at = Position.make

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

let number = 0
let base = "switch 0"
afterEach(() => {
  base = `switch ${++number}`
})

const tablesOf = (name: string) => `tables.${name.replaceAll(" ", "_")}`

/** What a rebuild's switch does: checkpoints of two names, each with slots of its own, and an exchange beside them. */
const names = (name: string) => [`live ${name}/0`, `live ${name}/1`, `next ${name}/0`, `next ${name}/switch`]
const moves = (name: string, from: number): ReadonlyArray<Move> =>
  names(name).map((one) => ({ name: one, from: at(from), to: at(from + 1) }))
const exchanged = (value: Json | undefined): Json =>
  Array.isArray(value) ? [value[1] ?? 0, value[0] ?? 0] : ["b", "a"]
const change = ({ documents, store }: Joined, name: string, from = 0) =>
  store.transact(moves(name, from), Transaction.change(documents, tablesOf(name), exchanged))

/** How often it happened, as each of the documents tells. */
const found = ({ documents, store }: Joined, name: string) =>
  Effect.gen(function* () {
    const positions = (yield* store.loadAll(names(name))).map(({ position }): number => position)
    const { value } = yield* documents.read(tablesOf(name))
    return [...positions, value === undefined ? 0 : Array.isArray(value) && value[0] === "b" ? 1 : 2]
  })

it("leaves nothing behind but the documents", () =>
  run(
    Effect.gen(function* () {
      const alone = layoutOf("alone")
      const one = yield* join(server.url, alone)
      for (const round of [0, 1, 2]) yield* change(one, base, round)
      // Nobody waits for the end of the verdicts.
      const messages = Effect.map(one.jetstream.info(alone.checkpoints.name), (info) => info?.state.messages)
      yield* Effect.repeat(messages, {
        until: (count) => count === 3,
        times: 100,
        schedule: Schedule.spaced("20 millis")
      })
      expect(yield* messages).toBe(3)
    })
  ))

it("is made once by each of those who make it at the same time", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* Effect.forEach([1, 2, 3], () => join(server.url, layout))
      const rounds = 12
      // Each begins where it finds it, again and again until it was the one.
      const once = (one: Joined): Effect.Effect<void, unknown> =>
        Effect.gen(function* () {
          const [from = 0] = yield* found(one, base)
          yield* Effect.catchTag(change(one, base, from), "CheckpointMoved", () => once(one))
        })
      const all = joined.flatMap((one) => [one, one])
      yield* Effect.forEach(all, (one) => Effect.replicateEffect(once(one), rounds / 2), { concurrency: "unbounded" })
      const total = (rounds / 2) * all.length
      const [first] = joined
      if (first === undefined) return
      expect(yield* first.store.loadAll(names(base))).toMatchObject(names(base).map(() => ({ position: total })))
      expect((yield* first.documents.read(tablesOf(base))).value).toEqual(["a", "b"])
    })
  ))

it("changes beside a transaction are made at once, and in one that fails not at all", () =>
  run(
    Effect.gen(function* () {
      const one = yield* join(server.url, layout)
      const key = tablesOf(base)
      const edit = Transaction.change(one.documents, key, exchanged)
      yield* edit
      expect((yield* one.documents.read(key)).value).toEqual(["b", "a"])
      yield* Effect.exit(one.store.transact(moves(base, 0), Effect.andThen(edit, Effect.fail("no"))))
      yield* Effect.exit(one.store.transact(moves(base, 5), edit))
      expect((yield* one.documents.read(key)).value).toEqual(["b", "a"])
      // Two changes of one document in one transaction, and one of a fiber that outlives it.
      const late = yield* Latch.make()
      const outliving = yield* Effect.scoped(
        Effect.gen(function* () {
          let fiber: Fiber.Fiber<void, unknown> | undefined
          const writes = Effect.gen(function* () {
            yield* edit
            yield* edit
            fiber = yield* Effect.forkDetach(Effect.andThen(late.await, edit))
          })
          yield* one.store.transact(moves(base, 0), writes)
          return fiber
        })
      )
      expect((yield* one.documents.read(key)).value).toEqual(["b", "a"])
      yield* late.open
      if (outliving !== undefined) yield* Fiber.join(outliving)
      expect((yield* one.documents.read(key)).value).toEqual(["a", "b"])
    })
  ))
