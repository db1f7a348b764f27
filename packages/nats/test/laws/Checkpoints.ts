// Laws of checkpoints between processes: nothing is decided by what one saw last, by a lost answer, or by anybody's clock.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import { losing } from "../support/checkpointing.ts"
import { Bench, checkpointsOf, layoutOf } from "./Bench.ts"
import { equal, law } from "./Law.ts"

const at = Position.make

const both = law(
  "Checkpoint 1 of what two processes write to one document, each by what it saw last, nothing is lost",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [one, other] = [(yield* checkpointsOf(layout)).store, (yield* checkpointsOf(layout)).store]
    const names = ["runner/0", "runner/1"]
    for (const store of [one, other])
      yield* store.advance({ name: "runner/2", from: at(0), to: at(1) }).pipe(Effect.ignore)
    yield* one.advance({ name: "runner/0", from: at(0), to: at(3) })
    yield* other.advance({ name: "runner/1", from: at(0), to: at(4) })
    yield* one.advance({ name: "runner/0", from: at(3), to: at(5) })
    const found = (yield* other.loadAll(names)).map(({ position }) => Number(position))
    yield* equal("moved two slots by two processes in turn", found, [5, 4])
    // Neither is refused by what it saw last.
    yield* other.advance({ name: "runner/0", from: at(5), to: at(6) })
    yield* one.advance({ name: "runner/0", from: at(6), to: at(7) })
    const moved = yield* Effect.flip(other.advance({ name: "runner/0", from: at(3), to: at(6) }))
    yield* equal("moved from where it was", moved._tag, "CheckpointMoved")
  })
)

const successor = law(
  "Checkpoint 2 a move that was made is no conflict where its answer was lost and its successor has moved on",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = (yield* checkpointsOf(layout)).store
    let isLost = false
    const lose = () => !isLost && (isLost = true)
    const next = Effect.suspend(() => other.advance({ name: "runner/1", from: at(3), to: at(8) }))
    const { store } = yield* checkpointsOf(layout, losing(lose, next))
    yield* store.advance([0, 1].map((slot) => ({ name: `runner/${slot}`, from: at(0), to: at(3) })))
    const found = (yield* store.loadAll(["runner/0", "runner/1"])).map(({ position }) => Number(position))
    yield* equal("lost the answer of a move, behind which another one was made", found, [3, 8])
  })
)

const short = 300

const heir = law(
  "Checkpoint 3 who begins to look listens to a holder for as long as that may be silent, whatever the time is",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const scope = yield* Scope.make()
    const { store } = yield* Effect.provideService(checkpointsOf(layout), Scope.Scope, scope)
    yield* store.acquireAll(["runner"], "ada", short)
    yield* store.attend("runner", { holder: "ada", partitions: 1 }, short)
    yield* Scope.close(scope, Exit.void)
    yield* Effect.sleep(2 * short)
    const { store: second } = yield* checkpointsOf(layout)
    const did = "looked for the first time at a lease that nobody has renewed for long"
    yield* equal(did, yield* second.acquireAll(["runner"], "bob", short), [])
    yield* equal(did, yield* second.holders(["runner"]), ["ada"])
    const members = (yield* second.attend("runner", { holder: "bob", partitions: 1 }, "1 minute")).length
    yield* equal(`${did}: how many take part`, members, 2)
    yield* Effect.sleep(short + 20)
    const taken = (yield* second.acquireAll(["runner"], "bob", short)).map(({ token }) => token)
    yield* equal(`${did}, and again when its time was over`, taken, [2])
  })
)

const watched = law(
  "Checkpoint 4 who renews is never taken over, also by one that looks all the time, and who writes otherwise is no sign of life",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [one, two] = [(yield* checkpointsOf(layout)).store, (yield* checkpointsOf(layout)).store]
    const lease = yield* one.acquire("runner", "ada", short)
    yield* one.acquireAll(["runner/1"], "eve", short)
    const until = performance.now() + 3 * short
    const keep = Effect.gen(function* () {
      while (performance.now() < until) yield* Effect.andThen(Effect.sleep(short / 4), one.renew(lease))
    })
    const bids: Array<string> = []
    const bid = Effect.gen(function* () {
      while (performance.now() < until) {
        bids.push(...(yield* two.acquireAll(["runner", "runner/1"], "bob", "1 minute")).map(({ name }) => name))
        yield* Effect.sleep(10)
      }
    })
    yield* Effect.all([keep, bid], { concurrency: 2 })
    yield* equal("bid for two leases, one of which was renewed", [...new Set(bids)], ["runner/1"])
  })
)

const lostEnd = law(
  "Checkpoint 5 a checkpoint of a log that was lost is refused by the one that has the same numbers since, from any process",
  Effect.gen(function* () {
    const { backend, server } = yield* Bench
    const layout = yield* layoutOf()
    const { prefix } = layout.settings
    const filter = EventFilter.category("Account")
    /** A process of its own: what it knows is what it finds. */
    const once = <A, E>(effect: Effect.Effect<A, E, EventStore | CheckpointStore>) =>
      Effect.provide(effect, backend.Nats.layer({ servers: server.url, prefix, storage: "memory" }), { local: true })
    const append = (count: number) =>
      once(
        EventStore.use((store) =>
          Effect.forEach(Array.from({ length: count }), () =>
            store.append(StreamName.make("Account", "ada"), [{ type: "Deposited", data: {} }])
          )
        )
      )
    /** Reads on from the checkpoint, and moves it to where the next page ends; says how many events there were. */
    const read = once(
      Effect.gen(function* () {
        const [store, checkpoints] = [yield* EventStore, yield* CheckpointStore]
        const { position: from } = yield* checkpoints.load("reader")
        const [page] = yield* Stream.runCollect(Stream.take(store.subscribe(filter, { after: from }), 1))
        yield* checkpoints.advance({ name: "reader", from, to: page?.through ?? Position.beginning })
        return page?.events.length
      })
    )
    yield* append(3)
    yield* equal("read three events", yield* read, 3)
    yield* append(2)
    yield* equal("read two more by another process", yield* read, 2)
    const { jetstream } = yield* checkpointsOf(layout)
    yield* jetstream.api(`STREAM.DELETE.${layout.events.name}`)
    yield* append(7)
    const ended = yield* Effect.result(read)
    const found =
      ended._tag === "Success" ? "read on" : "reason" in ended.failure ? ended.failure.reason._tag : ended.failure._tag
    yield* equal("read on in another log, with more events than the one that was lost", found, "CheckpointAheadOfStore")
  }).pipe(Effect.provide(Logger.layer([])))
)

/** Laws of checkpoints and leases. */
export const checkpoints: ReadonlyArray<Law<Bench>> = [both, successor, heir, watched, lostEnd]
