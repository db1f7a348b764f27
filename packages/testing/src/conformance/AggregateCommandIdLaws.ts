// The laws of command ids: a command executed again, by whomever and however late, has the outcome of the first time.
import * as Effect from "effect/Effect"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import { because, Unavailable } from "evolvent/EventStoreError"
import { CurrentPolicy } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { Subject } from "./Subject.ts"

const { deposit, touch, withdraw } = Account

const stored = (account: Account.Account, id = "a") =>
  Effect.map(Contents.ofStream(StreamName.make(account.name, id)), (events) => events.length)

const outcome = <Event>({
  events,
  position,
  revision
}: {
  readonly events: ReadonlyArray<Event>
  readonly revision: number | undefined
  readonly position: number
}) => ({
  events,
  revision,
  position
})

const repeated = law(
  "Aggregate 10 the same command with the same id returns the first outcome and writes nothing, however much later",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const account = yield* Account.make()
    yield* execute(account, "a", deposit(10))
    for (const commandId of ["command 1", yield* EventId.generate, 'it\'s "odd" 😀']) {
      const command = { _tag: "DepositEach", amounts: [1, 2] } as const
      const first = yield* execute(account, "a", command, { commandId })
      yield* execute(account, "a", withdraw(10 + 3))
      yield* execute(account, "a", deposit(10))
      const before = yield* stored(account)
      const again = yield* execute(account, "a", command, { commandId })
      yield* Check.equal("repeated a command after others: its outcome", outcome(again), outcome(first))
      yield* Check.equal("repeated a command: what it says of itself", [first.repeated, again.repeated], [false, true])
      yield* Check.equal("repeated a command: how many events there are", yield* stored(account), before)
    }
  })
)

const wouldBeRejected = law(
  "Aggregate 11 a repeated command is not decided again, even if it would be rejected now",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const asked = { decide: 0 }
    const account = yield* Account.make({ asked })
    yield* execute(account, "a", deposit(10))
    const first = yield* execute(account, "a", withdraw(10), { commandId: "all of it" })
    asked.decide = 0
    const again = yield* execute(account, "a", withdraw(10), { commandId: "all of it", expected: "noStream" })
    yield* Check.equal("withdrew everything twice with one id", outcome(again), outcome(first))
    yield* Check.equal("withdrew everything twice with one id: how often it was decided again", asked.decide, 0)
  })
)

const racers = law(
  "Aggregate 12 racers with one command id write once and all get the one outcome",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const store = yield* EventStore
    // Lets others go first before it appends, so that the race is one on the fastest backend.
    const unhurried: EventStore["Service"] = {
      ...store,
      append: (stream, events, options) => Effect.andThen(Effect.yieldNow, store.append(stream, events, options))
    }
    const account = yield* Account.make()
    for (const id of ["new", "old"]) {
      if (id === "old") yield* execute(account, id, deposit(1))
      const before = yield* stored(account, id)
      const did = "let 12 racers execute one command with one id"
      const command = { _tag: "DepositEach", amounts: [1, 2, 3] } as const
      const call = execute(account, id, command, { commandId: `once ${id}` }).pipe(
        Effect.provideService(EventStore, unhurried)
      )
      const { lost, won } = Check.sides(yield* Check.race(Fresh.range(12).map(() => call)))
      yield* Check.equal(`${did}: those who failed`, lost, [])
      const [first] = won
      for (const one of won)
        yield* Check.equal(`${did}: the outcome`, outcome(one), first === undefined ? undefined : outcome(first))
      yield* Check.equal(`${did}: how many events there are`, yield* stored(account, id), before + 3)
    }
  })
)

