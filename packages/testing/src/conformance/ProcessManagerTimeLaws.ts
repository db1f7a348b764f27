// The laws of what a process manager does later: deadlines and scheduled commands, after their time, once, whoever runs it then.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import type { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Dying from "./Dying.ts"
import * as Errand from "./Errand.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** The own events of a manager's processes, by type. */
const ownOf = ({ manager }: Errand.Errand, type: string) =>
  Contents.of(EventFilter.category(manager.name, { types: [type] }))

/** What the commands of all processes led to. */
const sentOf = ({ target }: Errand.Errand) => Contents.of(EventFilter.category(target.name))

/** Waits until so many events are there, and then a little, in which there must come no more. */
const exactly = Effect.fnUntraced(function* <E, R>(
  did: string,
  count: number,
  look: Effect.Effect<ReadonlyArray<Recorded>, E, R>
) {
  yield* Check.eventually(did, `there are ${count} events`, look, ({ length }) => length >= count)
  yield* Effect.sleep(50)
  const found = yield* look
  yield* Check.equal(`${did}: the number of events`, found.length, count)
  return found
})

// Who runs the manager and who stores its events may have clocks that differ a little.
const tolerance = 30

/** Each event came at least so many milliseconds after another of its stream's id. */
const notBefore = (did: string, millis: number, causes: ReadonlyArray<Recorded>, effects: ReadonlyArray<Recorded>) =>
  Effect.forEach(effects, ({ recordedAt, streamId }) => {
    const cause = causes.find((one) => one.streamId === streamId)
    const passed = DateTime.toEpochMillis(recordedAt) - DateTime.toEpochMillis(cause?.recordedAt ?? recordedAt)
    return Check.holds(`${did}: the time that passed`, `at least ${millis} ms`, passed >= millis - tolerance, passed)
  })

/** Runs a manager until it has set what is to be done later, and kills it. */
const setAndKilled = Effect.fnUntraced(function* (errand: Errand.Errand, type: string, count: number) {
  const { waitFor } = yield* Subject
  const processor = Processor.manager(errand.manager)
  const running = yield* Errand.run(errand)
  const set = yield* Check.eventually(
    "ran a manager",
    `${count} events are its own`,
    ownOf(errand, type),
    ({ length }) => length === count
  )
  const last = set.at(-1)
  if (last !== undefined) yield* waitFor(processor, last.position)
  yield* running.kill
  return set
})

const ids = ["a", "b", "c"]

const rings = law(
  "Process 8 a deadline comes back once, after its time and not before",
  Effect.gen(function* () {
    const errand = yield* Errand.make({ deposits: { deadline: 200 } })
    yield* Errand.run(errand, { partitions: 2 })
    for (const [i, id] of ids.entries()) yield* errand.write(id, [i + 1])
    const did = "set deadlines of 200 ms"
    const rang = yield* exactly(did, 3, ownOf(errand, "Rang"))
    yield* notBefore(did, 200, yield* ownOf(errand, "Noted"), rang)
    for (const [i, id] of ids.entries()) {
      yield* Check.equal(`${did}: process ${id}`, yield* Errand.own(errand, id), [`Noted ${i + 1}`, `Rang ${i + 1}`])
    }
  })
)

const overdue = law(
  "Process 9 a deadline that fell due while nobody ran the manager comes back once, as soon as somebody does",
  Effect.gen(function* () {
    const errand = yield* Errand.make({ deposits: { deadline: 250 } })
    for (const id of ids) yield* errand.write(id, [1])
    yield* setAndKilled(errand, "Noted", 3)
    yield* Effect.sleep(300)
    for (const partitions of [4, 1]) {
      const running = yield* Errand.run(errand, { partitions })
      yield* exactly("let deadlines fall due with nobody there, then ran the manager", 3, ownOf(errand, "Rang"))
      yield* running.kill
    }
  })
)

const removes = (write: Dying.Write) => write._tag === "Rows" && write.removes

