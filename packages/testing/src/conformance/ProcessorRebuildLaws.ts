// The laws of rebuilding (15): new rows are made beside the old ones, take their place at once, and nobody reads a mixture.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** A row of each stream with the number of its events, `times` as many; the row says by which definition it was made. */
const counts = (account: Account.Account, name: string, times: () => number, bad: ReadonlySet<number> = new Set()) =>
  Projection.make(name, {
    from: [account],
    row: Schema.Struct({ count: Schema.Int, by: Schema.Int }),
    initial: { count: 0, by: 0 }
  })({
    evolve: {
      Deposited: ({ count }, { amount }) => {
        if (bad.has(amount)) throw new RangeError(`no ${amount}`)
        return { count: count + times(), by: times() }
      }
    }
  })

type Counts = ReturnType<typeof counts>

/** Deposits numbered from a number on, in turns to three streams. */
const write = Effect.fnUntraced(function* (account: Account.Account, count: number, from = 1) {
  const store = yield* EventStore
  let last = yield* store.head
  for (let n = from; n < from + count; n++) {
    const stream = StreamName.make(account.name, String(n % 3))
    last = (yield* store.append(stream, [{ type: "Deposited", data: { amount: n } }])).position
  }
  return last
})

const rowsOf = (projection: Counts) =>
  Effect.map(ReadModel.list(projection), ({ rows }) => rows.map(({ key, row }) => [key, row.count, row.by] as const))

/** The rows are those that a definition gives. */
const equalsFold = Effect.fnUntraced(function* (did: string, projection: Counts) {
  const store = yield* EventStore
  const fold = yield* Projection.fold(projection, store.read(projection.filter))
  const expected = [...fold]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { by, count }]) => [key, count, by] as const)
  yield* Check.equal(`${did}: the rows, against Projection.fold`, yield* rowsOf(projection), expected)
})

const often = { every: "10 millis" } as const

const rebuilt = law(
  "Processor 15.1 a rebuild under writes ends at the fold, and until then, and through the switch, the old rows are read",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
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
    const reading = yield* Effect.forkScoped(
      Effect.forever(
        Effect.gen(function* () {
          const rows = yield* rowsOf(projection)
          const by = new Set(rows.map(([, , by]) => by))
          if (rows.length !== 3 || by.size !== 1) wrong = rows
          yield* Effect.sleep(1)
        })
      )
    )
    const writing = yield* Effect.forkScoped(
      Effect.forEach(Fresh.range(10), (i) => Effect.andThen(write(account, 9, 301 + 9 * i), Effect.sleep(2)), {
        discard: true
      })
    )
    const progress = yield* Stream.runCollect(Processor.rebuild(projection, often))
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
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    for (const partitions of [1, 4]) {
      yield* Running.start(Processor.projection(projection), { partitions, lease: "400 millis" })
    }
    yield* waitFor(projection, yield* write(account, 90))
    for (const i of Fresh.range(3)) {
      const did = `rebuilt it ${i + 1} times while two runners kept it`
      const writing = yield* Effect.forkScoped(write(account, 60, 91 + 120 * i))
      const progress = yield* Stream.runCollect(Processor.rebuild(projection, often))
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
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 1200))
    const rows = yield* ReadModelStore
    // Slow enough to be killed half-way.
    const slow = ReadModelStore.of({
      ...rows,
      apply: (table, some) => Effect.andThen(Effect.sleep("15 millis"), rows.apply(table, some))
    })
    const rebuild = Stream.provideService(Processor.rebuild(projection, often), ReadModelStore, slow)
    const began: Array<number> = []
    let reached = 0
    for (const i of Fresh.range(2)) {
      yield* Stream.runForEachWhile(rebuild, ({ done }) =>
        Effect.sync(() => {
          began[i] ??= done
          const goesOn = done <= reached
          reached = Math.max(reached, done)
          return goesOn
        })
      )
    }
    yield* Stream.runDrain(Processor.rebuild(projection, often))
    const did = "killed a rebuild and began it again"
    yield* waitFor(projection, yield* write(account, 3, 1201))
    yield* equalsFold(did, projection)
    yield* Check.holds(`${did}: where each began`, "the second not at the beginning", (began[1] ?? 0) > 0, began)
  })
)

const cancelled = law(
  "Processor 15.4 a rebuild that is cancelled leaves what is read as it was, and the next begins anew",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    const running = yield* Running.start(Processor.projection(projection))
    yield* waitFor(projection, yield* write(account, 30))
    yield* running.kill
    times = 2
    yield* Stream.runDrain(Stream.take(Processor.rebuild(projection, often), 1))
    yield* Processor.cancelRebuild(projection)
    const by = Effect.map(rowsOf(projection), (rows) => rows.map(([, , by]) => by))
    yield* Check.equal("began a rebuild and cancelled it: by what the rows are made", yield* by, [1, 1, 1])
    times = 3
    yield* Stream.runDrain(Processor.rebuild(projection, often))
    yield* equalsFold("rebuilt it after that", projection)
    yield* Processor.dropPrevious(projection)
    yield* Processor.dropPrevious(projection)
    yield* equalsFold("dropped what was before", projection)
  })
)

