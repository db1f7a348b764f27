// The laws of executing and loading aggregates: decide on the newest state, write once, tell rejections from conflicts.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { EventData } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import { WrongExpectedRevision } from "evolvent/EventStoreError"
import * as Metadata from "evolvent/Metadata"
import * as Revision from "evolvent/Revision"
import type { SnapshotStore } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import { commandIds } from "./AggregateCommandIdLaws.ts"
import { keeping } from "./AggregateCacheLaws.ts"
import { loading } from "./AggregateLoadLaws.ts"
import { snapshotting } from "./AggregateSnapshotLaws.ts"
import { aging } from "./AggregateVersionLaws.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { Subject } from "./Subject.ts"

const { deposit, touch, withdraw } = Account

const amounts = (account: Account.Account, id: string) =>
  Effect.map(Contents.ofStream(StreamName.make(account.name, id)), (events) =>
    events.map(({ data, type }) => [type, (data as { readonly amount?: unknown }).amount])
  )

const executes = law(
  "Aggregate 1 execute writes what was decided and says where it stands; load gives the state of it",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const account = yield* Account.make()
    const first = yield* execute(account, "a", deposit(10))
    const second = yield* execute(account, "a", { _tag: "DepositEach", amounts: [1, 2, 3] })
    const third = yield* execute(account, "a", withdraw(4))
    yield* execute(account, "b", deposit(99))
    const revisions = [first, second, third].map(({ revision }) => revision)
    yield* Check.equal("executed three commands: the revisions", revisions, [0, 3, 4].map(Revision.make))
    yield* Check.equal("executed a command: its events", third.events, [{ _tag: "Withdrawn", amount: 4 }])
    yield* Check.equal("executed a command: whether it was a repeat", third.repeated, false)
    yield* Check.equal("executed three commands: what is stored", yield* amounts(account, "a"), [
      ["Deposited", 10],
      ["Deposited", 1],
      ["Deposited", 2],
      ["Deposited", 3],
      ["Withdrawn", 4]
    ])
    const last = (yield* Contents.ofStream(StreamName.make(account.name, "a"))).at(-1)
    yield* Check.equal("executed a command: its position", third.position, last?.position)
    const { position, revision, state } = yield* load(account, "a")
    const loaded = { state, revision, position }
    const expected = { state: { balance: 12, count: 5 }, revision: third.revision, position: third.position }
    yield* Check.equal("loaded the account", loaded, expected)
  })
)

/** A store that lets others go first before it appends, so that races are races on the fastest backend. */
const unhurried = (store: EventStore["Service"]): EventStore["Service"] => ({
  ...store,
  append: (stream, events, options) => Effect.andThen(Effect.yieldNow, store.append(stream, events, options))
})

const contended = law(
  "Aggregate 2 racing commands on one entity are each decided on the newest state",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const service = unhurried(yield* EventStore)
    const account = yield* Account.make()
    yield* execute(account, "a", deposit(100))
    const did = "let 16 racers withdraw 10 each from a balance of 100"
    const racers = Fresh.range(16).map(() =>
      execute(account, "a", withdraw(10)).pipe(Effect.provideService(EventStore, service))
    )
    const { lost, won } = Check.sides(yield* Check.race(racers))
    yield* Check.equal(`${did}: how the others ended`, [...new Set(lost.map(({ _tag }) => _tag))], ["Overdrawn"])
    yield* Check.equal(`${did}: how many got it`, won.length, 10)
    const revisions = won.map(({ revision }) => Number(revision)).sort((a, b) => a - b)
    yield* Check.equal(
      `${did}: their revisions`,
      revisions,
      Fresh.range(10).map((i) => i + 1)
    )
    yield* Check.equal(`${did}: the state`, (yield* load(account, "a")).state, { balance: 0, count: 11 })
  })
)

