// The laws of a checkpoint store: only the right runner moves a checkpoint, and from where it stands.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { CheckpointStore, Stopped } from "evolvent/CheckpointStore"
import type { EventStore } from "evolvent/EventStore"
import { EventStore as Events } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import { leases } from "./CheckpointStoreLeaseLaws.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"

const at = Position.make

/** Where a checkpoint stands. */
const standsAt = (did: string, name: string, position: number) =>
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const loaded = yield* store.load(name)
    yield* Check.equal(`${did}: where the checkpoint stands`, loaded.position, at(position))
  })

const moves = law(
  "CheckpointStore 1 a checkpoint begins at the beginning and stands where it was moved to",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    yield* Check.equal("loaded a new name", yield* store.load(name), { position: at(0), stopped: undefined })
    yield* store.advance({ name, from: at(0), to: at(7) })
    yield* standsAt("advanced from 0 to 7", name, 7)
    yield* store.advance({ name, from: at(7), to: at(Number.MAX_SAFE_INTEGER) })
    yield* standsAt("advanced to the greatest position", name, Number.MAX_SAFE_INTEGER)
    yield* store.advance({ name, from: at(Number.MAX_SAFE_INTEGER), to: at(Number.MAX_SAFE_INTEGER) })
  })
)

const compareAndSet = law(
  "CheckpointStore 2 a checkpoint moves only from where it stands, and the error says where that is",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const refusedFrom = Effect.fnUntraced(function* (from: number, actual: number) {
      const did = `advanced a checkpoint from ${from} while it stands at ${actual}`
      const call = store.advance({ name, from: at(from), to: at(20) })
      const error = yield* Check.refused(did, call, "CheckpointMoved")
      yield* Check.equal(`${did}: what the error says`, [error.expected, error.actual], [from, actual])
      yield* standsAt(did, name, actual)
    })
    yield* refusedFrom(5, 0)
    yield* store.advance({ name, from: at(0), to: at(10) })
    yield* refusedFrom(0, 10)
    yield* refusedFrom(9, 10)
    yield* refusedFrom(11, 10)
  })
)

const racers = law(
  "CheckpointStore 3 of racers with one position exactly one moves the checkpoint",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const did = "let 20 racers move a checkpoint from 0"
    const to = (i: number) => at(100 + i)
    const racers = Fresh.range(20).map((i) =>
      Effect.as(store.transact({ name, from: at(0), to: to(i) }, Effect.yieldNow), to(i))
    )
    const { lost, won } = Check.sides(yield* Check.race(racers))
    yield* Check.equal(`${did}: how many won`, won.length, 1)
    yield* standsAt(did, name, won[0] ?? 0)
    for (const error of lost) yield* Check.equal(`${did}: how the others ended`, error._tag, "CheckpointMoved")
  })
)

const runsWrites = law(
  "CheckpointStore 4 transact runs the writes once, gives their value and moves the checkpoint",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    let runs = 0
    const writes = Effect.gen(function* () {
      runs += 1
      yield* standsAt("looked from within the writes", name, 0)
      return "done"
    })
    const result = yield* store.transact({ name, from: at(0), to: at(3) }, writes)
    yield* Check.equal("moved a checkpoint with writes: value and runs", [result, runs], ["done", 1])
    yield* standsAt("moved a checkpoint with writes", name, 3)
  })
)

const failingWrites = law(
  "CheckpointStore 5 writes that fail, die or are interrupted move nothing",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const move = { name, from: at(0), to: at(3) }
    const failed = yield* Effect.exit(store.transact(move, Effect.fail("no" as const)))
    yield* Check.equal("transacted writes that fail", failed, yield* Effect.exit(Effect.fail("no" as const)))
    yield* standsAt("transacted writes that fail", name, 0)
    const died = yield* Effect.exit(store.transact(move, Effect.die("bug")))
    yield* Check.equal("transacted writes that die", died._tag, "Failure")
    yield* standsAt("transacted writes that die", name, 0)
    let inside = false
    const hanging = Effect.andThen(
      Effect.sync(() => (inside = true)),
      Effect.never
    )
    const fiber = yield* Effect.forkScoped(store.transact(move, hanging))
    yield* Check.eventually(
      "transacted writes that hang",
      "they begin",
      Effect.sync(() => inside),
      (begun) => begun
    )
    yield* Check.inTime("interrupted the transaction", Fiber.interrupt(fiber))
    yield* standsAt("interrupted the transaction", name, 0)
    yield* store.advance(move)
    yield* standsAt("advanced after all that", name, 3)
  })
)

