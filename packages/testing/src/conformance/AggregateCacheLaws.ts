// The laws of kept states: they make a command one round trip, and change no answer.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Random from "../internal/random.ts"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { Subject } from "./Subject.ts"

const { deposit, touch, withdraw } = Account

/** What a process is that keeps states: everything that it runs shares them. */
const process = Effect.gen(function* () {
  const { layerCache } = yield* Subject
  const context = yield* Layer.build(layerCache({ capacity: 100, timeToLive: "1 hour" }))
  return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Effect.provide(effect, context)
})

/** A store that writes down what it is asked. */
const asking = (store: EventStore["Service"]) => {
  const asked: Array<string> = []
  const ask = (what: string) => Effect.sync(() => asked.push(what))
  const service: EventStore["Service"] = {
    ...store,
    history: (stream, take, options) =>
      Effect.andThen(ask(`history from ${options?.from}`), store.history(stream, take, options)),
    find: (stream, id) => Effect.andThen(ask("find"), store.find(stream, id)),
    append: (stream, events, options) =>
      Effect.andThen(ask(`append at ${options?.expected}`), store.append(stream, events, options))
  }
  return { asked, service }
}

/** Somebody else writes, whom no kept state knows. */
const others = (account: Account.Account, type: "Deposited" | "Withdrawn", amount: number) =>
  EventStore.use((store) => store.append(StreamName.make(account.name, "a"), [{ type, data: { amount } }]))

const oneTrip = law(
  "Aggregate 29 with a kept state a command is its append and nothing else, and with a command id its look-up, too",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const keeping = yield* process
    const { asked, service } = asking(yield* EventStore)
    const account = yield* Account.make()
    const run = (command: ReturnType<typeof deposit> | ReturnType<typeof withdraw>, commandId?: string) =>
      keeping(execute(account, "a", command, commandId === undefined ? {} : { commandId })).pipe(
        Effect.provideService(EventStore, service)
      )
    yield* run(deposit(5))
    asked.length = 0
    yield* run(withdraw(2))
    yield* run(withdraw(3))
    yield* Check.equal("executed two more commands: what the store was asked", asked, ["append at 0", "append at 1"])
    asked.length = 0
    const first = yield* run(deposit(1), "c")
    yield* Check.equal("executed one with an id: what the store was asked", asked, ["find", "append at 2"])
    yield* run(deposit(7))
    const again = yield* run(deposit(1), "c")
    const found = [again.repeated, again.revision, again.events]
    yield* Check.equal("executed it again: its outcome", found, [true, first.revision, first.events])
  })
)

const stale = law(
  "Aggregate 30 a kept state that is out of date costs an append and nothing of the schedule, and only what is new is loaded",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const keeping = yield* process
    const { asked, service } = asking(yield* EventStore)
    const account = yield* Account.make()
    const run = (command: ReturnType<typeof deposit>) =>
      keeping(execute(account, "a", command, { retry: Schedule.recurs(0) })).pipe(
        Effect.provideService(EventStore, service)
      )
    for (const amount of [1, 2, 3]) yield* run(deposit(amount))
    yield* others(account, "Deposited", 10)
    asked.length = 0
    const { revision } = yield* run(deposit(4))
    const did = "executed a command after somebody else had written"
    yield* Check.equal(`${did}: its revision`, revision, Revision.make(4))
    yield* Check.equal(`${did}: what the store was asked`, asked, ["append at 2", "history from 2", "append at 3"])
  })
)

const refusesNothing = law(
  "Aggregate 31 nothing is refused, or left undone, because of a kept state that is out of date",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const keeping = yield* process
    const account = yield* Account.make()
    const run = (command: Parameters<typeof account.decide>[0], expected?: Revision.Revision) =>
      keeping(execute(account, "a", command, expected === undefined ? {} : { expected }))
    yield* run(deposit(5))
    yield* others(account, "Deposited", 5)
    const done = yield* run(withdraw(10))
    yield* Check.equal("withdrew what somebody else had deposited", done.revision, Revision.make(2))
    yield* others(account, "Deposited", 3)
    const error = yield* Check.refused("withdrew more than that", run(withdraw(4)), "Overdrawn")
    yield* Check.equal("withdrew more than that: the balance that the rejection names", error.balance, 3)
    yield* others(account, "Withdrawn", 1)
    const nothing = yield* run(touch)
    yield* Check.equal("touched it: where the stream is", nothing.revision, Revision.make(4))
    yield* others(account, "Withdrawn", 1)
    const expected = yield* run(deposit(1), Revision.make(5))
    yield* Check.equal("expected the stream where it is", expected.revision, Revision.make(6))
    yield* others(account, "Deposited", 1)
    yield* Check.refused("expected it where it was", run(deposit(1), Revision.make(6)), "WrongExpectedRevision")
    yield* others(account, "Deposited", 40)
    const { revision, state } = yield* keeping(load(account, "a"))
    yield* Check.equal("loaded it", [state, revision], [{ balance: 43, count: 9 }, Revision.make(8)])
  })
)

const crowd = law(
  "Aggregate 32 racing commands of processes that keep states are each decided on the newest state",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const account = yield* Account.make()
    const processes = [yield* process, yield* process, yield* process]
    const seed = yield* EventId.generate
    const random = Random.make(seed)
    const did = `let three processes execute 10 commands each on two accounts (seed ${seed})`
    const ids = ["a", "b"]
    // Each has a state that withdrawals are fine with, until the others have made theirs.
    for (const keeping of processes) for (const id of ids) yield* keeping(execute(account, id, deposit(5)))
    const actors = processes.flatMap((keeping) =>
      Fresh.range(2).map(() =>
        Effect.gen(function* () {
          let written = 0
          for (const _ of Fresh.range(5)) {
            const command = random.chance(0.2) ? deposit(1) : withdraw(1 + random.below(5))
            const result = yield* Effect.result(keeping(execute(account, random.pick(ids) ?? "a", command)))
            if (Result.isSuccess(result)) written += 1
            else {
              // Who decides again how often is another law's matter.
              const { _tag: how } = result.failure
              const isFine = how === "Overdrawn" || how === "WrongExpectedRevision"
              yield* Check.holds(`${did}: how one ended`, "Overdrawn, or overtaken too often", isFine, how)
            }
            if (random.chance(0.3)) yield* Effect.yieldNow
          }
          return written
        })
      )
    )
    const written = yield* Effect.all(actors, { concurrency: "unbounded" })
    let stored = 0
    for (const id of ids) {
      const events = yield* Contents.ofStream(StreamName.make(account.name, id))
      stored += events.length
      let balance = 0
      for (const { data, type } of events) {
        const { amount } = data as { readonly amount: number }
        balance += type === "Deposited" ? amount : -amount
        yield* Check.holds(`${did}: the balance of ${id}`, "never below zero", balance >= 0, balance)
      }
      for (const keeping of processes) {
        const { state } = yield* keeping(load(account, id))
        yield* Check.equal(`${did}: the state of ${id}`, state, { balance, count: events.length })
      }
    }
    const sum = written.reduce((total, one) => total + one, processes.length * ids.length)
    yield* Check.equal(`${did}: how many events there are`, stored, sum)
  })
)

/** The laws of kept states. */
export const keeping = [oneTrip, stale, refusesNothing, crowd]
