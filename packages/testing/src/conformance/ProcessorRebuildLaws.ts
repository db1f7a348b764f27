// The laws of rebuilding (15): new rows are made beside the old ones, take their place at once, and nobody reads a mixture.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import { counts, equalsFold, often, rowsOf, write } from "./Counts.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { refusing } from "./ProcessorRebuildRefusedLaws.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

const rebuilt = law(
  "Processor 15.1 a rebuild under writes ends at the fold, and until then, and through the switch, the old rows are read",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    const first = yield* write(account, 300)
    const running = yield* Running.start(Processor.projection(projection), { partitions: 2, lease: "400 millis" })
    yield* waitFor(projection, first)
    // What was made before has 1 in it, what is made from here on 2: by the rebuild, and by nobody else.
    yield* running.kill
    times = 2
    let wrong: ReadonlyArray<unknown> = []
    let reads = 0
    const isRead = yield* Latch.make()
    const reading = yield* Effect.forkScoped(
      Effect.forever(
        Effect.gen(function* () {
          const rows = yield* rowsOf(projection)
          const by = new Set(rows.map(([, , by]) => by))
          if (rows.length !== 3 || by.size !== 1) wrong = rows
          reads += 1
          if (reads === 10) yield* isRead.open
          yield* Effect.sleep(1)
        })
      )
    )
    const writing = yield* Effect.forkScoped(
      Effect.forEach(Fresh.range(10), (i) => Effect.andThen(write(account, 9, 301 + 9 * i), Effect.sleep(2)), {
        discard: true
      })
    )
    // However fast the machine is, somebody reads in the middle of it.
    const progress = yield* Stream.runCollect(rebuild(projection, often)).pipe(
      Effect.updateService(ReadModelStore, (rows) => ({
        ...rows,
        apply: (table, some) => Effect.andThen(isRead.await, rows.apply(table, some))
      }))
    )
    yield* Fiber.join(writing)
    yield* Running.start(Processor.projection(projection), { partitions: 3, lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 3, 391))
    yield* Fiber.interrupt(reading)
    const did = "rebuilt a read model while others wrote and read"
    yield* equalsFold(did, projection)
    yield* Check.equal(`${did}: what a reader saw that was neither the old nor the new rows`, wrong, [])
    const done = progress.map((one) => one.done)
    yield* Check.equal(
      `${did}: how far it was, in order`,
      done,
      done.toSorted((a, b) => a - b)
    )
    yield* Check.equal(`${did}: how it ended`, progress.at(-1)?.phase, "done")
    const over = progress.filter((one) => one.done > one.total)
    yield* Check.equal(`${did}: what was more than all`, over, [])
  })
)

const beside = law(
  "Processor 15.2 whoever keeps the rows meanwhile lets go for the switch, and goes on with the new ones",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    for (const partitions of [1, 4]) {
      yield* Running.start(Processor.projection(projection), { partitions, lease: "400 millis" })
    }
    yield* waitFor(projection, yield* write(account, 90))
    for (const i of Fresh.range(3)) {
      const did = `rebuilt it ${i + 1} times while two runners kept it`
      // Those who keep the rows go over to this one, too, in the middle: only a rebuild makes all of them by it.
      times = 2 + i
      const writing = yield* Effect.forkScoped(write(account, 60, 91 + 120 * i))
      const progress = yield* Stream.runCollect(rebuild(projection, often))
      yield* Check.equal(`${did}: how it ended`, progress.at(-1)?.phase, "done")
      yield* Fiber.join(writing)
      yield* waitFor(projection, yield* write(account, 60, 151 + 120 * i))
      yield* equalsFold(did, projection)
    }
  })
)

