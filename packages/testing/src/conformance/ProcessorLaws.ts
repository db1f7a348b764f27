// The laws of running projections (11): the read model is the fold of the log, whatever happens to its runner.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { CheckpointStoreError } from "evolvent/CheckpointStoreError"
import { EventStore } from "evolvent/EventStore"
import { because, Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore, ReadModelStoreError } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { keepingRows } from "./ReadModelCacheLaws.ts"
import type { Law } from "./Law.ts"
import { managing } from "./ProcessManagerLaws.ts"
import { counting } from "./ProcessorCountLaws.ts"
import { handling } from "./ProcessorHandlerLaws.ts"
import { leasing } from "./ProcessorLeaseLaws.ts"
import { parking } from "./ProcessorParkLaws.ts"
import { partitioning } from "./ProcessorPartitionLaws.ts"
import { reacting } from "./ProcessorReactorLaws.ts"
import { rebuilding } from "./ProcessorRebuildLaws.ts"
import { replaying } from "./ProcessorReplayLaws.ts"
import { tracing } from "./ProcessorTraceLaws.ts"
import { aging } from "./ProcessorVersionLaws.ts"
import { waiting } from "./ProcessorWaitLaws.ts"
import { changing } from "./ReadModelChangesLaws.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

const catchUp = law(
  "Processor 11.1 a read model equals the fold of the log, caught up and live",
  Effect.gen(function* () {
    const account = yield* Account.make()
    yield* Running.write(account, 700)
    const ledger = yield* Running.newLedger(account)
    yield* Running.start(Processor.projection(ledger))
    yield* Running.catchesUp("ran a projection over 700 events", ledger)
    for (let i = 0; i < 5; i++) {
      yield* Running.write(account, 7, 701 + 7 * i)
      yield* Running.catchesUp("wrote seven more while it ran", ledger)
    }
  })
)

const killed = law(
  "Processor 11.2 a read model equals the fold of the log after kills at any point and restarts",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    for (let i = 0; i < 25; i++) {
      const running = yield* Running.start(Processor.projection(ledger))
      yield* Running.write(account, 4, 1 + 4 * i)
      for (let step = 0; step < (i * 7) % 23; step++) yield* Effect.yieldNow
      if (i % 4 === 0) yield* Effect.sleep(2)
      yield* running.kill
    }
    yield* Running.start(Processor.projection(ledger))
    yield* Running.catchesUp("killed a projection's runner 25 times while events came", ledger)
  })
)

const unavailable = new Unavailable({ problem: "the law cut the connection" })

const cutOff = law(
  "Processor 11.3 a read model equals the fold of the log though reads and commits fail now and then",
  Effect.gen(function* () {
    const [store, checkpoints, readModels] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
    const lostCheckpoint = new CheckpointStoreError({ operation: "law", reason: unavailable })
    const lostRow = new ReadModelStoreError({ operation: "law", reason: unavailable })
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    // What is to fail in this round, each once.
    const faults = new Set<"subscription" | "commit" | "read">()
    yield* Running.write(account, 30)
    yield* Running.start(Processor.projection(ledger)).pipe(
      Effect.provideService(EventStore, {
        ...store,
        // Only its own: a runner follows what is parked as well.
        subscribe: (filter, options) =>
          filter === ledger.filter
            ? Stream.concat(
                Stream.takeUntil(
                  store.subscribe(filter, options),
                  ({ events }) => events.length > 0 && faults.delete("subscription")
                ),
                Stream.fail(because("law", unavailable))
              )
            : store.subscribe(filter, options)
      }),
      Effect.provideService(CheckpointStore, {
        ...checkpoints,
        transact: (move, writes) =>
          Effect.suspend(() =>
            faults.delete("commit") ? Effect.fail(lostCheckpoint) : checkpoints.transact(move, writes)
          )
      }),
      Effect.provideService(ReadModelStore, {
        ...readModels,
        get: (table, keys) =>
          Effect.suspend(() => (faults.delete("read") ? Effect.fail(lostRow) : readModels.get(table, keys)))
      })
    )
    yield* Running.catchesUp("ran a projection", ledger)
    const rounds = [["subscription"], ["commit"], ["read"], ["subscription", "commit"], ["read", "commit"]] as const
    for (const [i, round] of rounds.entries()) {
      for (const fault of round) faults.add(fault)
      yield* Running.write(account, 3, 31 + 3 * i)
      const did = `cut off: ${round.join(", ")}`
      yield* Running.catchesUp(did, ledger)
      yield* Check.equal(`${did}: what was not`, [...faults], [])
    }
  })
)