/** The same name and version with one more field. */
const changed = (account: Account.Account, name: string) =>
  Projection.make(name, {
    from: [account],
    row: Schema.Struct({ count: Schema.Int, by: Schema.Int, last: Schema.Int }),
    initial: { count: 0, by: 0, last: 0 },
    indexes: ["last"]
  })({
    evolve: { Deposited: ({ count }, { amount }) => ({ count: count + 1, by: 9, last: amount }) }
  })

const refused = law(
  "Processor 15.5 a changed definition is refused with what to do, and after its rebuild the old one is",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const name = yield* Fresh.name("counts")
    const projection = counts(account, name, () => 1)
    const other = changed(account, name)
    const old = yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 30))
    yield* old.kill
    const early = yield* Running.start(Processor.projection(other))
    const stopped = yield* early.stopped
    const says = stopped.problem.includes("Processor.rebuild")
    yield* Check.holds("ran another definition under the same version", "it says what to do", says, stopped.problem)
    yield* equalsFold("ran another definition under the same version", projection)
    const again = yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 3, 31))
    yield* Stream.runDrain(Processor.rebuild(other, often))
    const moved = yield* again.stopped
    yield* Check.holds(
      "rebuilt it by the other definition while the old one ran: how that stopped",
      "it says that the read model has moved on",
      moved.problem.includes("rebuilt by another definition"),
      moved.problem
    )
    yield* Running.start(Processor.projection(other))
    yield* waitFor(other, yield* write(account, 3, 34))
    const { rows } = yield* ReadModel.list(other, { orderBy: "last" })
    const found = rows.map(({ row }) => [row.count, row.by, row.last])
    yield* Check.equal("rebuilt it by the other definition: the rows", found, [
      [12, 9, 34],
      [12, 9, 35],
      [12, 9, 36]
    ])
  })
)

const unparked = law(
  "Processor 15.6 what was parked is in the rebuilt rows, and its keys go on",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const bad = new Set([4])
    const projection = counts(account, yield* Fresh.name("counts"), () => 1, bad)
    yield* Running.start(Processor.projection(projection), { onFailure: "park", lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 12))
    const before = yield* Processor.parked(projection)
    yield* Check.equal("refused 4 of 1 to 12: how many are parked", before.length, 3)
    bad.clear()
    yield* Stream.runDrain(Processor.rebuild(projection, often))
    const did = "mended it and rebuilt it"
    yield* Check.equal(`${did}: how many are parked`, (yield* Processor.parked(projection)).length, 0)
    yield* waitFor(projection, yield* write(account, 6, 13))
    yield* equalsFold(did, projection)
  })
)

const failing = law(
  "Processor 15.7 a rebuild that fails on an event says so and changes nothing",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const bad = new Set<number>()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1, bad)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 12))
    bad.add(5)
    const rebuild = Stream.runDrain(Processor.rebuild(projection, often))
    const stopped = yield* Check.refused("rebuilt it by a definition that throws on 5", rebuild, "ProcessorStopped")
    yield* Check.holds(
      "rebuilt it so: the problem",
      "names what was thrown",
      stopped.problem.includes("no 5"),
      stopped.problem
    )
    bad.clear()
    yield* equalsFold("rebuilt it so", projection)
    yield* waitFor(projection, yield* write(account, 3, 13))
    yield* equalsFold("wrote on", projection)
  })
)

const twice = law(
  "Processor 15.8 two processes that rebuild the same read model at once share the work, and both see it done",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 600))
    const one = Stream.runCollect(Processor.rebuild(projection, { ...often, partitions: 4 }))
    const both = yield* Effect.all([Effect.result(one), Effect.result(one)], { concurrency: 2 })
    const ends = both.map((end) => (end._tag === "Success" ? end.success.at(-1)?.phase : end.failure._tag))
    yield* Check.holds("rebuilt it twice at once: how they ended", "at least one is done", ends.includes("done"), ends)
    yield* waitFor(projection, yield* write(account, 3, 601))
    yield* equalsFold("rebuilt it twice at once", projection)
  })
)

const retired = law(
  "Processor 15.9 a version that is given up is gone, and whoever still keeps it is stopped",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    const running = yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 12))
    yield* running.kill
    yield* Processor.retire(projection)
    yield* Check.equal("gave it up: the rows", yield* rowsOf(projection), [])
    const late = yield* Running.start(Processor.projection(projection))
    const stopped = yield* late.stopped
    yield* Check.holds("ran it after that", "it says so", stopped.problem.includes("given up"), stopped.problem)
    yield* Check.equal("ran it after that: the rows", yield* rowsOf(projection), [])
    yield* Stream.runDrain(Processor.rebuild(projection, often))
    yield* equalsFold("rebuilt it after all", projection)
  })
)

/** The laws of rebuilding. */
export const rebuilding: ReadonlyArray<Law<Services>> = [
  rebuilt,
  beside,
  resumed,
  cancelled,
  refused,
  unparked,
  failing,
  twice,
  retired
]
