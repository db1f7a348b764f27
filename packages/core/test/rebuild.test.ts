// Rebuilds that do not come to their end, and what comes to an end beside them: what is read is right all the time.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore, make as makeCheckpoints } from "../src/CheckpointStore.ts"
import { EventStore } from "../src/EventStore.ts"
import { holdAll } from "../src/internal/holdAll.ts"
import { namesOf } from "../src/internal/slots.ts"
import * as Memory from "../src/Memory.ts"
import type { Position } from "../src/Position.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as ReadModel from "../src/ReadModel.ts"
import { ReadModelStore } from "../src/ReadModelStore.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({ decide: { Add: ({ by }) => [{ _tag: "Added", by }] }, evolve: { Added: (total, { by }) => total + by } })

const add = (id: string, by: number) =>
  Effect.map(Aggregate.execute(Counter, id, { _tag: "Add", by }), ({ position }) => position)

/** Rows that show whether a rebuild made them: that counts everything ten times. */
const totals = (times: () => number) =>
  Projection.make("totals", { from: [Counter], row: Schema.Struct({ total: Schema.Int }), initial: { total: 0 } })({
    evolve: { Added: ({ total }, { by }) => ({ total: total + by * times() }) }
  })

const Totals = totals(() => 1)
const Tenfold = totals(() => 10)

/** The same read model by another definition. */
const Newer = Projection.make("totals", {
  from: [Counter],
  row: Schema.Struct({ total: Schema.Int, count: Schema.Int }),
  initial: { total: 0, count: 0 }
})({ evolve: { Added: ({ count, total }, { by }) => ({ total: total + by, count: count + 1 }) } })

const start = <Row>(projection: Projection.Projection<"totals", Row, never>) =>
  Effect.forkScoped(Processor.run(Processor.projection(projection)), { startImmediately: true })

const keepUntil = <Row>(projection: Projection.Projection<"totals", Row, never>, position: Position) =>
  Effect.scoped(Effect.andThen(start(projection), Processor.waitFor(projection, position)))

describe("a rebuild that is disturbed", () => {
  const disturbances = {
    "that is cancelled": Processor.cancelRebuild(Totals),
    // It is begun, and then its process dies.
    "that another one by another definition supersedes": Stream.runDrain(Stream.take(Processor.rebuild(Newer), 1))
  }
  const moments = ["while it builds", "when it is about to switch"] as const

  for (const [what, disturb] of Object.entries(disturbances)) {
    for (const moment of moments) {
      it.effect(`${what} ${moment} ends with RebuildRefused and leaves what is read as it was`, () =>
        Effect.gen(function* () {
          const checkpoints = yield* CheckpointStore
          const rows = yield* ReadModelStore
          for (const id of ["a", "b", "c"]) yield* add(id, 1)
          yield* start(Totals)
          yield* Processor.waitFor(Totals, yield* add("d", 1))
          let isDisturbed = false
          const once = Effect.suspend(() => {
            if (isDisturbed) return Effect.void
            isDisturbed = true
            return Effect.orDie(
              disturb.pipe(
                Effect.provideService(CheckpointStore, checkpoints),
                Effect.provideService(ReadModelStore, rows)
              )
            )
          })
          const rebuilding = Stream.runDrain(Processor.rebuild(Tenfold)).pipe(
            moment === "while it builds"
              ? Effect.provideService(ReadModelStore, {
                  ...rows,
                  get: (table, keys) =>
                    table.name === Totals.table.name
                      ? rows.get(table, keys)
                      : Effect.andThen(once, rows.get(table, keys))
                })
              : Effect.provideService(CheckpointStore, {
                  ...checkpoints,
                  // Who wants all of the work for itself is about to switch.
                  attend: (name, member, duration) =>
                    Effect.andThen(
                      member.partitions === 0 ? once : Effect.void,
                      checkpoints.attend(name, member, duration)
                    )
                })
          )
          const refused = yield* Effect.flip(rebuilding)
          expect(isDisturbed).toBe(true)
          expect(refused).toBeInstanceOf(Processor.RebuildRefused)
          expect(refused.message).toContain("was given up by somebody")
          for (const id of ["a", "b", "c", "d"]) expect(yield* ReadModel.get(Totals, id)).toEqual({ total: 1 })
          yield* Processor.waitFor(Totals, yield* add("a", 2))
          expect(yield* ReadModel.get(Totals, "a")).toEqual({ total: 3 })
        }).pipe(Effect.provide(Memory.layer))
      )
    }
  }

  it.effect(
    "by dying between its switch and its record leaves the new definition admitted, and the next one is right",
    () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        yield* keepUntil(Totals, yield* add("a", 1))
        const dies: typeof store = {
          ...store,
          append: (...call) =>
            call[1][0]?.type === "RebuildSwitched" ? Effect.die(new Error("killed")) : store.append(...call)
        }
        const died = yield* Effect.exit(
          Effect.provideService(Stream.runDrain(Processor.rebuild(Newer)), EventStore, dies)
        )
        expect(Exit.isFailure(died) && Exit.hasDies(died)).toBe(true)
        yield* keepUntil(Newer, yield* add("a", 2))
        expect(yield* ReadModel.get(Newer, "a")).toEqual({ total: 3, count: 2 })
        // Somebody begins another rebuild, which dies as well.
        yield* Stream.runDrain(Stream.take(Processor.rebuild(Newer), 1))
        yield* keepUntil(Newer, yield* add("a", 4))
        const stopped = yield* Effect.flip(Processor.run(Processor.projection(Totals)))
        expect(stopped.problem).toContain("were made by another definition")
        yield* Stream.runDrain(Processor.rebuild(Newer))
        expect(yield* ReadModel.get(Newer, "a")).toEqual({ total: 7, count: 3 })
        yield* keepUntil(Newer, yield* add("b", 8))
        expect(yield* ReadModel.get(Newer, "b")).toEqual({ total: 8, count: 1 })
      }).pipe(Effect.provide(Memory.layer))
  )
})

