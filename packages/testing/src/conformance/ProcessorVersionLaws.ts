// The laws of old versions under processors (18): their rows and reactions are those of the same events stored today.
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as Aged from "./Aged.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

const sameRows = law(
  "Processor 18.1 a read model of events of every version is that of the same events stored today, whoever is killed",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const store = yield* EventStore
    const [old, now] = [yield* Aged.make, yield* Aged.make]
    const [ofOld, ofNow] = [Aged.sums(old, yield* Fresh.name("sums")), Aged.sums(now, yield* Fresh.name("sums"))]
    for (let i = 0; i < 8; i++) {
      const running = yield* Running.start(Processor.projection(ofOld))
      for (const id of ["a", "b"]) {
        yield* Aged.write(old, id, Aged.aged)
        yield* Aged.write(now, id, Aged.today)
      }
      for (let step = 0; step < (i * 7) % 23; step++) yield* Effect.yieldNow
      if (i % 3 === 0) yield* Effect.sleep(2)
      yield* running.kill
    }
    yield* Running.start(Processor.projection(ofOld))
    yield* waitFor(ofOld, yield* store.head)
    const rows = (yield* ReadModel.list(ofOld)).rows.map(({ key, row }) => [key, row] as const)
    const expected = yield* Projection.fold(ofNow, store.read(ofNow.filter))
    const inOrder = [...expected].sort(([a], [b]) => (a < b ? -1 : 1))
    yield* Check.equal("killed a projection's runner 8 times: the rows", rows, inOrder)
    const folded = yield* Projection.fold(ofOld, store.read(ofOld.filter))
    yield* Check.equal("folded the log of every version", [...folded].sort(), [...expected].sort())
  })
)

/** A reactor that writes down what it is called for. */
const recorder = Effect.fnUntraced(function* (account: Aged.Aged, name?: string) {
  const seen: Array<readonly [what: string, id: string]> = []
  const reactor = Processor.reactor(name ?? (yield* Fresh.name("reactor")), {
    from: [account],
    handle: ({ data, id }) =>
      Effect.sync(() => seen.push([data._tag === "Added" ? String(data.amount) : data._tag, id]))
  })
  return { seen, reactor, whats: () => seen.map(([what]) => what) }
})

const parts = law(
  "Processor 18.2 a reactor is called for each event that a stored one has become, in order and with an id for each",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Aged.make
    const { reactor, seen, whats } = yield* recorder(account)
    const { position } = yield* Aged.write(account, "a", Aged.aged)
    yield* Running.start(reactor)
    yield* waitFor(reactor, position)
    const expected = ["Opened", "30", "Opened", "7", "-1", "Closed", "Opened", "4"]
    yield* Check.equal("ran a reactor over events of every version", whats(), expected)
    yield* Check.equal("looked at their ids", new Set(seen.map(([, id]) => id)).size, expected.length)
  })
)

const pauses = law(
  "Processor 18.3 an event that newer code wrote stops a processor that parks or skips, right before it, and newer code goes on",
  Effect.gen(function* () {
    const { parked, status, waitFor } = yield* Subject
    const account = yield* Aged.make
    const { reactor, whats } = yield* recorder(account)
    const before = yield* Aged.write(account, "a", Aged.today.slice(0, 2))
    const { position } = yield* Aged.write(account, "b", [Aged.newer])
    const last = yield* Aged.write(account, "a", Aged.today.slice(0, 1))
    for (const how of [{ onFailure: "park" }, { onUndecodable: "skip" }] as const) {
      const did = `ran a reactor that ${"onFailure" in how ? "parks" : "skips"} over an event of newer code`
      const stopped = yield* (yield* Running.start(reactor, how)).stopped
      yield* Check.equal(`${did}: why it stopped`, [stopped.reason, stopped.position], ["NewerVersion", position])
      yield* Check.equal(`${did}: what is parked`, yield* parked(reactor), [])
      yield* Running.standsBetween(did, (yield* status(reactor)).position, before.position, position)
      yield* Check.equal(`${did}: what was handled`, whats(), ["Opened", "30"])
    }
    // The same processor in a process that knows that version: here by reading it as today's.
    const { event } = account.codecs
    const decode: typeof event.decode = (type, version, data) => event.decode(type, Math.min(version, 2), data)
    const newer = { ...account, codecs: { ...account.codecs, event: { ...event, decode } } }
    const there = yield* recorder(newer, reactor.name)
    yield* Running.start(there.reactor)
    yield* waitFor(there.reactor, last.position)
    yield* Check.equal("ran newer code", there.whats(), ["1000", "Opened"])
  })
)

const unknown = law(
  "Processor 18.4 an event that nothing understands stops a processor, is parked or passed over, as is said",
  Effect.gen(function* () {
    const { parked, waitFor } = yield* Subject
    const account = yield* Aged.make
    const added = (amount: number) => ({ type: "Added", schemaVersion: 2, data: { amount } })
    yield* Aged.write(account, "a", [added(1), Aged.broken, added(2)])
    const { position } = yield* Aged.write(account, "b", [added(3)])

    const stopping = yield* recorder(account)
    const stopped = yield* (yield* Running.start(stopping.reactor, { onFailure: () => "park" })).stopped
    yield* Check.equal("said nothing", [stopped.reason, ...stopping.whats()], ["Failed", "1"])

    const parking = yield* recorder(account)
    yield* Running.start(parking.reactor, { onUndecodable: "park" })
    yield* Check.eventually(
      "said park",
      "it is parked, with what follows of its key, and other keys go on",
      Effect.map(parked(parking.reactor), ({ length }) => [length, ...parking.whats()].join()),
      (found) => found === "2,1,3"
    )

    const skipping = yield* recorder(account)
    yield* Running.start(skipping.reactor, { onFailure: "park", onUndecodable: "skip" })
    yield* waitFor(skipping.reactor, position)
    yield* Check.equal("said skip", skipping.whats(), ["1", "2", "3"])
    yield* Check.equal("said skip: what is parked", yield* parked(skipping.reactor), [])
  })
)

/** The laws of old and newer versions. */
export const aging = [sameRows, parts, pauses, unknown]