/** A store in whose streams somebody else writes first, a number of times. */
const overtaken = (store: EventStore["Service"], account: Account.Account, times: number) => {
  let left = times
  const reads: Array<number | undefined> = []
  const service: EventStore["Service"] = {
    ...store,
    history: (stream, take, options) => {
      reads.push(options?.from)
      return store.history(stream, take, options)
    },
    append: (stream, events, options) =>
      Effect.suspend(() => {
        if (left <= 0) return store.append(stream, events, options)
        left -= 1
        const others: EventData = { type: "Deposited", data: { amount: 100 } }
        return Effect.andThen(
          store.append(StreamName.make(account.name, "a"), [others]),
          store.append(stream, events, options)
        )
      })
  }
  return { service, reads }
}

const reloads = law(
  "Aggregate 3 after a conflict only what is new is loaded, and the command is decided again on it",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const asked = { decide: 0 }
    const account = yield* Account.make({ asked })
    yield* execute(account, "a", { _tag: "DepositEach", amounts: [5, 5] })
    const { reads, service } = overtaken(yield* EventStore, account, 2)
    const done = yield* execute(account, "a", withdraw(200)).pipe(
      Effect.provideService(EventStore, service),
      Effect.result
    )
    yield* Check.equal("withdrew more than there is: rejected before anyone was faster", done._tag, "Failure")
    asked.decide = 0
    reads.length = 0
    const { revision } = yield* Effect.provideService(execute(account, "a", withdraw(10)), EventStore, service)
    const did = "executed a command while someone else wrote twice"
    yield* Check.equal(`${did}: its revision`, revision, Revision.make(4))
    yield* Check.equal(`${did}: how often it was decided`, asked.decide, 3)
    yield* Check.equal(`${did}: from where the stream was read again`, reads.slice(1), [2, 3])
  })
)

const schedule = law(
  "Aggregate 4 a command is decided again as often as its schedule says, then the conflict is its error",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const asked = { decide: 0 }
    const account = yield* Account.make({ asked })
    const { service } = overtaken(yield* EventStore, account, 1000)
    const call = execute(account, "a", deposit(1), { retry: Schedule.recurs(3) })
    const did = "executed a command, three retries allowed, while someone else was always faster"
    const error = yield* Check.refused(
      did,
      call.pipe(Effect.provideService(EventStore, service)),
      "WrongExpectedRevision"
    )
    yield* Check.equal(`${did}: how often it was decided`, asked.decide, 4)
    yield* Check.equal(`${did}: the actual revision`, error.actual, 3)
    const stored = yield* amounts(account, "a")
    yield* Check.equal(
      `${did}: what is stored`,
      stored,
      Fresh.range(4).map(() => ["Deposited", 100])
    )
  })
)

const rejections = law(
  "Aggregate 5 a rejection has its own type, is decided once and writes nothing",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const asked = { decide: 0 }
    const account = yield* Account.make({ asked })
    yield* execute(account, "a", deposit(5))
    asked.decide = 0
    const error = yield* Check.refused("withdrew 6 of 5", execute(account, "a", withdraw(6)), "Overdrawn")
    yield* Check.equal("withdrew 6 of 5: the balance that the rejection names", error.balance, 5)
    yield* Check.equal("withdrew 6 of 5: how often it was decided", asked.decide, 1)
    yield* Check.equal("withdrew 6 of 5: what is stored", yield* amounts(account, "a"), [["Deposited", 5]])
  })
)

const nothing = law(
  "Aggregate 6 a decision of no events writes nothing and says where the stream is",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const account = yield* Account.make()
    const none = yield* execute(account, "a", touch)
    yield* Check.equal("touched an account that is not there", [none.events, none.revision], [[], undefined])
    const first = yield* execute(account, "a", deposit(5))
    const done = yield* execute(account, "a", touch)
    const found = [done.events, done.revision, done.position, done.repeated]
    yield* Check.equal("touched an account", found, [[], first.revision, first.position, false])
    yield* Check.equal("touched an account: what is stored", yield* amounts(account, "a"), [["Deposited", 5]])
  })
)