it.live("a read model that is retired stays gone: whoever kept it stops and says so", () =>
  Effect.gen(function* () {
    const first = yield* add("a", 1)
    const running = yield* start(Totals)
    yield* Processor.waitFor(Totals, first)
    yield* Processor.retire(Totals)
    const next = yield* add("a", 2)
    const stopped = yield* Effect.timeoutOption(Effect.flip(Fiber.join(running)), "3 seconds")
    expect(stopped).toMatchObject({ value: { problem: expect.stringContaining("was given up") } })
    expect((yield* Effect.flip(Processor.waitFor(Totals, next)))._tag).toBe("ProcessorStopped")
    expect(yield* ReadModel.get(Totals, "a")).toBeUndefined()
  }).pipe(Effect.scoped, Effect.provide(Memory.layer))
)

it.effect("two that want all of the work for themselves, and each get a part of it, both come to their end", () =>
  Effect.gen(function* () {
    const { checkpointStore } = Memory.drivers()
    // Of three processes, which do not see at once what the others do.
    const [other, one, two] = [
      makeCheckpoints(checkpointStore),
      makeCheckpoints(checkpointStore),
      makeCheckpoints(checkpointStore)
    ] as const
    const names = namesOf("projection/x@1")
    const first = yield* other.acquireAll(names.slice(0, 8), "first", "10 seconds")
    const second = yield* other.acquireAll(names.slice(8), "second", "10 seconds")
    const hold = (checkpoints: CheckpointStore["Service"], name: string) =>
      Effect.forkChild(Effect.result(holdAll(checkpoints, "projection/x@1", "5 seconds", () => Effect.succeed(name))), {
        startImmediately: true
      })
    const fibers = [yield* hold(one, "one")]
    yield* TestClock.adjust("60 millis")
    yield* other.release(first)
    yield* TestClock.adjust("90 millis")
    fibers.push(yield* hold(two, "two"))
    yield* TestClock.adjust("70 millis")
    yield* other.release(second)
    for (let i = 0; i < 60; i++) yield* TestClock.adjust("100 millis")
    const ended = yield* Effect.forEach(fibers, Fiber.join)
    expect(ended).toEqual([Result.succeed("one"), Result.succeed("two")])
  })
)

describe("an event that was parked and dropped", () => {
  const Picky = Projection.make("picky", {
    from: [Counter],
    row: Schema.Struct({ total: Schema.Int }),
    initial: { total: 0 }
  })({
    evolve: {
      Added: ({ total }, { by }) => {
        if (by === 13) throw new Error("thirteen")
        return { total: total + by }
      }
    }
  })

  const remakes = {
    "a rebuild": Stream.runDrain(Processor.rebuild(Picky)),
    rebuildRows: Effect.asVoid(Processor.rebuildRows(Picky, ["a"]))
  }
  for (const [name, remake] of Object.entries(remakes)) {
    it.effect(`does not keep ${name} from its end, and is no part of the rows`, () =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(Processor.run(Processor.projection(Picky), { onFailure: "park" }))
        yield* add("a", 1)
        yield* Effect.flip(Processor.waitFor(Picky, yield* add("a", 13)))
        const [parked] = yield* Processor.parked(Picky)
        if (parked === undefined) return expect.fail("nothing was parked")
        yield* Processor.drop(Picky, parked.eventId)
        yield* Processor.waitFor(Picky, yield* add("a", 2))
        yield* remake
        expect(yield* ReadModel.get(Picky, "a")).toEqual({ total: 3 })
        yield* Processor.waitFor(Picky, yield* add("a", 4))
        expect(yield* ReadModel.get(Picky, "a")).toEqual({ total: 7 })
      }).pipe(Effect.provide(Memory.layer))
    )
  }
})