const names = law(
  "CheckpointStore 6 checkpoints of any name are kept apart",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const base = yield* Fresh.name("runner")
    const ends = ["", "1", "@2", "/a", ".b", "*", ">", "'", "%", "_", " ", "A", "a", "😀", "-", "x".repeat(500)]
    for (const [i, end] of ends.entries()) yield* store.advance({ name: base + end, from: at(0), to: at(i + 1) })
    for (const [i, end] of ends.entries())
      yield* standsAt(`moved 16 checkpoints, one named ${end.slice(0, 9)}`, base + end, i + 1)
  })
)

const invalid = law(
  "CheckpointStore 7 a move that makes no sense is a typed error and runs no writes",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const [name, other] = [yield* Fresh.name("runner"), yield* Fresh.name("runner")]
    yield* store.advance({ name, from: at(0), to: at(5) })
    const lease = yield* store.acquire(other, "me", "10 seconds")
    let runs = 0
    const writes = Effect.sync(() => (runs += 1))
    const back = store.transact({ name, from: at(5), to: at(4) }, writes)
    yield* Check.refusedBecause("moved a checkpoint back", back, "InvalidRequest")
    const foreign = store.transact({ name, from: at(5), to: at(6), lease }, writes)
    yield* Check.refusedBecause("moved a checkpoint under another's lease", foreign, "InvalidRequest")
    const nameless = store.transact({ name: "", from: at(0), to: at(6) }, writes)
    yield* Check.refusedBecause("moved a checkpoint without a name", nameless, "InvalidRequest")
    yield* Check.equal("counted how often writes ran", runs, 0)
    yield* standsAt("was refused three times", name, 5)
  })
)

const listed = law(
  "CheckpointStore 22 the names of checkpoints and of leases that were begun can be listed, each of them once",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const base = yield* Fresh.name("runner")
    const [moved, leased] = [
      [`${base}/0`, `${base}/1`, `${base} 😀 a.b>*=`],
      [`${base}/2`, `${base}@1/x/7`]
    ]
    for (const name of moved) yield* store.advance({ name, from: at(0), to: at(3) })
    for (const name of leased) yield* store.acquire(name, "me", "10 seconds")
    yield* store.advance({ name: `${base}/0`, from: at(3), to: at(4) })
    yield* store.load(`${base}/9`)
    const found = (yield* store.names).filter((name) => name.startsWith(base))
    yield* Check.equal("moved three checkpoints, took two leases: the names", found, [...moved, ...leased].toSorted())
  })
)

const stopped = law(
  "CheckpointStore 8 a stop is kept beside the checkpoint until it moves or its lease is taken again",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const problem = new Stopped({ problem: `it's "broken" 😀`, eventId: "e-1", stream: "Order-1", position: 8 })
    const bare = new Stopped({ problem: "no event", eventId: undefined, stream: undefined, position: undefined })
    const found = Effect.map(store.load(name), (checkpoint) => ({ ...checkpoint.stopped }))
    yield* store.advance({ name, from: at(0), to: at(5) })
    yield* store.stop(name, problem)
    yield* standsAt("stopped", name, 5)
    yield* Check.equal("stopped on an event", yield* found, { ...problem })
    yield* store.stop(name, bare)
    yield* Check.equal("stopped again, on no event", yield* found, { ...bare })
    yield* store.advance({ name, from: at(5), to: at(6) })
    yield* Check.equal("stopped, then moved the checkpoint", yield* found, {})
    yield* store.stop(name, problem)
    const lease = yield* store.acquire(name, "me", "10 seconds")
    yield* Check.equal("stopped, then acquired the lease", yield* found, {})
    yield* store.stop(name, problem, lease)
    yield* store.release(lease)
    yield* Check.equal("stopped, then released the lease", yield* found, { ...problem })
  })
)

