// Leases and members on NATS, between stores on connections of their own: no server's clock, nobody's word but what is seen.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Lease, Move } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import { afterEach, describe, expect, it } from "vitest"
import { join, layoutOf } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const layout = layoutOf("leases")
const at = Position.make

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))
const joined = Effect.map(join(server.url, layout), ({ store }) => store)

let number = 0
let name = "runner 0"
afterEach(() => {
  name = `runner ${++number}`
})

const range = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
const shuffled = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> =>
  list
    .map((value) => ({ value, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ value }) => value)

const moves = (leases: ReadonlyArray<Lease>, from: number, to: number): ReadonlyArray<Move> =>
  leases.map((lease) => ({ name: lease.name, from: at(from), to: at(to), lease }))

/** Looks again and again; says after how many milliseconds it was so. */
const waitUntil = <E>(since: number, look: Effect.Effect<boolean, E>): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    while (!(yield* look)) yield* Effect.sleep(20)
    return performance.now() - since
  })

describe("of two stores", () => {
  it("each lease has one holder, whoever asks for which in which order", () =>
    run(
      Effect.gen(function* () {
        const [one, two] = [yield* joined, yield* joined]
        const names = [...Processor.slotNames(name), ...range(4).map((i) => `${name} other ${i}`)]
        for (let round = 0; round < 30; round++) {
          const bids = [one, two, one, two].map((store, i) =>
            store.acquireAll(shuffled(names).slice(round % 8), `holder ${i}`, "1 minute")
          )
          const taken = yield* Effect.all(bids, { concurrency: "unbounded" })
          const held = taken.flat().map((lease) => lease.name)
          expect(new Set(held).size).toBe(held.length)
          const holders = yield* one.holders(names)
          for (const lease of taken.flat()) expect(holders[names.indexOf(lease.name)]).toBe(lease.holder)
          yield* Effect.forEach(taken, (leases) => two.release(shuffled(leases)), { concurrency: "unbounded" })
          expect(yield* two.holders(names)).toEqual(names.map(() => undefined))
        }
      })
    ))

  it("each moves its own slots, renews and attends, and none disturbs the other", () =>
    run(
      Effect.gen(function* () {
        const stores = [yield* joined, yield* joined, yield* joined, yield* joined]
        const names = Processor.slotNames(name)
        const rounds = 60
        const work = (i: number) =>
          Effect.gen(function* () {
            const store = stores[i]
            if (store === undefined) return
            const leases = yield* store.acquireAll(names.slice(4 * i, 4 * i + 4), `holder ${i}`, "1 minute")
            expect(leases.length).toBe(4)
            for (const round of range(rounds)) {
              yield* store.transact(moves(leases, round, round + 1), Effect.yieldNow)
              if (round % 5 === 0) yield* store.renew(leases)
              if (round % 7 === 0) yield* store.attend(name, { holder: `holder ${i}`, partitions: 4 }, "1 minute")
            }
          })
        yield* Effect.forEach(range(4), work, { concurrency: "unbounded" })
        const [first] = stores
        expect((yield* first?.loadAll(names) ?? Effect.succeed([])).map(({ position }) => position)).toEqual(
          names.map(() => rounds)
        )
      })
    ))

  it("moves all slots or none, and renews all or none", () =>
    run(
      Effect.gen(function* () {
        const [one, two] = [yield* joined, yield* joined]
        const names = Processor.slotNames(name)
        const leases = yield* one.acquireAll(names, "ada", "1 minute")
        yield* one.release(leases.slice(3, 4))
        const [taken] = yield* two.acquireAll(names, "bob", "1 minute")
        expect(taken).toMatchObject({ name: names[3], holder: "bob" })
        const lost = { _tag: "LeaseLost", name: names[3], holder: "ada" }
        for (const writes of [Effect.void, Effect.yieldNow]) {
          expect(yield* Effect.flip(one.transact(shuffled(moves(leases, 0, 9)), writes))).toMatchObject(lost)
        }
        expect(yield* Effect.flip(one.renew(leases))).toMatchObject(lost)
        expect((yield* two.loadAll(names)).every(({ position }) => position === 0)).toBe(true)
        yield* one.transact(moves(leases.toSpliced(3, 1), 0, 9), Effect.yieldNow)
        expect((yield* two.loadAll(names)).map(({ position }) => position)).toEqual(
          names.map((_, slot) => (slot === 3 ? 0 : 9))
        )
      })
    ))
})