const reused = law(
  "Aggregate 13 a command id that another command used is an error, and nothing is written",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const account = yield* Account.make()
    yield* execute(account, "a", deposit(1))
    yield* execute(account, "a", deposit(10), { commandId: "mine" })
    yield* execute(account, "a", deposit(2))
    for (const other of [deposit(11), withdraw(10), touch]) {
      const call = execute(account, "a", other, { commandId: "mine" })
      const error = yield* Check.refused(`used a command id again for ${other._tag}`, call, "CommandIdReused")
      const says = [error.commandId, error.revision]
      yield* Check.equal(`used a command id again for ${other._tag}: what the error says`, says, ["mine", 1])
    }
    yield* Check.equal("used a command id again: how many events there are", yield* stored(account), 3)
  })
)

const forgotten = law(
  "Aggregate 14 rejections and decisions of no events are not remembered",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const account = yield* Account.make()
    const call = execute(account, "a", withdraw(10), { commandId: "later" })
    yield* Check.refused("withdrew from an empty account", call, "Overdrawn")
    yield* execute(account, "a", touch, { commandId: "later" })
    yield* execute(account, "a", deposit(10))
    const done = yield* call
    yield* Check.equal(
      "withdrew with the same id when there was money",
      [done.repeated, done.events.length],
      [false, 1]
    )
    yield* Check.equal("withdrew once more", (yield* call).repeated, true)
  })
)

const perEntity = law(
  "Aggregate 15 a command id belongs to one entity",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const [account, other] = [yield* Account.make(), yield* Account.make()]
    const calls = [
      execute(account, "a", deposit(1), { commandId: "c" }),
      execute(account, "b", deposit(2), { commandId: "c" }),
      execute(other, "a", deposit(3), { commandId: "c" })
    ]
    for (const call of calls) yield* Check.equal("used a command id on another entity", (yield* call).repeated, false)
    for (const call of calls) yield* Check.equal("used a command id on each entity again", (yield* call).repeated, true)
  })
)

const lostAnswer = law(
  "Aggregate 16 a command whose answer was lost can be executed again without harm",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const store = yield* EventStore
    const account = yield* Account.make()
    yield* execute(account, "a", deposit(10))
    const lost = because("test", new Unavailable({ problem: "the connection broke after the commit" }))
    const forgetful: EventStore["Service"] = {
      ...store,
      append: (stream, events, options) => Effect.andThen(store.append(stream, events, options), Effect.fail(lost))
    }
    const call = execute(account, "a", withdraw(10), { commandId: "pay" })
    const did = "executed a command whose answer was lost"
    yield* Check.refusedBecause(did, call.pipe(Effect.provideService(EventStore, forgetful)), "Unavailable")
    const again = yield* call
    yield* Check.equal(`${did}, and again`, [again.repeated, again.revision, again.events.length], [true, 1, 1])
    yield* Check.equal(`${did}, and again: how many events there are`, yield* stored(account), 2)
  })
)

const longAgo = law(
  "Aggregate 17 an outcome of many events is returned whole, also from before a snapshot",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const account = yield* Account.make()
    const command = { _tag: "DepositEach", amounts: Fresh.range(700) } as const
    yield* execute(account, "a", deposit(1))
    const first = yield* execute(account, "a", command, { commandId: "many" })
    for (let i = 0; i < 3; i++) yield* execute(account, "a", { _tag: "DepositEach", amounts: Fresh.range(101) })
    const again = yield* execute(account, "a", command, { commandId: "many" })
    yield* Check.equal(
      "repeated a command of 700 events: revision",
      [again.repeated, again.revision],
      [true, first.revision]
    )
    yield* Check.equal("repeated a command of 700 events: these", again.events, first.events)
    yield* Check.equal("counted what the state counted", (yield* load(account, "a")).state.count, 1 + 700 + 303)
    yield* Check.refused(
      "used its id for another",
      execute(account, "a", touch, { commandId: "many" }),
      "CommandIdReused"
    )
  }).pipe(Effect.provideService(CurrentPolicy, { every: 100 }))
)

/** The laws of command ids. */
export const commandIds = [repeated, wouldBeRejected, racers, reused, forgotten, perEntity, lostAnswer, longAgo]
