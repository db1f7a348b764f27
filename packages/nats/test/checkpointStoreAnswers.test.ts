// Checkpoints on NATS whose answers are lost, and checkpoints of names of any shape.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Lease, Move } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import { afterEach, describe, expect, it } from "vitest"
import { join, layoutOf, losing } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const layout = layoutOf("answers")
const at = Position.make

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))
const joined = Effect.map(join(server.url, layout), ({ store }) => store)

let number = 0
let name = "runner 0"
afterEach(() => {
  name = `runner ${++number}`
})

const range = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
const moves = (leases: ReadonlyArray<Lease>, from: number, to: number): ReadonlyArray<Move> =>
  leases.map((lease) => ({ name: lease.name, from: at(from), to: at(to), lease }))

describe("where answers are lost", () => {
  /** A store each of whose writes has its answer lost once, while others write to the same document twenty times. */
  const unlucky = Effect.gen(function* () {
    const other = yield* joined
    let number = 0
    let lost = 0
    const write = Effect.suspend(() =>
      other.attend(name, { holder: `other ${number++ % 3}`, partitions: 1 }, "1 minute")
    )
    const lose = () => lost++ % 2 === 0
    const breaking = losing(lose, Effect.replicateEffect(write, 20, { discard: true }))
    const { store } = yield* join(server.url, layout, { breaking })
    return { store, other, lost: () => lost }
  })

  it("a move that was made is no conflict, and counts once", () =>
    run(
      Effect.gen(function* () {
        const { lost, other, store } = yield* unlucky
        const names = Processor.slotNames(name)
        const leases = yield* other.acquireAll(names, "ada", "1 minute")
        for (const round of range(5)) yield* store.transact(moves(leases, round, round + 1), Effect.yieldNow)
        yield* store.advance({ name, from: at(0), to: at(3) })
        expect(lost()).toBeGreaterThanOrEqual(6)
        expect((yield* other.loadAll(names)).every(({ position }) => position === 5)).toBe(true)
        expect(yield* Effect.flip(store.advance({ name, from: at(0), to: at(3) }))).toMatchObject({
          _tag: "CheckpointMoved"
        })
      })
    ))

  it("a move that was made is no conflict where its successor has moved on meanwhile", () =>
    run(
      Effect.gen(function* () {
        const other = yield* joined
        let lost = false
        const lose = () => !lost && (lost = true)
        const next = Effect.suspend(() => other.advance({ name: `${name}/1`, from: at(3), to: at(8) }))
        const { store } = yield* join(server.url, layout, { breaking: losing(lose, next) })
        yield* store.advance([0, 1].map((slot) => ({ name: `${name}/${slot}`, from: at(0), to: at(3) })))
        expect(yield* store.loadAll([`${name}/0`, `${name}/1`])).toMatchObject([{ position: 3 }, { position: 8 }])
      })
    ))

  it("leases are taken, renewed and given back", () =>
    run(
      Effect.gen(function* () {
        const { other, store } = yield* unlucky
        const [lease] = yield* store.acquireAll([name], "ada", "1 minute")
        expect(lease).toMatchObject({ name, holder: "ada" })
        if (lease === undefined) return
        yield* store.renew(lease)
        yield* other.advance({ name, from: at(0), to: at(1), lease })
        yield* store.release(lease)
        expect(yield* other.holders([name])).toEqual([undefined])
        yield* store.attend(`${name} all`, { holder: "ada", partitions: 1 }, Duration.infinity)
        yield* store.leave(`${name} all`, "ada")
        const bob = { holder: "bob", partitions: 1 }
        expect(yield* other.attend(`${name} all`, bob, Duration.infinity)).toEqual([bob])
      })
    ))
})

describe("names", () => {
  it("are apart that look alike, also to JavaScript", () =>
    run(
      Effect.gen(function* () {
        const [one, two] = [yield* joined, yield* joined]
        const ends = ["", "/", "//", "/a", "/a/b", "a", "/__proto__", "__proto__", "/constructor", "=2F", "%2F", ".a"]
        const names = [...ends.map((end) => name + end), "__proto__", "constructor/toString", "/", "//"]
        for (const [i, one_] of names.entries()) yield* one.advance({ name: one_, from: at(0), to: at(i + 1) })
        expect((yield* two.loadAll(names)).map(({ position }) => position)).toEqual(names.map((_, i) => i + 1))
        for (const holder of ["__proto__", "constructor", "\uD800", ""]) {
          const [lease] = yield* one.acquireAll([name], holder, "1 minute")
          expect(yield* two.holders([name])).toEqual([holder])
          expect(yield* two.attend(name, { holder, partitions: 2 }, "1 minute")).toEqual([{ holder, partitions: 2 }])
          yield* two.leave(name, holder)
          if (lease !== undefined) yield* two.release(lease)
        }
      })
    ))

  it("that no subject could hold are refused before anything is sent", () =>
    run(
      Effect.gen(function* () {
        const store = yield* joined
        for (const bad of ["\uD800", `a/\uD800`, "x".repeat(1800), `a/${"x".repeat(1800)}`, "ä".repeat(300)]) {
          const move = { name: bad, from: at(0), to: at(1) }
          const lease = { name: bad, holder: "ada", token: 1, duration: Duration.minutes(1) }
          const all: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
            store.load(bad),
            store.advance(move),
            store.transact(move, Effect.die("it must not run")),
            store.acquireAll([name, bad], "ada", "1 minute"),
            store.renew(lease),
            store.release(lease),
            store.holders([bad]),
            store.attend(bad, { holder: "ada", partitions: 1 }, "1 minute"),
            store.leave(bad, "ada")
          ]
          for (const one of all) {
            expect(yield* Effect.flip(one)).toMatchObject({
              _tag: "CheckpointStoreError",
              isRetryable: false,
              reason: { _tag: "InvalidRequest" }
            })
          }
        }
        expect(yield* store.holders([name])).toEqual([undefined])
      })
    ))
})
