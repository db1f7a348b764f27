// The checkpoint store while its server is killed, stands still, and comes back: nothing is lost, nothing counts twice.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import { expect, it } from "vitest"
import { join, layoutOf } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const layout = layoutOf("server")
const at = Position.make

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))
// In time for the test: a request that is lost takes so long.
const joined = Effect.map(join(server.url, layout, { requestTimeout: 400 }), ({ store }) => store)

/** Moves checkpoints on by one, again and again, and looks where they are when nobody knows. Counts what was moved. */
const moving = Effect.fnUntraced(function* (
  store: CheckpointStore["Service"],
  names: ReadonlyArray<string>,
  holder: string,
  isOver: () => boolean
) {
  const leases = yield* store.acquireAll(names, holder, "1 minute")
  expect(leases.length).toBe(names.length)
  const told = { moved: 0, unknown: 0 }
  let position = 0
  while (!isOver()) {
    const to = position + 1
    const moves = leases.map((lease) => ({ name: lease.name, from: at(position), to: at(to), lease }))
    const ended = yield* Effect.result(store.transact(moves, Effect.yieldNow))
    if (ended._tag === "Success") {
      told.moved += 1
      position = to
      continue
    }
    // Nobody else moves them: whatever says so is wrong.
    expect(ended.failure).toMatchObject({ _tag: "CheckpointStoreError", isRetryable: true })
    told.unknown += 1
    const found = yield* store.loadAll(names)
    const [{ position: first } = { position: -1 }] = found
    expect(found.every(({ position }) => position === first)).toBe(true)
    expect([position, to]).toContain(first)
    position = first
  }
  return { ...told, position }
})

it("is killed three times in the midst of moves", { timeout: 90_000 }, () =>
  run(
    Effect.gen(function* () {
      let isOver = false
      const workers = yield* Effect.forEach([0, 1, 2], (i) =>
        Effect.gen(function* () {
          const store = yield* joined
          // Two of them share a document, the third moves two at once.
          const shared = Processor.slotNames("shared").slice(8 * i, 8 * i + 8)
          const names = i === 2 ? ["one/0", "two/0", "two/1"] : shared
          const fiber = yield* Effect.forkScoped(moving(store, names, `worker ${i}`, () => isOver))
          return { names, fiber }
        })
      )
      for (let kill = 0; kill < 3; kill++) {
        yield* Effect.sleep(400)
        yield* server.kill
        yield* Effect.sleep(300)
        yield* server.start
      }
      yield* Effect.sleep(700)
      isOver = true
      const other = yield* joined
      for (const { fiber, names } of workers) {
        const { moved, position, unknown } = yield* Fiber.join(fiber)
        expect(moved).toBeGreaterThan(10)
        expect(position).toBeGreaterThanOrEqual(moved)
        expect(position).toBeLessThanOrEqual(moved + unknown)
        expect((yield* other.loadAll(names)).map(({ position }) => position)).toEqual(names.map(() => position))
      }
    })
  )
)

it(
  "stands still for longer than a lease: its holder goes on, unless somebody was told otherwise",
  { timeout: 60_000 },
  () =>
    run(
      Effect.gen(function* () {
        const [one, two] = [yield* joined, yield* joined]
        const lease = yield* one.acquire("still", "ada", 600)
        expect(yield* two.holders(["still"])).toEqual(["ada"])
        yield* server.pause
        const renewing = yield* Effect.forkScoped(Effect.result(one.renew(lease)))
        const bidding = yield* Effect.forkScoped(two.acquireAll(["still"], "bob", 600))
        yield* Effect.sleep(1500)
        yield* server.resume
        const [renewed, taken] = [yield* Fiber.join(renewing), yield* Fiber.join(bidding)]
        // One of the two came first; in no case both have it.
        expect(renewed._tag === "Success").toBe(taken.length === 0)
        const move = one.advance({ name: "still", from: at(0), to: at(1), lease })
        expect((yield* Effect.result(move))._tag).toBe(renewed._tag)
      })
    )
)

it("is away for longer than anybody waits: that is said, and is nothing but that", { timeout: 60_000 }, () =>
  run(
    Effect.gen(function* () {
      const store = yield* joined
      yield* store.advance({ name: "away", from: at(0), to: at(1) })
      yield* server.kill
      const since = performance.now()
      const failed = yield* Effect.flip(store.advance({ name: "away", from: at(1), to: at(2) }))
      expect(performance.now() - since).toBeGreaterThan(8000)
      expect(failed).toMatchObject({
        _tag: "CheckpointStoreError",
        operation: "CheckpointStore.transact",
        reason: { _tag: "Unavailable" },
        isRetryable: true
      })
      yield* server.start
      const { position } = yield* store.load("away")
      yield* store.advance({ name: "away", from: position, to: at(5) })
    })
  )
)
