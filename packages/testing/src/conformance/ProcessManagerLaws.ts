// The laws of process managers: what is observed counts once, what is sent counts once, whatever happens to the runner.
import * as Effect from "effect/Effect"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import type { EventStore } from "evolvent/EventStore"
import * as Metadata from "evolvent/Metadata"
import * as Processor from "evolvent/Processor"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Dying from "./Dying.ts"
import * as Errand from "./Errand.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { timing } from "./ProcessManagerTimeLaws.ts"
import type * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** What a process writes of its own, and what its commands lead to, in words. */
const outcomeOf = (amounts: ReadonlyArray<number>) => {
  const [own, sent] = [new Array<string>(), new Array<string>()]
  let balance = 0
  for (const amount of amounts) {
    own.push(amount < 0 ? `Asked ${-amount}` : `Noted ${amount}`)
    if (balance + amount < 0) {
      own.push(`Refused ${-amount}`)
      continue
    }
    balance += amount
    sent.push(amount < 0 ? `Withdrawn ${-amount}` : `Deposited ${amount}`)
  }
  return { own, sent }
}

/** Waits until a process has done what some amounts lead to; refusals come between other own events. */
const does = Effect.fnUntraced(function* (
  did: string,
  errand: Errand.Errand,
  id: string,
  amounts: ReadonlyArray<number>
) {
  const { own, sent } = outcomeOf(amounts)
  const isAnswer = (text: string) => text.startsWith("Refused")
  const found = yield* Check.eventually(
    did,
    `process ${id} has ${own.length} events`,
    Errand.own(errand, id),
    (all) => all.length >= own.length
  )
  const now = yield* Check.eventually(
    did,
    `the commands of process ${id} led to ${sent.length} events`,
    Errand.sent(errand, id),
    (all) => all.length >= sent.length
  )
  const inputs = own.filter((text) => !isAnswer(text))
  yield* Check.equal(
    `${did}: its events of what it observed`,
    found.filter((text) => !isAnswer(text)),
    inputs
  )
  yield* Check.equal(`${did}: its events of refusals`, found.filter(isAnswer), own.filter(isAnswer))
  yield* Check.equal(`${did}: what its commands led to`, now, sent)
})

/** Waits until a manager has handled everything that is stored, its own events too. */
const settles = Effect.fnUntraced(function* (did: string, { manager }: Errand.Errand) {
  const { status } = yield* Subject
  const processor = Processor.manager(manager)
  const isDone = Effect.gen(function* () {
    const [last] = yield* Contents.of(processor.filter, { direction: "backwards", limit: 1 })
    return (yield* status(processor)).position >= (last?.position ?? 0)
  })
  yield* Check.eventually(did, "the manager has handled all events", isDone, (done) => done)
})

const killed = law(
  "Process 1 an observed event becomes own events once, and its command is sent once, though the runner dies at any write",
  Effect.gen(function* () {
    const errand = yield* Errand.make()
    // What follows from two events takes a dozen writes: their own events and the commands, each in a commit, and one behind.
    for (let n = 1; n <= 12; n++) {
      for (const when of ["before", "after"] as const) {
        const id = `${when} ${n}`
        const amounts = when === "before" ? [10, -6] : [3, -6]
        const did = `let a manager's runner die ${when} its write ${n}`
        yield* errand.write(id, amounts)
        const { died, inside } = yield* Dying.on({ at: Dying.nth(n), when })
        const dying = yield* inside(Errand.run(errand))
        yield* Check.inTime(did, died)
        yield* dying.kill
        const next = yield* Errand.run(errand, { partitions: 1 + (n % 4) })
        yield* does(did, errand, id, amounts)
        yield* settles(did, errand)
        yield* does(did, errand, id, amounts)
        yield* next.kill
      }
    }
  })
)

const apart = law(
  "Process 2 processes keep apart, each in order, while runners come, go and change the number of partitions",
  Effect.gen(function* () {
    const errand = yield* Errand.make()
    const ids = Fresh.range(12).map((i) => `p${i}`)
    const all = new Map(ids.map((id) => [id, new Array<number>()]))
    const writeOn = (round: number) =>
      Effect.forEach(ids, (id, i) => {
        const amounts = [100 * i + round, -(100 * i + 2 * round)]
        all.get(id)?.push(...amounts)
        return errand.write(id, amounts)
      })
    const running: Array<Running.Running> = []
    for (const [i, partitions] of [3, 16, 1, 5].entries()) {
      running.push(yield* Errand.run(errand, { partitions, lease: "400 millis" }))
      yield* writeOn(1 + i)
    }
    for (const [i, one] of running.slice(0, -1).entries()) yield* Effect.andThen(one.kill, writeOn(5 + i))
    const did = "started four runners with other numbers of partitions and ended three of them, writing all the time"
    for (const id of ids) yield* does(did, errand, id, all.get(id) ?? [])
  })
)

const refused = law(
  "Process 3 a rejection becomes own events once, and then its command is not sent again, though it would be taken now",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const errand = yield* Errand.make()
    const { target } = errand
    yield* errand.write("a", [-7])
    const { died, inside } = yield* Dying.on({ at: commitBehind("Refused"), when: "before" })
    const running = yield* inside(Errand.run(errand))
    yield* Check.inTime("waited until a runner died when it had written a rejection down", died)
    yield* running.kill
    yield* execute(target, "a", Account.deposit(100))
    yield* Errand.run(errand)
    yield* errand.write("a", [1])
    const did = "let a runner die between a rejection's events and its checkpoint, then gave what was missing"
    yield* Check.eventually(did, "it goes on", Errand.sent(errand, "a"), (all) => all.includes("Deposited 1"))
    yield* Check.equal(`${did}: its events`, yield* Errand.own(errand, "a"), ["Asked 7", "Refused 7", "Noted 1"])
    yield* Check.equal(`${did}: the other account`, yield* Errand.sent(errand, "a"), ["Deposited 100", "Deposited 1"])
  })
)

