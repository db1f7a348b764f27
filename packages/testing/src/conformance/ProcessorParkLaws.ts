// The laws of parking (13): a failing event waits for a person, later ones of its key wait behind it, other keys go on.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { amountIn, handles, numbers, parks, parksNow, picky } from "./Picky.ts"
import type { Refused } from "./Picky.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

const setAside = law(
  "Processor 13.2 a failing event is parked with all that follows of its key, in order, and other keys go on",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const one = yield* picky(account, [2])
    yield* Running.write(account, 6)
    yield* Running.start(one.reactor, parks)
    const did = "ran a reactor that refuses 2 of 1 to 6, whose keys are their rests by 3"
    const [first, second] = yield* parksNow(did, one.reactor, [2, 5])
    yield* handles(did, one, [1, 3, 4, 6])
    yield* Check.equal(`${did}: attempts`, [one.attempts(), first?.attempts, second?.attempts], [2, 2, 0])
    const names = first?.problem.includes("Refused") ?? false
    yield* Check.holds(`${did}: the problem`, "names the handler's error", names, first?.problem)
    yield* Check.equal(`${did}: the key`, first?.key, `${account.name}-2`)
    yield* Running.write(account, 6, 7)
    yield* parksNow(`${did}, then wrote 7 to 12`, one.reactor, [2, 5, 8, 11])
    yield* handles(`${did}, then wrote 7 to 12`, one, [1, 3, 4, 6, ...numbers(6, 7).filter((_, i) => i % 3 !== 1)])
    yield* Check.equal(`${did}: attempts at what came behind`, one.attempts(), 2)
  })
)

const drained = law(
  "Processor 13.3 what is parked is tried again when asked for, in order, and before later events of its key",
  Effect.gen(function* () {
    const { retry } = yield* Subject
    const account = yield* Account.make()
    const one = yield* picky(account, [2])
    yield* Running.write(account, 9)
    yield* Running.start(one.reactor, parks)
    const did = "parked 2, 5 and 8, mended the handler"
    yield* parksNow(did, one.reactor, [2, 5, 8])
    one.bad.clear()
    yield* Check.equal(`${did} and asked for all`, yield* retry(one.reactor), [`${account.name}-2`])
    // Now and not when it is through: what comes meanwhile must not overtake.
    yield* Running.write(account, 3, 10)
    yield* parksNow(`${did}, asked for all and wrote on`, one.reactor, [])
    yield* handles(`${did}, asked for all and wrote on`, one, numbers(12))
    yield* Check.equal(
      `${did}: the order of that key`,
      one.handled.filter((n) => n % 3 === 2),
      [2, 5, 8, 11]
    )
  })
)

const failsAgain = law(
  "Processor 13.4 what fails again stays parked with all behind it, and its attempts add up",
  Effect.gen(function* () {
    const { parked, retry } = yield* Subject
    const account = yield* Account.make()
    const one = yield* picky(account, [1, 5])
    yield* Running.write(account, 8)
    yield* Running.start(one.reactor, parks)
    const seventh = Running.amountOf(7)
    const did = "parked 1, 4, 7 of one key and 5, 8 of another"
    const before = yield* parksNow(did, one.reactor, [1, 4, 5, seventh, 8])
    yield* Check.equal(
      `${did}: attempts`,
      before.map((entry) => entry.attempts),
      [2, 0, 2, 0, 0]
    )
    one.bad.delete(1)
    yield* retry(one.reactor, { key: `${account.name}-2` })
    yield* Check.eventually(
      `${did}, asked for the key that still fails`,
      "it was tried twice more",
      parked(one.reactor),
      (all) => all.find(({ event }) => amountIn(event) === 5)?.attempts === 4
    )
    const after = yield* parksNow(`${did}, asked for the key that still fails`, one.reactor, [1, 4, 5, seventh, 8])
    yield* Check.equal(`${did}: what is asked for`, after.filter(({ isRequested }) => isRequested).length, 0)
    yield* retry(one.reactor)
    yield* parksNow(`${did}, asked for all`, one.reactor, [5, 8])
    yield* Check.equal(`${did}: what was handled of the other key`, one.handled.slice(-3), [1, 4, seventh])
  })
)

const dropped = law(
  "Processor 13.5 what is dropped is never handled, and what came behind it is when asked for",
  Effect.gen(function* () {
    const { drop, retry } = yield* Subject
    const account = yield* Account.make()
    const one = yield* picky(account, [2])
    yield* Running.write(account, 8)
    yield* Running.start(one.reactor, parks)
    const did = "parked 2, 5 and 8, dropped 2"
    const [first] = yield* parksNow("refused 2 of 1 to 8", one.reactor, [2, 5, 8])
    if (first === undefined) return
    yield* drop(one.reactor, first.eventId)
    yield* parksNow(did, one.reactor, [5, 8])
    yield* Check.refusedBecause("dropped it again", drop(one.reactor, first.eventId), "InvalidRequest")
    // From here on nothing but the drop keeps it from being handled.
    one.bad.clear()
    yield* retry(one.reactor)
    yield* parksNow(`${did}, asked for the rest`, one.reactor, [])
    yield* handles(
      `${did}, asked for the rest`,
      one,
      numbers(8).filter((n) => n !== 2)
    )
  })
)