const dies = law(
  "Process 10 a deadline comes back once though the runner dies before, in and after writing down that it did",
  Effect.gen(function* () {
    const errand = yield* Errand.make({ deposits: { deadline: 1 } })
    const isRung = (write: Dying.Write) => write._tag === "Append" && write.types.includes("Rang")
    const deaths: ReadonlyArray<Dying.Death> = [
      { at: isRung, when: "before" },
      { at: isRung, when: "after" },
      { at: removes, when: "before" },
      { at: removes, when: "after" }
    ]
    for (const [i, death] of deaths.entries()) {
      const did = `let the runner die ${["before", "after"][i % 2]} ${i < 2 ? "a deadline's event" : "its removal"}`
      yield* errand.write(`p${i}`, [1])
      const { died, inside } = yield* Dying.on(death)
      const running = yield* inside(Errand.run(errand))
      yield* Check.inTime(did, died)
      yield* running.kill
    }
    // Whoever has nothing left to remove has fired everything, and so has one after it.
    yield* Errand.run(errand)
    const rang = yield* exactly("let the runner die four times while deadlines came back", 4, ownOf(errand, "Rang"))
    const keys = rang.map(({ streamId }) => streamId).sort()
    yield* Check.equal("let the runner die four times: whose deadlines came back", keys, ["p0", "p1", "p2", "p3"])
  })
)

const later = law(
  "Process 11 a later command is sent once, after its time, whoever runs the manager then, and its rejection is an input",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const errand = yield* Errand.make({ withdrawsAfter: 150 })
    for (const id of ["a", "b", "d"]) yield* execute(errand.target, id, Account.deposit(5))
    for (const id of ids) yield* errand.write(id, [-5])
    yield* setAndKilled(errand, "Asked", 3)
    yield* Effect.sleep(200)
    yield* errand.write("d", [-5])
    const isSent = (write: Dying.Write) => write._tag === "Append" && write.types.includes("Withdrawn")
    const { died, inside } = yield* Dying.on({ at: isSent, when: "after" })
    const running = yield* inside(Errand.run(errand))
    yield* Check.inTime("let the runner die when it had sent a later command", died)
    yield* running.kill
    yield* Errand.run(errand)
    const did = "let a runner die before the time of some commands, another one after sending one, and ran a third"
    yield* exactly(did, 1, ownOf(errand, "Refused"))
    const sent = yield* exactly(did, 6, sentOf(errand))
    const withdrawn = sent.filter(({ type }) => type === "Withdrawn")
    yield* notBefore(did, 150, yield* ownOf(errand, "Asked"), withdrawn)
    yield* Check.equal(`${did}: the process that was refused`, yield* Errand.own(errand, "c"), ["Asked 5", "Refused 5"])
    for (const id of ["a", "b", "d"]) {
      yield* Check.equal(`${did}: account ${id}`, yield* Errand.sent(errand, id), ["Deposited 5", "Withdrawn 5"])
    }
  })
)

const parksRinging = law(
  'Process 12 a deadline whose handler throws is its event\'s failure: with "park" its process waits, others do not',
  Effect.gen(function* () {
    let isBroken = true
    // More than are looked at in one go.
    const times = 110
    const errand = yield* Errand.make({
      deposits: { deadline: 20, times },
      onDeadline: (amount) => {
        if (isBroken && amount === 1) throw new RangeError("it rings wrong")
      }
    })
    const processor = Processor.manager(errand.manager)
    const rang = (id: string) =>
      Effect.map(ownOf(errand, "Rang"), (all) => all.filter(({ streamId }) => streamId === id))
    yield* errand.write("a", [1])
    const stopping = yield* Errand.run(errand)
    const stopped = yield* stopping.stopped
    const did = "ran a manager that throws on the deadlines of one process"
    const [noted] = yield* ownOf(errand, "Noted")
    yield* Check.equal(`${did}: the event that it names`, stopped.eventId, noted?.id)
    yield* Errand.run(errand, { onFailure: "park" })
    yield* errand.write("b", [2])
    yield* exactly(`${did}, and parks`, times, rang("b"))
    const parked = yield* Processor.parked(processor)
    const problem = parked[0]?.problem ?? ""
    yield* Check.holds(`${did}, and parks: the problem`, "names what was thrown", problem.includes("rings"), problem)
    yield* Check.equal(
      `${did}, and parks: what is parked`,
      parked.map(({ eventId, key }) => [key, eventId]),
      [["a", noted?.id]]
    )
    isBroken = false
    yield* Processor.retry(processor)
    yield* exactly(`${did}, mended it and asked for it`, times, rang("a"))
  })
)

/** The laws of what is done later. */
export const timing: ReadonlyArray<Law<Services>> = [rings, overdue, dies, later, parksRinging]