/** The next commit behind the one within which an event of a type is appended. */
const commitBehind = (type: string) => {
  let isAppended = false
  return (write: Dying.Write): boolean => {
    isAppended ||= write._tag === "Append" && write.types.includes(type)
    return isAppended && write._tag === "Commit"
  }
}

const inState = law(
  "Process 4 an own event is dispatched in the state right after it, though there are later ones",
  Effect.gen(function* () {
    const errand = yield* Errand.make({ deposits: "sums" })
    yield* errand.write("a", [1, 2, 3, 4, 5])
    yield* Errand.run(errand)
    const sums = [1, 3, 6, 10, 15].map((sum) => `Deposited ${sum}`)
    const did = "sent the sum of all so far after each of five events"
    yield* Check.eventually(did, "five are sent", Errand.sent(errand, "a"), ({ length }) => length >= sums.length)
    yield* Check.equal(`${did}: what was sent`, yield* Errand.sent(errand, "a"), sums)
  })
)

const caused = law(
  "Process 5 own events are caused by what was observed, commands by own events, all in one conversation",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const errand = yield* Errand.make()
    const { manager, source, target } = errand
    const talk = { correlationId: "talk", actor: "ada" }
    yield* Metadata.provide(talk)(execute(source, "a", Account.deposit(7)))
    yield* execute(source, "a", Account.withdraw(5))
    yield* execute(source, "a", Account.withdraw(2))
    yield* Errand.run(errand)
    const did = "ran a manager on a deposit and two withdrawals"
    yield* Check.eventually(did, "it sent three commands", Errand.sent(errand, "a"), ({ length }) => length >= 3)
    const [first, second, third] = yield* Contents.of(EventFilter.category(source.name))
    const own = yield* Contents.of(EventFilter.category(manager.name))
    const sent = yield* Contents.of(EventFilter.category(target.name))
    const flow = (all: typeof own) =>
      all.map(({ metadata }) => [metadata.causationId, metadata.correlationId, metadata.actor])
    yield* Check.equal(`${did}: the metadata of its own events`, flow(own), [
      [first?.id, "talk", "ada"],
      [second?.id, second?.metadata.correlationId, undefined],
      [third?.id, third?.metadata.correlationId, undefined]
    ])
    yield* Check.equal(`${did}: the metadata of what it sent`, flow(sent), [
      [own[0]?.id, "talk", "ada"],
      [own[1]?.id, second?.metadata.correlationId, undefined],
      [own[2]?.id, third?.metadata.correlationId, undefined]
    ])
  })
)

const stops = law(
  "Process 6 a manager whose handler throws stops, names event and problem, and goes on after mending",
  Effect.gen(function* () {
    const broken = (amount: number) => {
      if (amount === 3) throw new RangeError("three is too much")
    }
    const errand = yield* Errand.make({ onInput: broken })
    yield* errand.write("a", [1, 2, 3, 4])
    const running = yield* Errand.run(errand)
    const stopped = yield* running.stopped
    const did = "ran a manager that throws on the third of four events"
    const third = (yield* Contents.of(EventFilter.category(errand.source.name)))[2]
    yield* Check.equal(
      `${did}: what the error names`,
      [stopped.processor, stopped.eventId, stopped.stream, stopped.position],
      [errand.manager.name, third?.id, third?.stream, third?.position]
    )
    const says = stopped.problem.includes("three is too much")
    yield* Check.holds(`${did}: the problem`, "names what was thrown", says, stopped.problem)
    yield* Errand.run({ manager: errand.changed({}) })
    yield* does(`${did}, mended it and ran it again`, errand, "a", [1, 2, 3, 4])
  })
)

const parks = law(
  'Process 7 with "park" the process whose handler throws waits, others go on, and it does when it is tried again',
  Effect.gen(function* () {
    let isBroken = true
    const errand = yield* Errand.make({
      onInput: (amount) => {
        if (isBroken && amount === 2) throw new RangeError("two is too much")
      }
    })
    const processor = Processor.manager(errand.manager)
    yield* errand.write("a", [1, 2, 3])
    yield* errand.write("b", [1, 3, -4])
    yield* Errand.run(errand, { onFailure: "park" })
    const did = "ran a manager that throws on the second event of one process"
    yield* does(did, errand, "b", [1, 3, -4])
    yield* settles(did, errand)
    const parked = yield* Processor.parked(processor)
    const problem = parked[0]?.problem ?? ""
    yield* Check.holds(`${did}: the problem`, "names what was thrown", problem.includes("two is too much"), problem)
    // What the first event led to came after the second.
    yield* Check.equal(
      `${did}: what is parked, by category`,
      parked.map(({ event, key }) => [key, event?.category]),
      [errand.source, errand.source, errand.manager].map(({ name }) => ["a", name])
    )
    isBroken = false
    yield* Processor.retry(processor)
    yield* does(`${did}, mended it and asked for it`, errand, "a", [1, 2, 3])
  })
)

/** The laws of process managers. */
export const managing: ReadonlyArray<Law<Services>> = [killed, apart, refused, inState, caused, stops, parks, ...timing]
