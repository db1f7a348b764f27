// The laws of live queries (17): what a stream of changes tells is what the read model holds, and nothing is left out.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { enduring } from "./ReadModelChangesFaultLaws.ts"
import { remade } from "./ReadModelChangesRemadeLaws.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"
import { tellsAll, watch } from "./Watching.ts"
import type { Change } from "./Watching.ts"

const ofKey = law(
  "Processor 17.1 the changes of a key begin with its row as it is and end with its row at rest",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const early = yield* watch(ledger, "all")
    const first = yield* Check.eventually(
      "watched a key without events",
      "the first change comes",
      Effect.sync(() => early.ended ?? early.got[0]),
      (found) => found !== undefined
    )
    yield* Check.equal(
      "watched a key without events: its row",
      typeof first === "string" ? first : first?.row,
      undefined
    )
    yield* Running.start(Processor.projection(ledger))
    yield* Running.write(account, 30)
    yield* tellsAll("watched a key and wrote 30 events", early, ledger, "all")
    const row = yield* ReadModel.get(ledger, "all")
    const late = yield* watch(ledger, "all")
    yield* Check.eventually(
      "watched a key that has a row",
      "the first change comes",
      Effect.sync(() => late.got.length),
      (count) => count > 0
    )
    yield* Check.equal("watched a key that has a row: the first change", late.got[0]?.row, row)
    const gone = yield* watch(ledger, "account 1")
    for (let n = 31; n < 80; n += 7) {
      yield* Running.write(account, 7, n)
      yield* tellsAll("wrote seven events more", late, ledger, "all")
      yield* tellsAll("wrote seven events more, which now and then remove a row", gone, ledger, "account 1")
    }
  })
)

const ofStream = law(
  "Processor 17.2 the changes of a row that is made of one stream are those of that stream",
  Effect.gen(function* () {
    const { changes } = yield* Subject
    const store = yield* EventStore
    const account = yield* Account.make()
    const counts = Projection.make(yield* Fresh.name("counts"), {
      from: [account],
      row: Schema.Struct({ deposits: Schema.Int }),
      initial: { deposits: 0 }
    })({ evolve: { Deposited: ({ deposits }) => ({ deposits: deposits + 1 }) } })
    yield* Running.start(Processor.projection(counts))
    const got: Array<number> = []
    yield* Stream.runForEach(changes(counts, "1"), ({ row }) => Effect.sync(() => got.push(row?.deposits ?? 0))).pipe(
      Effect.forkScoped
    )
    for (let i = 0; i < 6; i++) {
      yield* Running.write(account, 9, 1 + 9 * i)
      const events = yield* Stream.runCollect(store.read(counts.filter))
      const deposits = events.filter(({ streamId }) => streamId === "1").length
      const did = "watched the row of a stream and wrote to three streams"
      const last = Effect.sync(() => got.at(-1))
      yield* Check.eventually(did, `${deposits} deposits are told`, last, (found) => found === deposits)
      const rising = got.every((count, at) => at === 0 || count > (got[at - 1] ?? 0))
      yield* Check.holds(`${did}: what was told`, "rising numbers", rising, got)
    }
  })
)

const ofAll = law(
  "Processor 17.3 the changes of all keys end with each row at rest, in order and without a repeat",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const store = yield* EventStore
    const watcher = yield* watch(ledger, { after: yield* store.head })
    yield* Running.start(Processor.projection(ledger))
    yield* Running.write(account, 620)
    yield* tellsAll("wrote 620 events at once", watcher, ledger)
    for (let i = 0; i < 5; i++) {
      yield* Running.write(account, 11, 621 + 11 * i)
      yield* tellsAll("wrote eleven more", watcher, ledger)
    }
  })
)

const notAhead = law(
  "Processor 17.4 nothing is told before the read model has it",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const [store, readModels] = [yield* EventStore, yield* ReadModelStore]
    const early: Array<string> = []
    const look = ({ key, position, row }: Change) =>
      Effect.map(Effect.orDie(readModels.get(ledger.table, [key])), ([stored]) => {
        if (row !== undefined && stored !== undefined && stored.position < position) early.push(`${key} at ${position}`)
      })
    const watcher = yield* watch(ledger, { after: yield* store.head }, look)
    yield* Running.write(account, 9)
    yield* Effect.sleep(150)
    yield* Check.equal("wrote events that no processor handles: what is told", watcher.got, [])
    yield* Running.start(Processor.projection(ledger))
    for (let i = 0; i < 20; i++) yield* Running.write(account, 2, 10 + 2 * i)
    yield* tellsAll("started a processor", watcher, ledger)
    yield* Check.equal("read each row when its change came: those that were older", early, [])
  })
)

const places = law(
  "Processor 17.5 the changes of all keys begin after the present, or after a position that was reached before",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    yield* Running.start(Processor.projection(ledger))
    const before = yield* Running.write(account, 20)
    yield* Running.catchesUp("wrote 20 events", ledger)
    const now = yield* watch(ledger)
    let n = 21
    yield* Check.eventually(
      "watched from the present on and wrote",
      "a change comes",
      Effect.suspend(() => Effect.as(Running.write(account, 1, n++), now.got.length)),
      (count) => count > 0
    )
    const old = now.got.filter(({ position }) => position <= before)
    yield* Check.equal("watched from the present on: changes from before", old, [])
    yield* now.stop
    // One event changes two rows: of what was told last there may be one missing, so it goes on right before it.
    const known = new Map(now.got.map((change) => [change.key, change]))
    const last = now.got.at(-1)?.position ?? before
    const after = Position.make(last - 1)
    yield* Running.write(account, 5, n)
    const again = yield* watch(ledger, { after })
    yield* Running.catchesUp("wrote while nobody watched", ledger)
    const { rows } = yield* ReadModel.list(ledger)
    const changed = rows.filter(({ position }) => position > last).map(({ key }) => key)
    yield* Check.eventually(
      "went on where it was",
      `the changes of ${changed.join(", ")}`,
      Effect.sync(() => again.got.map(({ key }) => key)),
      (keys) => changed.every((key) => keys.includes(key))
    )
    const repeated = again.got.filter(({ key, position }) => position < (known.get(key)?.position ?? last))
    yield* Check.equal("went on where it was: what was told before", repeated, [])
    const fromTheBeginning = yield* watch(ledger, { after: Position.beginning })
    yield* tellsAll("watched from the beginning", fromTheBeginning, ledger)
  })
)

/** The laws of live queries. */
export const changing = [ofKey, ofStream, ofAll, notAhead, places, ...enduring, ...remade]
