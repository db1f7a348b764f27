// The laws of partitions (14): keys are spread over runners, each key in order, whoever comes and goes and however many parts.
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { CheckpointStore } from "evolvent/CheckpointStore"
import type { Move } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

const repartitioned = law(
  "Processor 14.6 a read model equals the fold of the log, into however many partitions its runners divide it in turn",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const checkpoints = yield* CheckpointStore
    const names = Processor.slotNames(`projection/${ledger.name}@${ledger.version}`)
    for (const [i, partitions] of [4, 1, 16, 3, 7, 2, 5, 1, 16, 6].entries()) {
      // One of the parts does not get on, so that the slots are not where the others are when it is killed.
      const late = names[Processor.slotOf(`account ${i % 3}`)]
      const isLate = (moves: Move | ReadonlyArray<Move>) =>
        partitions > 1 && [moves].flat().some(({ name }) => name === late)
      const running = yield* Running.start(Processor.projection(ledger), { partitions }).pipe(
        Effect.provideService(CheckpointStore, {
          ...checkpoints,
          transact: (moves, writes) => (isLate(moves) ? Effect.never : checkpoints.transact(moves, writes))
        })
      )
      const third = yield* Running.write(account, 3, 1 + 12 * i)
      yield* Running.write(account, 9, 4 + 12 * i)
      for (let step = 0; step < (i * 11) % 29; step++) yield* Effect.yieldNow
      if (i % 3 === 0) {
        // No further: who does not get on holds up the reader, too.
        yield* Check.eventually(
          `ran a projection in ${partitions} partitions, one of which does not get on`,
          `others reach ${third}`,
          checkpoints.loadAll(names),
          (all) => all.some(({ position }) => position >= third)
        )
      }
      yield* running.kill
    }
    yield* Running.start(Processor.projection(ledger), { partitions: 4 })
    yield* Running.catchesUp("ran a projection in ten different numbers of partitions, each killed at work", ledger)
  })
)

/** Appends numbered events to many streams, in turns. */
const writeTo = Effect.fnUntraced(function* (account: Account.Account, streams: number, rounds: number, from: number) {
  const store = yield* EventStore
  for (let n = from; n < from + rounds; n++) {
    for (let i = 0; i < streams; i++) {
      yield* store.append(StreamName.make(account.name, `s${i}`), [{ type: "Deposited", data: { amount: n } }])
    }
  }
})

/** A reactor that writes down what it handles of each stream. */
const byStream = (account: Account.Account, name: string, seen: Map<string, Array<number>>) =>
  Processor.reactor(name, {
    from: [account],
    handle: ({ data: { amount }, streamId }) =>
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => {
          const ofStream = seen.get(streamId) ?? []
          seen.set(streamId, ofStream)
          ofStream.push(amount)
        })
      )
  })

const inOrder = law(
  "Processor 14.7 while runners come, go and change the number of partitions, each key's events are handled once and in order",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    const seen = new Map<string, Array<number>>()
    const streams = 20
    const starts = [3, 5, 16, 2, 8, 4]
    // Each with its own reactor, as in a process of its own.
    const running: Array<Running.Running> = []
    const settled = (holders: number) =>
      Check.eventually(
        "started one runner more",
        `${holders} hold slots`,
        shares(name),
        (all) => all.length === holders
      )
    for (const [i, partitions] of starts.entries()) {
      running.push(yield* Running.start(byStream(account, name, seen), { partitions, lease: "400 millis" }))
      // Half of it while the work changes hands, half when it has.
      yield* writeTo(account, streams, 1, 1 + 2 * i)
      yield* settled(Math.min(i + 1, partitions))
      yield* writeTo(account, streams, 1, 2 + 2 * i)
    }
    for (const [i, one] of running.slice(0, -1).entries()) {
      yield* Effect.andThen(one.kill, writeTo(account, streams, 2, 13 + 2 * i))
    }
    const did = "started six runners with other numbers of partitions and ended five of them, writing all the time"
    const expected = Fresh.range(22).map((n) => n + 1)
    const count = Effect.sync(() => [...seen.values()].reduce((sum, all) => sum + all.length, 0))
    // By their last ones: some may be handled more than once.
    yield* Check.eventually(
      did,
      `the last event of each of ${streams} streams is handled`,
      Effect.sync(() => Fresh.range(streams).filter((i) => seen.get(`s${i}`)?.includes(expected.length) === true)),
      ({ length }) => length === streams
    )
    for (const i of Fresh.range(streams)) {
      // A handler that is killed inside an event is called again for it, and for nothing else.
      const all = seen.get(`s${i}`) ?? []
      yield* Check.equal(
        `${did}: stream ${i}`,
        all.filter((n, at) => n !== all[at - 1]),
        expected
      )
    }
    // One for each partition that was killed, and some more for leases that ran out on a busy machine.
    const repeated = (yield* count) - streams * expected.length
    yield* Check.holds(`${did}: how many events were handled more than once`, "at most 110", repeated <= 110, repeated)
  })
)

