// The laws of loading: now, as it was at a revision or a time, and the same with snapshots and without.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { CurrentPolicy, SnapshotStore } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { Subject } from "./Subject.ts"

const { deposit, withdraw } = Account

const none = { balance: 0, count: 0 }

/** Turns snapshots on. */
const every = (count: number) => Effect.provideService(CurrentPolicy, { every: count })

const unknown = law(
  "Aggregate 18 an entity without events has the initial state and no revision",
  Effect.gen(function* () {
    const { load } = yield* Subject
    const account = yield* Account.make()
    const { position, revision, state } = yield* load(account, "nobody")
    const expected = { state: none, revision: undefined, position: Position.beginning }
    yield* Check.equal("loaded an account without events", { state, revision, position }, expected)
  })
)

/** An account whose balance after revision n is n + 1. */
const grown = Effect.fnUntraced(function* (account: Account.Account, count: number) {
  const { execute } = yield* Subject
  for (let i = 0; i < count; i++) yield* execute(account, "a", deposit(1))
})

const atRevision = law(
  "Aggregate 19 the state at a revision is what it was right after that event, with snapshots and without",
  Effect.gen(function* () {
    const { load } = yield* Subject
    for (const policy of [undefined, { every: 3 }]) {
      const account = yield* Account.make()
      const at = (revision: number) =>
        Effect.provideService(load(account, "a", { at: { revision } }), CurrentPolicy, policy)
      yield* Effect.provideService(grown(account, 8), CurrentPolicy, policy)
      for (const n of Fresh.range(10)) {
        const { revision, state } = yield* at(n)
        const last = Math.min(n, 7)
        const did = `loaded revision ${n} of 7, ${policy === undefined ? "without snapshots" : "with snapshots"}`
        yield* Check.equal(did, [state.balance, revision], [last + 1, Revision.make(last)])
      }
      yield* Check.refusedBecause("loaded revision -1", at(-1), "InvalidRequest")
    }
  })
)

const atTime = law(
  "Aggregate 20 the state at a time is that of the last event recorded then or earlier",
  Effect.gen(function* () {
    const { load } = yield* Subject
    const store = yield* EventStore
    const account = yield* Account.make()
    const stream = StreamName.make(account.name, "a")
    const times: Array<number> = []
    const last = Effect.map(Contents.ofStream(stream, { direction: "backwards", limit: 1 }), ([event]) =>
      event === undefined ? 0 : DateTime.toEpochMillis(event.recordedAt)
    )
    for (let i = 0; i < 4; i++) {
      const before = yield* last
      yield* Check.eventually(
        "waited for the store's clock to tick",
        "it ticks",
        Effect.andThen(
          store.append(yield* Fresh.stream(), Fresh.events(1)),
          Effect.sync(() => Date.now())
        ),
        (now) => now > before + 1
      )
      yield* grown(account, 1)
      times.push(yield* last)
    }
    for (const [i, time] of times.entries()) {
      for (const shift of [-1, 0, 1]) {
        const at = { time: DateTime.makeUnsafe(time + shift) }
        const count = times.filter((one) => one <= time + shift).length
        const { state } = yield* load(account, "a", { at })
        yield* Check.equal(
          `loaded event ${i}'s time ${shift < 0 ? "less" : "plus"} ${Math.abs(shift)} ms`,
          state.count,
          count
        )
      }
    }
    const { revision, state } = yield* load(account, "a", { at: { time: DateTime.makeUnsafe(0) } })
    yield* Check.equal("loaded a time before the first event", [state, revision], [none, undefined])
  }).pipe(every(2))
)

const undecodable = law(
  "Aggregate 21 a stored event that no schema understands is an error that names its place",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const store = yield* EventStore
    const account = yield* Account.make()
    const stream = StreamName.make(account.name, "a")
    yield* execute(account, "a", deposit(1))
    const odd = { type: "Renamed", schemaVersion: 3, data: { to: "x" } }
    const { position } = yield* store.append(stream, [odd])
    const did = "loaded an account with an event of an unknown type"
    const reason = yield* Check.refusedBecause(did, load(account, "a"), "UndecodableEvent")
    const { revision, schemaVersion, type } = reason
    const found = [reason.stream, revision, reason.position, type, schemaVersion]
    yield* Check.equal(`${did}: what the error says`, found, [stream, 1, position, "Renamed", 3])
    yield* Check.refusedBecause("executed on it", execute(account, "a", deposit(1)), "UndecodableEvent")
    yield* Check.equal(
      "loaded what came before it",
      (yield* load(account, "a", { at: { revision: 0 } })).state.balance,
      1
    )
    yield* store.append(StreamName.make(account.name, "b"), [{ type: "Deposited", data: { amount: "much" } }])
    yield* Check.refusedBecause("loaded an event with other data", load(account, "b"), "UndecodableEvent")
  })
)

