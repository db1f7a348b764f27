// The laws of runners (14): one at a time, the next takes over, and who lost the lease commits nothing.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Predicate from "effect/Predicate"
import { CheckpointStore } from "evolvent/CheckpointStore"
import type { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** A reactor that says who runs it. */
const byRunner = (account: Account.Account, name: string, runner: string, seen: Array<readonly [string, number]>) =>
  Processor.reactor(name, {
    from: [account],
    handle: ({ data: { amount } }) =>
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => seen.push([runner, amount]))
      )
  })

const oneAtATime = law(
  "Processor 14.1 of several runners one works, and when it dies another goes on where it was",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    const seen: Array<readonly [string, number]> = []
    const runners = yield* Effect.forEach(["a", "b", "c"], (runner) =>
      Running.start(byRunner(account, name, runner, seen))
    )
    const expected: Array<number> = []
    for (const [i, runner] of runners.entries()) {
      yield* Running.write(account, 12, 1 + 12 * i)
      expected.push(...Fresh.range(12).map((n) => Running.amountOf(n + 1 + 12 * i)))
      const did = `let three runners race, killed ${i} of them`
      const count = Effect.sync(() => seen.length)
      yield* Check.eventually(did, `${expected.length} events are handled`, count, (n) => n >= expected.length)
      yield* Check.equal(
        `${did}: what was handled`,
        seen.map(([, n]) => n),
        expected
      )
      const workers = new Set(seen.slice(12 * i).map(([who]) => who))
      yield* Check.equal(`${did}: how many runners handled the last twelve`, workers.size, 1)
      const { waitFor } = yield* Subject
      yield* waitFor(byRunner(account, name, "", []), yield* Running.write(yield* Account.make(), 1))
      const active = ["a", "b", "c"].indexOf([...workers][0] ?? "")
      yield* (runners[active] ?? runner).kill
    }
  })
)

const fenced = law(
  "Processor 14.2 a runner that lost its lease in the middle of an event cannot commit it",
  Effect.gen(function* () {
    const checkpoints = yield* CheckpointStore
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    yield* Running.write(account, 6)
    let frozen = false
    const gate = yield* Latch.make()
    // Its process stands still right before a commit: no renewal gets out either, until the gate opens.
    const asleep = Effect.gen(function* () {
      frozen = true
      yield* gate.await
    })
    const refused: Array<string> = []
    const slow: CheckpointStore["Service"] = {
      ...checkpoints,
      renew: () => Effect.never,
      transact: (move, writes) =>
        Effect.andThen(
          Effect.suspend(() => (frozen ? Effect.void : asleep)),
          Effect.tapCause(checkpoints.transact(move, writes), (cause) =>
            Effect.sync(() => refused.push(...cause.reasons.map((reason) => tagOf(reason))))
          )
        )
    }
    const old = yield* Running.start(Processor.projection(ledger), { lease: "200 millis" }).pipe(
      Effect.provideService(CheckpointStore, slow)
    )
    yield* Check.eventually(
      "ran a projection",
      "it comes to its first commit",
      Effect.sync(() => frozen),
      (is) => is
    )
    yield* Running.start(Processor.projection(ledger), { lease: "200 millis" })
    yield* Running.catchesUp("froze a runner, so that another took over", ledger)
    yield* gate.open
    yield* Check.eventually(
      "woke the frozen runner",
      "its commit is refused",
      Effect.sync(() => refused),
      (all) => all.length > 0
    )
    yield* Check.equal("woke the frozen runner: how it was refused", refused, ["LeaseLost"])
    yield* Running.write(account, 6, 7)
    yield* Running.catchesUp("woke the frozen runner and wrote on", ledger)
    yield* old.kill
  })
)

const tagOf = (reason: Cause.Reason<unknown>): string =>
  Cause.isFailReason(reason) && Predicate.hasProperty(reason.error, "_tag") ? String(reason.error._tag) : reason._tag

const takenOver = law(
  "Processor 14.3 a runner that died without a word is replaced when its lease runs out",
  Effect.gen(function* () {
    const checkpoints = yield* CheckpointStore
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    yield* Running.write(account, 5)
    const mute: CheckpointStore["Service"] = { ...checkpoints, renew: () => Effect.never, release: () => Effect.void }
    const old = yield* Running.start(Processor.projection(ledger), { lease: "200 millis" }).pipe(
      Effect.provideService(CheckpointStore, mute)
    )
    yield* Running.catchesUp("ran a projection", ledger)
    yield* old.kill
    yield* Running.write(account, 5, 6)
    yield* Running.start(Processor.projection(ledger), { lease: "200 millis" })
    yield* Running.catchesUp("killed a runner that could not give its lease back, and started another", ledger)
  })
)

const released = law(
  "Processor 14.4 a runner that ends or stops gives its lease back at once",
  Effect.gen(function* () {
    const checkpoints = yield* CheckpointStore
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    const { waitFor } = yield* Subject
    const position = yield* Running.write(account, 3)
    const reactor = Processor.reactor(name, { from: [account], handle: () => Effect.void })
    const running = yield* Running.start(reactor, { lease: "1 hour" })
    yield* waitFor(reactor, position)
    yield* Check.refused(
      "acquired the lease of a runner at work",
      checkpoints.acquire(`${reactor.checkpoint}/0`, "law", "1 hour"),
      "LeaseHeld"
    )
    yield* running.kill
    yield* checkpoints.release(yield* checkpoints.acquire(`${reactor.checkpoint}/0`, "law", "1 hour"))
    const failing = Processor.reactor(name, { from: [account], handle: () => Effect.die("bug") })
    const stopping = yield* Running.start(failing, { lease: "1 hour" })
    yield* Running.write(account, 1, 4)
    yield* stopping.stopped
    yield* checkpoints.acquire(`${reactor.checkpoint}/0`, "law", "1 hour")
  })
)

const renewing = law(
  "Processor 14.5 a handler that takes longer than the lease keeps it",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const name = yield* Fresh.name("reactor")
    let runs = 0
    const slow = Processor.reactor(name, {
      from: [account],
      handle: () =>
        Effect.andThen(
          Effect.sync(() => (runs += 1)),
          Effect.sleep("450 millis")
        )
    })
    const { waitFor } = yield* Subject
    const position = yield* Running.write(account, 1)
    yield* Running.start(slow, { lease: "300 millis" })
    yield* Check.eventually(
      "ran a slow handler",
      "it begins",
      Effect.sync(() => runs),
      (n) => n > 0
    )
    yield* Running.start(slow, { lease: "300 millis" })
    yield* waitFor(slow, position)
    yield* Check.equal("ran a handler of 450 ms under a lease of 300 ms beside another runner: how often", runs, 1)
  })
)

/** The laws of runners. */
export const leasing: ReadonlyArray<Law<Services>> = [oneAtATime, fenced, takenOver, released, renewing]