/** Is true for every n-th call. */
const everyNth = (n: number) => {
  let calls = 0
  return () => ++calls % n === 0
}

const lostAnswers = law(
  "Processor 11.4 a commit whose answer was lost counts once",
  Effect.gen(function* () {
    const checkpoints = yield* CheckpointStore
    const lost = new CheckpointStoreError({ operation: "law", reason: unavailable })
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const loses = everyNth(2)
    yield* Running.start(Processor.projection(ledger)).pipe(
      Effect.provideService(CheckpointStore, {
        ...checkpoints,
        transact: (move, writes) =>
          Effect.tap(checkpoints.transact(move, writes), () => (loses() ? Effect.fail(lost) : Effect.void))
      })
    )
    for (let i = 0; i < 6; i++) {
      yield* Running.write(account, 3, 1 + 3 * i)
      yield* Running.catchesUp("lost the answer to every second commit", ledger)
    }
  })
)

const idle = law(
  "Processor 11.5 a projection without anything to do still advances",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const store = yield* EventStore
    const ledger = yield* Running.newLedger(yield* Account.make())
    yield* Running.start(Processor.projection(ledger))
    const { position } = yield* store.append(yield* Fresh.stream(), Fresh.events(3))
    yield* Check.inTime("waited for a projection that the events do not concern", waitFor(ledger, position))
    yield* Check.equal("listed its rows", (yield* ReadModel.list(ledger)).rows, [])
  })
)

const versions = law(
  "Processor 11.6 each version of a projection has rows and a checkpoint of its own",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const name = yield* Fresh.name("ledger")
    const [one, two] = [Running.ledger(account, name), Running.ledger(account, name, { version: 2 })]
    yield* Running.write(account, 10)
    const running = yield* Running.start(Processor.projection(one))
    yield* Running.catchesUp("ran version 1", one)
    yield* running.kill
    yield* Running.write(account, 8, 11)
    yield* Running.start(Processor.projection(two))
    yield* Running.catchesUp("ran version 2 from the beginning", two)
    const all = (yield* ReadModel.get(one, "all"))?.trail
    const later = (yield* ReadModel.get(two, "all"))?.trail
    yield* Check.equal("compared the rows of both", later?.startsWith(`${all}+`), true)
  })
)

const stops = law(
  "Processor 13.1 a projection that fails on an event stops right before it, with everything up to there committed",
  Effect.gen(function* () {
    const { status } = yield* Subject
    const account = yield* Account.make()
    let broken = true
    // By the event and not by how often it is called: a runner may call a pure handler as often as it likes.
    const onDeposit = (amount: number) => {
      if (broken && amount >= 4) throw new Error("it's too much")
    }
    const ledger = yield* Running.newLedger(account, { onDeposit })
    const first = yield* Running.write(account, 3)
    yield* Running.write(account, 5, 4)
    const running = yield* Running.start(Processor.projection(ledger))
    const error = yield* running.stopped
    const did = "ran a projection that fails on the fourth event"
    const named = [
      error.processor,
      error.stream,
      (error.position ?? 0) > first,
      error.problem.includes("it's too much")
    ]
    yield* Check.equal(`${did}: what the error says`, named, [ledger.name, `${account.name}-1`, true, true])
    yield* Check.equal(`${did}: whether it names the event's id`, typeof error.eventId, "string")
    const now = yield* status(ledger)
    yield* Running.standsBetween(did, now.position, first, Position.make(error.position ?? 0))
    yield* Check.equal(`${did}: its status says why`, now.stopped?.position, error.position)
    yield* Check.equal(`${did}: the row of all`, (yield* ReadModel.get(ledger, "all"))?.trail, "+1+2+3")
    broken = false
    yield* Running.start(Processor.projection(ledger))
    yield* Running.catchesUp("mended it and ran it again", ledger)
    yield* Check.equal("mended it: its status", (yield* status(ledger)).stopped, undefined)
  })
)

/** The laws of processors. */
export const laws: ReadonlyArray<Law<EventStore | CheckpointStore | ReadModelStore>> = [
  catchUp,
  killed,
  cutOff,
  lostAnswers,
  idle,
  versions,
  ...reacting,
  ...handling,
  ...tracing,
  ...counting,
  stops,
  ...leasing,
  ...partitioning,
  ...parking,
  ...managing,
  ...rebuilding,
  ...replaying,
  ...waiting,
  ...changing,
  ...keepingRows,
  ...aging
]