/** How many slots each runner holds, the most first. */
const shares = (name: string) =>
  Effect.map(
    CheckpointStore.use((checkpoints) => checkpoints.holders(Processor.slotNames(`reactor/${name}`))),
    (holders) => {
      const counts = new Map<string, number>()
      for (const holder of holders) if (holder !== undefined) counts.set(holder, (counts.get(holder) ?? 0) + 1)
      return [...counts.values()].sort((a, b) => b - a)
    }
  )

const even = law(
  "Processor 14.8 partitions are spread evenly over the runners, when one joins and when one ends",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    const start = Running.start(byStream(account, name, new Map()), { partitions: 16, lease: "400 millis" })
    const spread = (did: string, expected: ReadonlyArray<number>) =>
      Check.eventually(did, `they hold ${expected.join(", ")} slots`, shares(name), (all) => `${all}` === `${expected}`)
    const first = yield* start
    yield* spread("ran one runner of 16 partitions", [16])
    const second = yield* start
    yield* spread("ran two runners of 16 partitions", [8, 8])
    yield* start
    yield* spread("ran three runners of 16 partitions", [6, 5, 5])
    yield* first.kill
    yield* spread("ended one of three runners", [8, 8])
    yield* second.kill
    yield* spread("ended two of three runners", [16])
  })
)

const silent = law(
  "Processor 14.9 the partitions of a runner that died without a word are taken over when its leases run out",
  Effect.gen(function* () {
    const checkpoints = yield* CheckpointStore
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    const seen = new Map<string, Array<number>>()
    const options = { partitions: 4, lease: "300 millis" } as const
    let isMute = false
    const until = <A, E>(effect: Effect.Effect<A, E>) => Effect.suspend(() => (isMute ? Effect.never : effect))
    const mute: CheckpointStore["Service"] = {
      ...checkpoints,
      renew: (leases) => until(checkpoints.renew(leases)),
      release: (leases) => until(checkpoints.release(leases)),
      leave: (name, holder) => until(checkpoints.leave(name, holder))
    }
    const old = yield* Running.start(byStream(account, name, seen), options).pipe(
      Effect.provideService(CheckpointStore, mute)
    )
    yield* Running.start(byStream(account, name, seen), options)
    yield* Check.eventually(
      "ran two runners of 4 partitions",
      "they share the slots",
      shares(name),
      (all) => `${all}` === "8,8"
    )
    isMute = true
    yield* old.kill
    yield* writeTo(account, 12, 2, 1)
    const did = "killed one of two runners, which could not give its leases back"
    const count = Effect.sync(() => [...seen.values()].reduce((sum, all) => sum + all.length, 0))
    yield* Check.eventually(did, "24 events are handled", count, (n) => n >= 24)
    for (const i of Fresh.range(12)) yield* Check.equal(`${did}: stream ${i}`, seen.get(`s${i}`), [1, 2])
  })
)

const sideBySide = law(
  "Processor 14.10 events of different partitions are handled side by side",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    const ids = Fresh.range(50).map((i) => `s${i}`)
    const of = (slot: number) => ids.find((id) => Processor.slotOf(`${account.name}-${id}`) % 2 === slot) ?? ""
    const [one, other] = [of(0), of(1)]
    const gate = yield* Latch.make()
    const begun: Array<string> = []
    const reactor = Processor.reactor(name, {
      from: [account],
      handle: ({ streamId }) =>
        Effect.andThen(
          Effect.sync(() => begun.push(streamId)),
          gate.await
        )
    })
    yield* Running.start(reactor, { partitions: 2 })
    const store = yield* EventStore
    for (const id of [one, one, other]) {
      yield* store.append(StreamName.make(account.name, id), [{ type: "Deposited", data: { amount: 1 } }])
    }
    const now = Effect.sync(() => [...begun].sort())
    const expected = [one, other].sort()
    const both = (all: ReadonlyArray<string>) => `${all}` === `${expected}`
    yield* Check.eventually("held up the handlers of two partitions", "both have begun one event", now, both)
    yield* gate.open
    yield* Check.eventually("let them go on", "three events are begun", now, (all) => all.length === 3)
  })
)

/** The laws of partitions. */
export const partitioning: ReadonlyArray<Law<Services>> = [repartitioned, inOrder, even, silent, sideBySide]