const snapshotsTaken = law(
  "Aggregate 22 snapshots are taken every so many events, however many a command writes",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const snapshots = yield* SnapshotStore
    const account = yield* Account.make()
    const stream = StreamName.make(account.name, "a")
    const taken = Effect.map(snapshots.load(stream, account.codecs.fingerprint), (one) => one?.revision)
    yield* grown(account, 9)
    yield* Check.equal("executed nine commands: the snapshot", yield* taken, undefined)
    yield* execute(account, "a", { _tag: "DepositEach", amounts: [1, 1, 1] })
    const at = yield* Check.eventually(
      "wrote events 10 to 12",
      "a snapshot is taken",
      taken,
      (one) => one !== undefined
    )
    yield* Check.equal("wrote events 10 to 12: the snapshot", at, Revision.make(11))
  }).pipe(every(10))
)

const noDifference = law(
  "Aggregate 23 deleting all snapshots, or losing the right to use them, changes no answer",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const snapshots = yield* SnapshotStore
    const account = yield* Account.make()
    const stream = StreamName.make(account.name, "a")
    for (let i = 0; i < 11; i++) yield* execute(account, "a", i % 3 === 2 ? withdraw(1) : deposit(i))
    const taken = Effect.map(snapshots.load(stream, account.codecs.fingerprint), (one) => one?.revision)
    yield* Check.eventually("wrote 11 events, a snapshot every 4", "one is at 7", taken, (at) => at === 7)
    const expected = yield* Effect.provideService(load(account, "a"), CurrentPolicy, undefined)
    yield* Check.equal("loaded with snapshots", yield* load(account, "a"), expected)
    const before = yield* Check.refused(
      "withdrew too much, with snapshots",
      execute(account, "a", withdraw(1000)),
      "Overdrawn"
    )
    yield* snapshots.remove(stream)
    yield* Check.equal("removed the snapshots and loaded", yield* load(account, "a"), expected)
    const after = yield* Check.refused("withdrew too much, without", execute(account, "a", withdraw(1000)), "Overdrawn")
    yield* Check.equal("compared the rejections", after.balance, before.balance)
  }).pipe(every(4))
)

const otherShape = law(
  "Aggregate 24 a snapshot of another state version, or one that cannot be read, is passed over",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const snapshots = yield* SnapshotStore
    const account = yield* Account.make()
    const stream = StreamName.make(account.name, "a")
    yield* grown(account, 5)
    const next = Account.named(account.name, { stateVersion: 2 })
    const fingerprints = [account.codecs.fingerprint, next.codecs.fingerprint]
    yield* Check.equal("compared the fingerprints of two state versions", new Set(fingerprints).size, 2)
    const { position } = yield* load(account, "a")
    const wrong = (state: string, fingerprint: string, revision: number) =>
      snapshots.save({ stream, fingerprint, revision: Revision.make(revision), position, state })
    const taken = snapshots.load(stream, account.codecs.fingerprint)
    const old = yield* Check.eventually(
      "wrote 5 events, a snapshot every 2",
      "there is one",
      taken,
      (one) => one !== undefined
    )
    // The library's own snapshot of the other version, as if that had counted otherwise.
    if (old !== undefined) yield* snapshots.save({ ...old, state: old.state.replaceAll(/:\d+/g, ":1000") })
    const misread = (yield* load(next, "a")).state
    yield* Check.equal("loaded with a new state version", misread, { balance: 5, count: 5 })
    for (const [i, state] of [`{"balance":"many"}`, "null", "not JSON"].entries()) {
      // A backend may refuse to keep what is no JSON.
      yield* Effect.ignore(wrong(state, next.codecs.fingerprint, 4))
      const found = (yield* load(next, "a")).state
      yield* Check.equal(`loaded beside a snapshot of ${state}`, found, { balance: 5 + i, count: 5 + i })
      yield* snapshots.remove(stream)
      yield* execute(account, "a", deposit(1))
      yield* snapshots.remove(stream)
    }
  }).pipe(every(2))
)

/** The laws of loading. */
export const loading = [unknown, atRevision, atTime, undecodable, snapshotsTaken, noDifference, otherShape]