const resumed = law(
  "Processor 15.3 a rebuild that was killed goes on where it was, and ends at the fold",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 1200))
    times = 2
    const rows = yield* ReadModelStore
    // Slow enough to be killed half-way.
    const slow = ReadModelStore.of({
      ...rows,
      apply: (table, some) => Effect.andThen(Effect.sleep("15 millis"), rows.apply(table, some))
    })
    const slowly = Stream.provideService(rebuild(projection, often), ReadModelStore, slow)
    const began: Array<number> = []
    let reached = 0
    for (const i of Fresh.range(2)) {
      yield* Stream.runForEachWhile(slowly, ({ done }) =>
        Effect.sync(() => {
          began[i] ??= done
          const goesOn = done <= reached
          reached = Math.max(reached, done)
          return goesOn
        })
      )
    }
    yield* Stream.runDrain(rebuild(projection, often))
    const did = "killed a rebuild and began it again"
    yield* waitFor(projection, yield* write(account, 3, 1201))
    yield* equalsFold(did, projection)
    yield* Check.holds(`${did}: where each began`, "the second not at the beginning", (began[1] ?? 0) > 0, began)
  })
)

const cancelled = law(
  "Processor 15.4 a rebuild that is cancelled leaves what is read as it was, and the next begins anew",
  Effect.gen(function* () {
    const { cancelRebuild, dropPrevious, rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    const running = yield* Running.start(Processor.projection(projection))
    yield* waitFor(projection, yield* write(account, 30))
    yield* running.kill
    times = 2
    const rows = yield* ReadModelStore
    // All rows are made when it is cancelled, and the switch is begun.
    const held = Stream.provideService(rebuild(projection, often), ReadModelStore, {
      ...rows,
      swap: () => Effect.never
    })
    yield* Stream.runDrain(Stream.takeUntil(held, ({ phase }) => phase === "switching"))
    yield* cancelRebuild(projection)
    const by = Effect.map(rowsOf(projection), (rows) => rows.map(([, , by]) => by))
    yield* Check.equal("began a rebuild and cancelled it: by what the rows are made", yield* by, [1, 1, 1])
    times = 3
    yield* Stream.runDrain(rebuild(projection, often))
    yield* equalsFold("rebuilt it after that", projection)
    yield* dropPrevious(projection)
    yield* dropPrevious(projection)
    yield* equalsFold("dropped what was before", projection)
  })
)

const unparked = law(
  "Processor 15.6 what was parked is in the rebuilt rows, and its keys go on",
  Effect.gen(function* () {
    const { parked, rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    const bad = new Set([4])
    const projection = counts(account, yield* Fresh.name("counts"), () => 1, bad)
    yield* Running.start(Processor.projection(projection), { onFailure: "park", lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 12))
    const before = yield* parked(projection)
    yield* Check.equal("refused 4 of 1 to 12: how many are parked", before.length, 3)
    bad.clear()
    yield* Stream.runDrain(rebuild(projection, often))
    const did = "mended it and rebuilt it"
    yield* Check.equal(`${did}: how many are parked`, (yield* parked(projection)).length, 0)
    yield* waitFor(projection, yield* write(account, 6, 13))
    yield* equalsFold(did, projection)
  })
)

const twice = law(
  "Processor 15.8 two processes that rebuild the same read model at once share the work, and both see it done",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 600))
    times = 2
    const one = Stream.runCollect(rebuild(projection, { ...often, partitions: 4 }))
    const both = yield* Effect.all([Effect.result(one), Effect.result(one)], { concurrency: 2 })
    const ends = both.map((end) => (end._tag === "Success" ? end.success.at(-1)?.phase : end.failure._tag))
    yield* Check.equal("rebuilt it twice at once: how they ended", ends, ["done", "done"])
    yield* waitFor(projection, yield* write(account, 3, 601))
    yield* equalsFold("rebuilt it twice at once", projection)
  })
)

/** The laws of rebuilding. */
export const rebuilding: ReadonlyArray<Law<Services>> = [
  rebuilt,
  beside,
  resumed,
  cancelled,
  unparked,
  twice,
  ...refusing
]
