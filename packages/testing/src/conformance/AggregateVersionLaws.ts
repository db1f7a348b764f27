// The laws of old versions under commands and loads: what was stored by older code is what it means today.
import * as Effect from "effect/Effect"
import { SnapshotStore, CurrentPolicy } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Aged from "./Aged.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import { law } from "./Law.ts"
import { Subject } from "./Subject.ts"

const foldsAlike = law(
  "Aggregate 25 events of three versions in one stream fold to the same state as today's, with snapshots and without",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const snapshots = yield* SnapshotStore
    const account = yield* Aged.make
    yield* Aged.write(account, "old", Aged.aged)
    yield* Aged.write(account, "new", Aged.today)
    const state = (id: string) => Effect.map(load(account, id), (found) => found.state)
    yield* Check.equal("loaded events of every version", yield* state("old"), yield* state("new"))
    const stream = StreamName.make(account.name, "old")
    for (let i = 0; i < 5; i++) {
      for (const id of ["old", "new"]) yield* execute(account, id, { _tag: "Add", amount: i })
    }
    yield* Check.eventually(
      "executed five commands on each, a snapshot every 4",
      "there is one",
      snapshots.load(stream, account.codecs.fingerprint),
      (one) => one !== undefined
    )
    yield* Check.equal("loaded with a snapshot", yield* state("old"), yield* state("new"))
    const last = (yield* Contents.ofStream(stream, { direction: "backwards", limit: 1 }))[0]
    yield* Check.equal("executed a command: what is stored", [last?.type, last?.schemaVersion], ["Added", 2])
  }).pipe(Effect.provideService(CurrentPolicy, { every: 4 }))
)

const isNewer = law(
  "Aggregate 26 an event that newer code wrote is an error that says so and names its place, and nothing is written",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const account = yield* Aged.make
    yield* Aged.write(account, "a", Aged.today)
    const { position } = yield* Aged.write(account, "a", [Aged.newer])
    const stream = StreamName.make(account.name, "a")
    const reason = yield* Check.refusedBecause("loaded version 3 of what is 2 here", load(account, "a"), "NewerVersion")
    const { newest, revision, schemaVersion, type } = reason
    const found = [reason.stream, revision, reason.position, type, schemaVersion, newest]
    yield* Check.equal("what the error says", found, [stream, Aged.today.length, position, "Added", 3, 2])
    const command = execute(account, "a", { _tag: "Add", amount: 1 })
    yield* Check.refusedBecause("executed a command on it", command, "NewerVersion")
    const events = yield* Contents.ofStream(stream)
    yield* Check.equal("looked at the stream", events.length, Aged.today.length + 1)
    yield* Aged.write(account, "b", [Aged.broken])
    yield* Check.refusedBecause("loaded a version that never was", load(account, "b"), "UndecodableEvent")
  })
)

/** The laws of old and newer versions. */
export const aging = [foldsAlike, isNewer]
