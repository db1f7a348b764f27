// The laws of live queries in trouble (17.6 on): lost connections, a stopped processor, a screen that leaves or is slow.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import { because, Unavailable } from "evolvent/EventStoreError"
import * as Processor from "evolvent/Processor"
import { ReadModelStore, ReadModelStoreError } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"
import { tellsAll, watch } from "./Watching.ts"

const unavailable = new Unavailable({ problem: "the law cut the connection" })

const cutOff = law(
  "Processor 17.6 changes go on after lost connections",
  Effect.gen(function* () {
    const [store, readModels] = [yield* EventStore, yield* ReadModelStore]
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    let calls = 0
    const orLost = <A, E, X, R>(whole: Effect.Effect<A, E, R>, lost: X): Effect.Effect<A, E | X, R> =>
      Effect.suspend((): Effect.Effect<A, E | X, R> => (++calls % 2 === 1 ? Effect.fail(lost) : whole))
    const lostRow = new ReadModelStoreError({ operation: "law", reason: unavailable })
    const services = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(
        Effect.provideService(EventStore, { ...store, head: orLost(store.head, because("law", unavailable)) }),
        Effect.provideService(ReadModelStore, {
          ...readModels,
          get: (table, keys) => orLost(readModels.get(table, keys), lostRow)
        })
      )
    yield* Running.start(Processor.projection(ledger))
    const all = yield* services(watch(ledger, { after: yield* store.head }))
    const one = yield* services(watch(ledger, "all"))
    const begun = Effect.sync(() => one.got.length)
    yield* Check.eventually("watched a key", "its first change comes", begun, (count) => count > 0)
    for (let i = 0; i < 4; i++) {
      yield* Running.write(account, 4, 1 + 4 * i)
      yield* tellsAll("lost every second answer", all, ledger)
      yield* tellsAll("lost every second answer, of one key", one, ledger, "all")
    }
  })
)

const stopped = law(
  "Processor 17.7 changes wait for a processor that an event stopped, and go on when it does",
  Effect.gen(function* () {
    let broken = true
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account, {
      onDeposit: (amount) => {
        if (broken && amount === 4) throw new Error("four")
      }
    })
    const store = yield* EventStore
    const watcher = yield* watch(ledger, { after: yield* store.head })
    yield* Running.write(account, 8)
    const running = yield* Running.start(Processor.projection(ledger))
    yield* running.stopped
    const told = () => watcher.ended ?? watcher.got.findLast(({ key }) => key === "all")?.row?.trail
    const trail = "+1+2+3"
    yield* Check.eventually(
      "watched a processor that stopped",
      `all is ${trail}`,
      Effect.sync(told),
      (it) => it === trail
    )
    yield* Effect.sleep(60)
    yield* Check.equal("watched a processor that stopped, and waited", told(), trail)
    broken = false
    yield* Running.start(Processor.projection(ledger))
    yield* tellsAll("mended it and ran it again", watcher, ledger)
  })
)

const released = law(
  "Processor 17.8 whoever stops watching leaves nothing behind",
  Effect.gen(function* () {
    const [store, readModels] = [yield* EventStore, yield* ReadModelStore]
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const open = { subscriptions: 0, reads: 0 }
    const count = (by: number) => Effect.sync(() => (open.subscriptions += by))
    const services = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(
        Effect.provideService(EventStore, {
          ...store,
          subscribe: (filter, options) =>
            Stream.unwrap(
              Effect.as(
                Effect.acquireRelease(count(1), () => count(-1)),
                store.subscribe(filter, options)
              )
            )
        }),
        Effect.provideService(ReadModelStore, {
          ...readModels,
          get: (table, keys) => Effect.tap(readModels.get(table, keys), () => Effect.sync(() => open.reads++))
        })
      )
    yield* Running.start(Processor.projection(ledger))
    for (const key of [undefined, "all"]) {
      for (let i = 0; i < 4; i++) {
        const watcher = yield* services(watch(ledger, key))
        yield* Check.eventually(
          "watched",
          "it subscribes",
          Effect.sync(() => open.subscriptions),
          (now) => now > 0
        )
        yield* Running.write(account, 3)
        for (let step = 0; step < i * 7; step++) yield* Effect.yieldNow
        yield* Check.inTime("stopped watching", watcher.stop)
        yield* Check.equal("stopped watching: subscriptions that are open", open.subscriptions, 0)
        const { reads } = open
        yield* Running.write(account, 3)
        yield* Running.catchesUp("wrote what nobody watches", ledger)
        yield* Check.equal("wrote what nobody watches: reads of rows", open.reads, reads)
      }
    }
  })
)

const slow = law(
  "Processor 17.9 who is slow to look gets fewer versions, and the last",
  Effect.gen(function* () {
    const [store, readModels] = [yield* EventStore, yield* ReadModelStore]
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const gate = yield* Deferred.make<void>()
    let reads = 0
    yield* Running.start(Processor.projection(ledger))
    const watcher = yield* watch(ledger, { after: yield* store.head }, () => Deferred.await(gate)).pipe(
      Effect.provideService(ReadModelStore, {
        ...readModels,
        get: (table, keys) => Effect.tap(readModels.get(table, keys), () => Effect.sync(() => reads++))
      })
    )
    for (let n = 1; n <= 60; n++) yield* waitFor(ledger, yield* Running.write(account, 1, n))
    const did = "wrote 60 events while nobody looked"
    yield* Check.holds(`${did}: how often rows were read`, "20 times at most", reads <= 20, reads)
    yield* Deferred.succeed(gate, undefined)
    yield* tellsAll(did, watcher, ledger)
    const told = watcher.got.filter(({ key }) => key === "all").length
    yield* Check.holds(`${did}: how many versions of one row came`, "20 at most", told <= 20, told)
  })
)

/** The laws of live queries in trouble. */
export const enduring = [cutOff, stopped, released, slow]