const expected = law(
  "Aggregate 7 where the caller expects the stream elsewhere, the command fails at once, undecided",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const asked = { decide: 0 }
    const account = yield* Account.make({ asked })
    const exists = execute(account, "a", deposit(1), { expected: "streamExists" })
    yield* Check.refused("expected an account that is not there", exists, "WrongExpectedRevision")
    yield* execute(account, "a", deposit(5), { expected: "noStream" })
    yield* execute(account, "a", deposit(6), { expected: Revision.make(0) })
    asked.decide = 0
    for (const expected of ["noStream", Revision.make(0), Revision.make(2)] as const) {
      const call = execute(account, "a", deposit(9), { expected })
      const error = yield* Check.refused(`expected ${expected} at revision 1`, call, "WrongExpectedRevision")
      yield* Check.equal(
        `expected ${expected} at revision 1: what the error says`,
        [error.expected, error.actual],
        [expected, 1]
      )
    }
    yield* Check.equal("expected it elsewhere three times: how often it was decided", asked.decide, 0)
    const { service } = overtaken(yield* EventStore, account, 1)
    const call = execute(account, "a", deposit(7), { expected: Revision.make(1) }).pipe(
      Effect.provideService(EventStore, service)
    )
    const error = yield* Check.refused("expected revision 1, and was overtaken", call, "WrongExpectedRevision")
    yield* Check.equal(
      "expected revision 1, and was overtaken: the error",
      error instanceof WrongExpectedRevision,
      true
    )
  })
)

const invalid = law(
  "Aggregate 8 a command that its schema refuses is not decided",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const asked = { decide: 0 }
    const account = yield* Account.make({ asked })
    yield* Check.refused("deposited half a cent", execute(account, "a", deposit(0.5)), "InvalidCommand")
    yield* Check.equal("deposited half a cent: how often it was decided", asked.decide, 0)
    yield* Check.refusedBecause("named an account by no id", execute(account, "", deposit(1)), "InvalidStreamName")
  })
)

const metadata = law(
  "Aggregate 9 the fiber's metadata goes with the events, which begin a conversation unless they are part of one",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const account = yield* Account.make()
    const two = { _tag: "DepositEach", amounts: [1, 2] } as const
    yield* execute(account, "a", two)
    yield* execute(account, "b", two, { commandId: "command-1" })
    const flow = { correlationId: "talk", causationId: "cause", actor: "ada", tenant: "acme" }
    yield* Metadata.provide(flow)(execute(account, "c", two))
    yield* Metadata.provide(flow)(execute(account, "d", two, { commandId: "command-2" }))
    const of = (id: string) => Contents.ofStream(StreamName.make(account.name, id))
    const own = yield* of("a")
    const [first] = own
    const talks = own.map((event) => event.metadata.correlationId)
    yield* Check.equal("executed a command alone: the conversation", talks, [first?.id, first?.id])
    const identified = yield* of("b")
    for (const { metadata } of identified) {
      const found = [metadata.correlationId, metadata.commandId]
      yield* Check.equal("executed a command with an id", found, [identified[0]?.id, "command-1"])
    }
    for (const { metadata } of yield* of("c")) {
      yield* Check.equal<Metadata.Metadata>("executed a command in a conversation", { ...metadata }, flow)
    }
    for (const { metadata } of yield* of("d")) {
      const { actor, causationId, commandId, correlationId, tenant } = metadata
      const found = { actor, causationId, commandId, correlationId, tenant }
      yield* Check.equal("executed a command with an id in a conversation", found, { ...flow, commandId: "command-2" })
    }
  })
)

/** The laws of executing and loading. */
export const laws: ReadonlyArray<Law<EventStore | SnapshotStore>> = [
  executes,
  contended,
  reloads,
  schedule,
  rejections,
  nothing,
  expected,
  invalid,
  metadata,
  ...commandIds,
  ...loading,
  ...aging,
  ...snapshotting,
  ...keeping
]