it("writes that could not commit are not begun, and where that shows only then they commit nothing", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [yield* joined, yield* joined]
      let begun = 0
      const writes = Effect.sync(() => (begun += 1))
      const first = yield* one.acquire(name, "ada", "1 minute")
      yield* two.advance({ name, from: at(0), to: at(4) })
      expect(yield* Effect.flip(two.transact({ name, from: at(0), to: at(5) }, writes))).toMatchObject({
        _tag: "CheckpointMoved",
        actual: 4
      })
      yield* two.release(first)
      const other = yield* joined
      expect(yield* Effect.flip(other.transact(moves([first], 4, 5), writes))).toMatchObject({ _tag: "LeaseLost" })
      expect(begun).toBe(0)
      // What this one has seen last is from before.
      expect(yield* Effect.flip(one.transact(moves([first], 0, 5), writes))).toMatchObject({ _tag: "LeaseLost" })
      expect(yield* two.load(name)).toMatchObject({ position: 4 })
    })
  ))

describe("who is gone without a word", () => {
  const short = 400

  /** A store whose connection ends. */
  const mortal = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const store = yield* Effect.provideService(joined, Scope.Scope, scope)
    return { store, die: Scope.close(scope, Exit.void) }
  })

  it("loses its leases, in no less than their time and in no more than twice of it", () =>
    run(
      Effect.gen(function* () {
        const names = Processor.slotNames(name)
        const heir = yield* joined
        const { die, store } = yield* mortal
        const since = performance.now()
        const old = yield* store.acquireAll(names, "ada", short)
        yield* die
        const after = yield* waitUntil(
          since,
          Effect.map(heir.acquireAll(names, "bob", "1 minute"), ({ length }) => length === names.length)
        )
        expect(after).toBeGreaterThanOrEqual(short)
        expect(after).toBeLessThan(2 * short)
        expect(yield* Effect.flip(heir.transact(moves(old, 0, 1), Effect.yieldNow))).toMatchObject({
          _tag: "LeaseLost"
        })
      })
    ))

  it("is taken for a holder by one who has just begun to look, for one more time", () =>
    run(
      Effect.gen(function* () {
        const { die, store } = yield* mortal
        yield* store.acquireAll([name], "ada", short)
        yield* die
        yield* Effect.sleep(2 * short)
        const heir = yield* joined
        const since = performance.now()
        expect(yield* heir.acquireAll([name], "bob", "1 minute")).toEqual([])
        expect(yield* heir.holders([name])).toEqual(["ada"])
        const look = Effect.map(heir.holders([name]), ([holder]) => holder === undefined)
        const after = yield* waitUntil(since, look)
        expect(after).toBeGreaterThanOrEqual(short - 1)
        expect(after).toBeLessThan(2 * short)
        expect(yield* heir.acquireAll([name], "bob", "1 minute")).toMatchObject([{ token: 2 }])
      })
    ))

  it("takes part no more after its time, and one who goes on does", () =>
    run(
      Effect.gen(function* () {
        const { die, store } = yield* mortal
        const other = yield* joined
        const [ada, bob] = [
          { holder: "ada", partitions: 1 },
          { holder: "bob", partitions: 4 }
        ]
        expect(yield* other.attend(name, bob, "1 minute")).toEqual([bob])
        expect(yield* store.attend(name, ada, short)).toEqual([ada, bob])
        expect(yield* other.attend(name, bob, "1 minute")).toEqual([ada, bob])
        yield* Effect.sleep(short / 2)
        yield* store.attend(name, ada, short)
        const since = performance.now()
        yield* die
        const look = Effect.map(other.attend(name, bob, "1 minute"), ({ length }) => length === 1)
        const after = yield* waitUntil(since, look)
        expect(after).toBeGreaterThanOrEqual(short - 20)
        expect(after).toBeLessThan(2 * short)
      })
    ))

  it("who renews is never taken over, also by one that looks all the time", () =>
    run(
      Effect.gen(function* () {
        const [one, two] = [yield* joined, yield* joined]
        const lease = yield* one.acquire(name, "ada", short)
        const until = performance.now() + 4 * short
        const keep = Effect.gen(function* () {
          while (performance.now() < until) yield* Effect.andThen(Effect.sleep(short / 4), one.renew(lease))
        })
        const bids: Array<Lease> = []
        const bid = Effect.gen(function* () {
          while (performance.now() < until) bids.push(...(yield* two.acquireAll([name], "bob", short)))
        })
        yield* Effect.all([keep, bid], { concurrency: 2 })
        expect(bids).toEqual([])
      })
    ))
})
