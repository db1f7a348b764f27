// The laws of a relay whose bus fails: it waits for the bus, and stops at what the bus refuses, or parks it.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Bus } from "evolvent/Bus"
import { BusError } from "evolvent/BusError"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import { Unavailable } from "evolvent/EventStoreError"
import * as Processor from "evolvent/Processor"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import type * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import { law } from "./Law.ts"
import { receive } from "./Receiving.ts"
import * as Relaying from "./Relaying.ts"

const { arrives, deposit, deposited, inOrder, setUp, start } = Relaying

// What the bus refuses it refuses for ever.
const noRetry = Schedule.recurs(0)

const waits = law(
  "Relay 4 a bus that does not answer is waited for, and no event is blamed for it",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { got } = yield* receive(account.name)
    yield* deposit(account, 6)
    let failures = 0
    const gone = new BusError({ operation: "Bus.publish", reason: new Unavailable({ problem: "gone for a moment" }) })
    yield* start(
      relay,
      { onFailure: "park", retry: noRetry },
      {
        // What fails may have been published all the same.
        publish: (_, effect) => {
          if (failures >= 4) return effect
          failures += 1
          return failures % 2 === 0 ? Effect.andThen(effect, Effect.fail(gone)) : Effect.fail(gone)
        }
      }
    )
    const did = "relayed to a bus that failed four times"
    yield* arrives(did, account, got)
    yield* deposit(account, 3, 3, 6)
    yield* arrives(`${did}, then three more`, account, got)
    yield* inOrder(did, got)
    yield* Check.equal(`${did}: what is parked`, (yield* Processor.parked(relay)).length, 0)
  })
)

/** An event whose id the bus knows with other content, behind a good one and before another of its stream; and one elsewhere. */
const spoiled = Effect.fnUntraced(function* (account: Account.Account) {
  const store = yield* EventStore
  const bus = yield* Bus
  const id = yield* EventId.generate
  const stream = StreamName.make(account.name, "bad")
  yield* store.append(stream, [deposited(0), { ...deposited(1), id }, deposited(2)])
  yield* store.append(StreamName.make(account.name, "good"), [deposited(3)])
  const other = { id, key: "k", category: "Other", type: "T", schemaVersion: 1, data: 0, metadata: {} }
  yield* bus.publish([{ ...other, stream: StreamName.make("Other", "1"), revision: Revision.make(0) }])
  return id
})

const stops = law(
  "Relay 5 an event that the bus refuses stops it, and is named; what is before it is published",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { got } = yield* receive(account.name)
    const id = yield* spoiled(account)
    const running = yield* start(relay, { retry: noRetry })
    const stopped = yield* running.stopped
    const did = "relayed an event whose id the bus knows with other content"
    yield* Check.equal(`${did}: the event that it stopped on`, stopped.eventId, id)
    const names = stopped.problem.includes("published before")
    yield* Check.holds(`${did}: the problem`, "is the bus's", names, stopped.problem)
    yield* Check.eventually(
      did,
      "the event before it arrives",
      Effect.sync(() => got.map(({ revision, stream }) => `${stream} ${revision}`)),
      (all) => all.includes(`${account.name}-bad 0`)
    )
    yield* Check.holds(did, "it does not arrive", !got.some((one) => one.id === id), got)
  })
)

const parks = law(
  "Relay 6 or is parked with what follows of its key, while other keys go on",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { got } = yield* receive(account.name)
    const id = yield* spoiled(account)
    yield* start(relay, { retry: noRetry, onFailure: "park" })
    const did = "relayed an event whose id the bus knows, parking it"
    const parked = yield* Check.eventually(did, "two are parked", Processor.parked(relay), (all) => all.length >= 2)
    yield* Check.equal(
      `${did}: what is parked`,
      parked.map(({ event }) => event?.revision),
      [Revision.make(1), Revision.make(2)]
    )
    yield* Check.eventually(
      did,
      "the others arrive",
      Effect.sync(() => got.map(({ revision, stream }) => `${stream} ${revision}`).toSorted()),
      (all) => all.join() === `${account.name}-bad 0,${account.name}-good 0`
    )
    yield* Processor.drop(relay, id)
    yield* Processor.retry(relay)
    yield* Check.eventually(
      `${did}, dropped it and asked for the rest`,
      "the rest arrives",
      Effect.sync(() => got.map(({ revision, stream }) => `${stream} ${revision}`).toSorted()),
      (all) => all.includes(`${account.name}-bad 2`)
    )
  })
)

/** The laws of a relay whose bus fails. */
export const faults = [waits, stops, parks]