const survives = law(
  "Processor 13.6 what is parked outlives its runner, and no event is parked twice or handled in spite of it",
  Effect.gen(function* () {
    const { retry } = yield* Subject
    const account = yield* Account.make()
    const one = yield* picky(account, [2, 3])
    yield* Running.write(account, 6)
    for (let i = 0; i < 12; i++) {
      const running = yield* Running.start(one.reactor, parks)
      yield* Running.write(account, 3, 7 + 3 * i)
      for (let step = 0; step < (i * 5) % 17; step++) yield* Effect.yieldNow
      if (i % 3 === 0) yield* Effect.sleep(3)
      yield* running.kill
    }
    yield* Running.start(one.reactor, parks)
    const did = "killed a runner that parks twelve times while events came"
    const all = numbers(42)
    const parked = all.filter((_, i) => i % 3 !== 0)
    yield* parksNow(did, one.reactor, parked)
    // The number that takes everything is of two keys.
    const ofKey = (rest: number) => all.filter((n, i) => (i + 1) % 3 === rest && n < 1000)
    // A handler that is killed before its event is committed is called again for it, and for nothing else.
    const handled = (rest: number) =>
      one.handled.filter((n) => ofKey(rest).includes(n)).filter((n, i, every) => n !== every[i - 1])
    yield* Check.equal(`${did}: what was handled`, [handled(0), handled(1), handled(2)], [[], ofKey(1), []])
    one.bad.clear()
    yield* retry(one.reactor)
    yield* parksNow(`${did}, mended it and asked for all`, one.reactor, [])
    for (const rest of [0, 1, 2]) {
      yield* Check.equal(`${did}, asked for all of it: the order of key ${rest}`, handled(rest), ofKey(rest))
    }
  })
)

const chosen = law(
  "Processor 13.7 whether an event is parked is for a function of its error to say; it stops unless said",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const one = yield* picky(account, [2, 3])
    yield* Running.write(account, 4)
    const onFailure = ({ n }: Refused) => (n === 2 ? "park" : "stop")
    const running = yield* Running.start(one.reactor, { retry: Schedule.recurs(0), onFailure })
    const stopped = yield* running.stopped
    yield* parksNow("parked 2 and stopped on 3", one.reactor, [2])
    const names = stopped.problem.includes("Refused")
    yield* Check.holds("parked 2 and stopped on 3: the problem", "names the handler's error", names, stopped.problem)
    yield* Check.equal("parked 2 and stopped on 3: what was handled", one.handled, [1])
  })
)

/** A row of each stream: what came, in order. Some numbers make it throw. */
const trails = (account: Account.Account, name: string, bad: ReadonlySet<number>) =>
  Projection.make(name, {
    from: [account],
    row: Schema.Struct({ trail: Schema.String }),
    initial: { trail: "" }
  })({
    evolve: {
      Deposited: ({ trail }, { amount }) => {
        if (bad.has(amount)) throw new RangeError(`no ${amount}`)
        return { trail: `${trail}+${amount}` }
      },
      Withdrawn: ({ trail }, { amount }) => ({ trail: `${trail}-${amount}` })
    }
  })

const projected = law(
  "Processor 13.8 a projection parks what its handler throws on; the other rows go on, and its own when it is tried again",
  Effect.gen(function* () {
    const store = yield* EventStore
    const account = yield* Account.make()
    const bad = new Set([4])
    const projection = trails(account, yield* Fresh.name("trails"), bad)
    yield* Running.write(account, 9)
    const { parked, retry, waitFor } = yield* Subject
    yield* Running.start(Processor.projection(projection), parks)
    const last = yield* Running.write(account, 3, 10)
    yield* waitFor(projection, last)
    const did = "threw on 4 of 1 to 12"
    const row = (key: string) => Effect.map(ReadModel.get(projection, key), (found) => found?.trail)
    yield* Check.equal(
      `${did}: the rows`,
      [yield* row("0"), yield* row("1"), yield* row("2")],
      ["+3+6+9+12", "+1", "+2-5+8+11"]
    )
    const aside = yield* parked(projection)
    yield* Check.equal(
      `${did}: what is parked`,
      aside.map(({ event }) => amountIn(event)),
      [4, Running.amountOf(7), 10]
    )
    bad.clear()
    yield* retry(projection)
    yield* Check.eventually(
      `${did}, mended it and asked for all`,
      "nothing is parked",
      parked(projection),
      (all) => all.length === 0
    )
    yield* waitFor(projection, yield* Running.write(account, 3, 13))
    const fold = yield* Projection.fold(projection, store.read(projection.filter))
    const rows = new Map((yield* ReadModel.list(projection)).rows.map(({ key, row }) => [key, row]))
    yield* Check.equal(`${did}, mended it and asked for all: the rows`, [...rows].sort(), [...fold].sort())
  })
)

const waited = law(
  "Processor 16.5 waiting for an event that is parked fails with why it is",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const one = yield* picky(account, [2])
    yield* Running.start(one.reactor, parks)
    const first = yield* Running.write(account, 1)
    const second = yield* Running.write(account, 1, 2)
    yield* waitFor(one.reactor, first)
    const error = yield* Check.refused("waited for 2, which is parked", waitFor(one.reactor, second), "EventParked")
    yield* Check.equal("waited for 2: what the error says", [error.key, error.position], [`${account.name}-2`, second])
    yield* waitFor(one.reactor, yield* Running.write(account, 1, 3))
  })
)

/** The laws of parking. */
export const parking: ReadonlyArray<Law<Services>> = [
  setAside,
  drained,
  failsAgain,
  dropped,
  survives,
  chosen,
  projected,
  waited
]