const watched = law(
  "CheckpointStore 9 a watcher wakes when its checkpoint moves or stops, also when that was before it waited",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const [name, other] = [yield* Fresh.name("runner"), yield* Fresh.name("runner")]
    const changed = yield* store.watch(name)
    yield* store.advance({ name, from: at(0), to: at(1) })
    yield* Check.inTime("moved a checkpoint, then waited for a change", changed)
    let woken = false
    const waiting = yield* Effect.forkScoped(Effect.tap(changed, () => Effect.sync(() => (woken = true))))
    yield* store.advance({ name: other, from: at(0), to: at(1) })
    for (let i = 0; i < 20; i++) yield* Effect.yieldNow
    yield* Check.equal("moved another checkpoint: whether the watcher woke", woken, false)
    const stop = new Stopped({ problem: "p", eventId: undefined, stream: undefined, position: undefined })
    yield* store.stop(name, stop)
    yield* Check.inTime("waited for a change, then stopped", Fiber.join(waiting))
    const second = yield* store.watch(name)
    yield* store.advance({ name, from: at(1), to: at(2) })
    yield* Check.inTime("watched twice: the first", changed)
    yield* Check.inTime("watched twice: the second", second)
  })
)

const deferring = law(
  "CheckpointStore 21 who begins to watch has written down first what a consumer of this process had put off, which knows of it",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const [name, other] = [yield* Fresh.name("runner"), yield* Fresh.name("runner")]
    const isWatched = yield* store.defer(name, Effect.orDie(store.advance({ name, from: at(0), to: at(1) })))
    yield* Effect.asVoid(Effect.scoped(store.watch(other)))
    yield* Effect.asVoid(Effect.scoped(store.watch(name, "lease")))
    yield* Check.equal("watched something else: where it stands", (yield* store.load(name)).position, at(0))
    yield* Check.equal("watched something else: whether it is watched", isWatched(), false)
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* Effect.asVoid(store.watch(name))
        yield* Check.equal("watched it: where it stands", (yield* store.load(name)).position, at(1))
        yield* Check.equal("watched it: whether it is watched", isWatched(), true)
      })
    )
    yield* Check.equal("watched it no more: whether it is watched", isWatched(), false)
  })
)

const transactional = law(
  "CheckpointStore 10 with the capability `transaction`, an append within transact commits with the checkpoint or not at all",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    if (!store.capabilities.transaction) return
    const events = yield* Events
    const name = yield* Fresh.name("runner")
    const stream = yield* Fresh.stream()
    const append = events.append(stream, Fresh.events(1))
    yield* Effect.exit(store.transact({ name, from: at(0), to: at(1) }, Effect.andThen(append, Effect.fail("no"))))
    yield* Contents.are("appended in a transaction that failed", stream, [])
    yield* Check.refused(
      "moved from elsewhere",
      store.transact({ name, from: at(9), to: at(10) }, append),
      "CheckpointMoved"
    )
    yield* Contents.are("appended in a transaction whose checkpoint was elsewhere", stream, [])
    yield* store.transact({ name, from: at(0), to: at(1) }, append)
    yield* Contents.are("appended in a transaction", stream, [0])
  })
)

/** The laws of a checkpoint store. */
export const laws: ReadonlyArray<Law<CheckpointStore | EventStore>> = [
  moves,
  compareAndSet,
  racers,
  runsWrites,
  failingWrites,
  names,
  invalid,
  listed,
  stopped,
  watched,
  deferring,
  transactional,
  ...leases
]
