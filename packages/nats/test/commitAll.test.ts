// Several documents at once: all or none, wherever the process dies, whoever waits for it, whichever answer is lost.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Json } from "effect/Schema"
import type { Move } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { afterEach, describe, expect, it } from "vitest"
import * as Transaction from "../src/internal/transaction.ts"
import { dyingAt, join, layoutOf, losing, stalling } from "./support/checkpointing.ts"
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

const times = (n: number) => [n, n, n, n, n]

// Three documents that wait, the verdict, three that do not, and the verdict's end.
const writes = 8
const verdict = 4

describe("a process that dies at its write number", () => {
  const ways = Array.from({ length: writes }, (_, i) =>
    (["before it is sent", "after it was sent"] as const).map((when) => [i + 1, when] as const)
  ).flat()

  it.concurrent.each(ways)(
    "%i, %s",
    (n, when) =>
      run(
        Effect.gen(function* () {
          const name = `death ${n} ${when}`
          const { breaking, state } = dyingAt(n, when)
          const dying = yield* join(server.url, layout, { breaking })
          const other = yield* join(server.url, layout)
          const ended = yield* Effect.result(change(dying, name))
          const happened = n > verdict || (n === verdict && when === "after it was sent") ? 1 : 0
          // The verdict's end is nobody's to wait for.
          if (n < writes) expect(state.isDead).toBe(true)
          if (Result.isSuccess(ended)) expect(happened).toBe(1)
          else expect(ended.failure).toMatchObject({ _tag: "CheckpointStoreError", isRetryable: true })
          expect(yield* found(other, name)).toEqual(times(happened))
          // Nobody is kept from going on, and what was undecided stays as it was seen.
          yield* change(other, name, happened)
          expect(yield* found(other, name)).toEqual(times(happened + 1))
        })
      ),
    20_000
  )
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

it("moves none where one of them stands elsewhere", () =>
  run(
    Effect.gen(function* () {
      const [one, other] = [yield* join(server.url, layout), yield* join(server.url, layout)]
      yield* change(one, base)
      const [, second = ""] = names(base)
      yield* other.store.advance({ name: second, from: at(1), to: at(2) })
      expect(yield* Effect.flip(change(one, base, 1))).toMatchObject({
        _tag: "CheckpointMoved",
        name: second,
        actual: 2
      })
      expect(yield* found(one, base)).toEqual([1, 2, 1, 1, 1])
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

it("is made once though the answer to every one of its writes is lost once", () =>
  run(
    Effect.gen(function* () {
      const lost = new Map<string, number>()
      const lose = (subject: string) => {
        const count = (lost.get(subject) ?? 0) + 1
        lost.set(subject, count)
        return count % 2 === 1
      }
      const one = yield* join(server.url, layout, { breaking: losing(lose) })
      const other = yield* join(server.url, layout)
      for (const round of [0, 1, 2]) {
        yield* change(one, base, round)
        expect((yield* found(other, base)).slice(0, 4)).toEqual(times(round + 1).slice(0, 4))
      }
      expect((yield* other.documents.read(tablesOf(base))).value).toEqual(["b", "a"])
    })
  ))

it(
  "is decided against where it takes too long, and then begins anew",
  () =>
    run(
      Effect.gen(function* () {
        const gate = yield* Latch.make()
        const reached = yield* Latch.make()
        let isFirst = true
        const stall = (subject: string) =>
          Effect.suspend(() => {
            if (!subject.includes(".tx.") || !isFirst) return Effect.void
            isFirst = false
            return Effect.andThen(reached.open, gate.await)
          })
        const slow = yield* join(server.url, layout, { breaking: stalling(stall) })
        const other = yield* join(server.url, layout)
        const moving = yield* Effect.forkScoped(Effect.flip(change(slow, base)))
        yield* reached.await
        // Undecided: it has not happened for whoever reads.
        expect(yield* found(other, base)).toEqual(times(0))
        const [first = ""] = names(base)
        const since = performance.now()
        yield* other.store.advance({ name: first, from: at(0), to: at(7) })
        expect(performance.now() - since).toBeGreaterThan(1900)
        yield* gate.open
        expect(yield* Fiber.join(moving)).toMatchObject({ _tag: "CheckpointMoved", actual: 7 })
        expect(yield* found(other, base)).toEqual([7, 0, 0, 0, 0])
      })
    ),
  20_000
)

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
