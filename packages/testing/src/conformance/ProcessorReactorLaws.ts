// The laws of running reactors (12, and 13 for failing events): each event in order, until its handler succeeded.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as EventFilter from "evolvent/EventFilter"
import * as Metadata from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

class Refused extends Data.TaggedError("Refused")<{ readonly attempt: number }> {}

/** A reactor that writes down the amounts it handles; `handle` runs before. */
const recorder = Effect.fnUntraced(function* <E, R>(
  account: Account.Account,
  handle: (amount: number, name: string) => Effect.Effect<unknown, E, R>
) {
  const handled: Array<number> = []
  const name = yield* Fresh.name("reactor")
  const reactor = Processor.reactor(name, {
    from: [account],
    handle: ({ data: { amount } }) =>
      Effect.andThen(
        handle(amount, name),
        Effect.sync(() => handled.push(amount))
      )
  })
  return { handled, reactor }
})

/** One deposit each. */
const deposit = Effect.fnUntraced(function* (account: Account.Account, amounts: ReadonlyArray<number>) {
  const store = yield* EventStore
  for (const amount of amounts) {
    yield* store.append(StreamName.make(account.name, String(amount % 3)), [{ type: "Deposited", data: { amount } }])
  }
  return yield* Contents.of(EventFilter.category(account.name))
})

const reaches = (did: string, handled: ReadonlyArray<number>, expected: ReadonlyArray<number>) =>
  Effect.andThen(
    Check.eventually(
      did,
      `${expected.length} events are handled`,
      Effect.sync(() => handled.length),
      (n) => n >= expected.length
    ),
    Effect.suspend(() => Check.equal(`${did}: what was handled`, [...handled], [...expected]))
  )

const once = law(
  "Processor 12.1 a reactor handles each event once and in order, caught up and live",
  Effect.gen(function* () {
    const account = yield* Account.make()
    yield* deposit(account, Fresh.range(60))
    const { handled, reactor } = yield* recorder(account, () => Effect.void)
    const running = yield* Running.start(reactor)
    yield* deposit(
      account,
      Fresh.range(30).map((n) => 60 + n)
    )
    yield* reaches("ran a reactor over 60 events and 30 more", handled, Fresh.range(90))
    const { waitFor } = yield* Subject
    yield* waitFor(reactor, yield* EventStore.use((store) => store.head))
    yield* running.kill
    yield* Running.start(reactor)
    yield* deposit(account, [90])
    yield* reaches("killed it when it had handled everything, and ran it again", handled, Fresh.range(91))
  })
)

const stepwise = law(
  "Processor 12.2 a reactor's checkpoint moves after each event, and stands before the one in hand",
  Effect.gen(function* () {
    const account = yield* Account.make()
    const { status } = yield* Subject
    const stores = yield* Effect.context<CheckpointStore | EventStore>()
    const events = yield* deposit(account, Fresh.range(5))
    const stands: Array<number> = []
    const { handled, reactor } = yield* recorder(account, (_, name) =>
      Effect.orDie(
        Effect.map(
          status({ name, filter: EventFilter.category(account.name), checkpoint: `reactor/${name}` }),
          ({ position }) => stands.push(position)
        )
      ).pipe(Effect.provide(stores))
    )
    yield* Running.start(reactor)
    yield* reaches("ran a reactor", handled, Fresh.range(5))
    const positions = events.map(({ position }): number => position)
    yield* Check.equal(
      "looked at the checkpoint from each handler but the first",
      stands.slice(1),
      positions.slice(0, -1)
    )
  })
)

const retried = law(
  "Processor 12.3 a failing handler is called again by the schedule, and the events after it wait",
  Effect.gen(function* () {
    const account = yield* Account.make()
    let attempts = 0
    const { handled, reactor } = yield* recorder(account, (amount) =>
      amount === 2 && ++attempts < 4 ? Effect.fail(new Refused({ attempt: attempts })) : Effect.void
    )
    yield* deposit(account, Fresh.range(5))
    yield* Running.start(reactor, { retry: Schedule.recurs(3) })
    yield* reaches(
      "ran a reactor that fails three times on its third event, with three retries",
      handled,
      Fresh.range(5)
    )
    yield* Check.equal("counted the attempts at that event", attempts, 4)
  })
)

const stopped = law(
  "Processor 12.4 when the retries are used up a reactor stops, and says on what: event, stream, position, processor",
  Effect.gen(function* () {
    const { status } = yield* Subject
    const account = yield* Account.make()
    let attempts = 0
    const { handled, reactor } = yield* recorder(account, (amount) =>
      amount === 2 ? Effect.fail(new Refused({ attempt: ++attempts })) : Effect.void
    )
    const events = yield* deposit(account, Fresh.range(5))
    const running = yield* Running.start(reactor, { retry: Schedule.recurs(2) })
    const error = yield* running.stopped
    const did = "ran a reactor that always fails on its third event, with two retries"
    const failing = events[2]
    const found = [error.processor, error.eventId, error.stream, error.position]
    const expected = [reactor.name, failing?.id, failing?.stream, failing?.position]
    yield* Check.equal(`${did}: what the error says`, found, expected)
    yield* Check.holds(
      `${did}: its message`,
      "names the handler's error",
      error.message.includes("Refused"),
      error.message
    )
    yield* Check.equal(`${did}: attempts`, attempts, 3)
    yield* Check.equal(`${did}: what was handled`, handled, [0, 1])
    const now = yield* status(reactor)
    const [before, at] = [events[1]?.position, failing?.position]
    if (before === undefined || at === undefined) return
    yield* Running.standsBetween(did, now.position, before, at)
    const kept = [now.stopped?.eventId, now.stopped?.stream, now.stopped?.position]
    yield* Check.equal(`${did}: its status`, kept, expected.slice(1))
  })
)

const continued = law(
  "Processor 12.5 a reactor that stopped goes on with the failing event when it is started again",
  Effect.gen(function* () {
    const { status } = yield* Subject
    const account = yield* Account.make()
    let broken = true
    const { handled, reactor } = yield* recorder(account, (amount) =>
      amount === 2 && broken ? Effect.fail(new Refused({ attempt: 1 })) : Effect.void
    )
    yield* deposit(account, Fresh.range(5))
    for (let i = 0; i < 2; i++) {
      const running = yield* Running.start(reactor, { retry: Schedule.recurs(0) })
      yield* running.stopped
      yield* Check.equal("ran a reactor that stops on its third event", handled, [0, 1])
    }
    broken = false
    yield* Running.start(reactor)
    yield* reaches("mended its handler and ran it again", handled, Fresh.range(5))
    yield* Check.equal("mended its handler: its status", (yield* status(reactor)).stopped, undefined)
  })
)

const died = law(
  "Processor 12.6 a handler that dies is a bug: the reactor stops at once and says so",
  Effect.gen(function* () {
    const account = yield* Account.make()
    let attempts = 0
    const { handled, reactor } = yield* recorder(account, (amount) =>
      Effect.sync(() => {
        if (amount === 1 && ++attempts > 0) throw new TypeError("undefined is not a function")
      })
    )
    const events = yield* deposit(account, Fresh.range(3))
    const running = yield* Running.start(reactor, { retry: Schedule.recurs(5) })
    const error = yield* running.stopped
    yield* Check.equal("ran a reactor that throws: attempts and what was handled", [attempts, handled], [1, [0]])
    yield* Check.equal("ran a reactor that throws: the position it names", error.position, events[1]?.position)
    const says = error.problem.includes("undefined is not a function")
    yield* Check.holds("ran a reactor that throws: the problem", "names what was thrown", says, error.problem)
  })
)

const unknown = law(
  "Processor 12.7 an event that cannot be decoded stops a reactor right before it",
  Effect.gen(function* () {
    const { status } = yield* Subject
    const account = yield* Account.make()
    const store = yield* EventStore
    const { handled, reactor } = yield* recorder(account, () => Effect.void)
    const events = yield* deposit(account, [0, 1])
    const odd = { type: "Deposited", data: { amount: "much" } }
    const { position } = yield* store.append(StreamName.make(account.name, "x"), [odd])
    const running = yield* Running.start(reactor, { retry: Schedule.recurs(0) })
    const error = yield* running.stopped
    yield* Check.equal("ran a reactor over an event of another shape: the position it names", error.position, position)
    yield* Check.equal("ran a reactor over an event of another shape: what was handled", handled, [0, 1])
    const before = events[1]?.position ?? Position.beginning
    yield* Running.standsBetween("ran a reactor over it", (yield* status(reactor)).position, before, position)
  })
)

const killed = law(
  "Processor 12.8 an event whose handler was killed is handled again, the ones before it are not",
  Effect.gen(function* () {
    const account = yield* Account.make()
    let hanging = true
    let begun = 0
    const { handled, reactor } = yield* recorder(account, (amount) =>
      Effect.suspend(() => {
        if (amount !== 2) return Effect.void
        begun += 1
        return hanging ? Effect.never : Effect.void
      })
    )
    yield* deposit(account, Fresh.range(5))
    for (let i = 1; i <= 3; i++) {
      const running = yield* Running.start(reactor)
      yield* Check.eventually(
        "ran a reactor whose third event hangs",
        "it comes to it",
        Effect.sync(() => begun),
        (n) => n >= i
      )
      yield* running.kill
    }
    hanging = false
    yield* Running.start(reactor)
    yield* reaches("killed a reactor three times in the handler of its third event", handled, Fresh.range(5))
    yield* Check.equal("counted how often that handler began", begun, 4)
  })
)

const caused = law(
  "Processor 12.9 what a reactor does is caused by its event and part of the same conversation",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const [account, target] = [yield* Account.make(), yield* Account.make()]
    const talk = { correlationId: "talk", actor: "ada" }
    yield* Metadata.provide(talk)(execute(account, "a", Account.deposit(7)))
    yield* execute(account, "b", Account.deposit(8))
    const { handled, reactor } = yield* recorder(account, (amount) => execute(target, "t", Account.deposit(amount)))
    yield* Running.start(reactor)
    yield* reaches("ran a reactor that executes commands", handled, [7, 8])
    const causes = yield* Contents.of(EventFilter.category(account.name))
    const effects = yield* Contents.of(EventFilter.category(target.name))
    const flow = effects.map(({ metadata }) => [metadata.causationId, metadata.correlationId, metadata.actor])
    yield* Check.equal("looked at the metadata of what came of it", flow, [
      [causes[0]?.id, "talk", "ada"],
      [causes[1]?.id, causes[1]?.metadata.correlationId, undefined]
    ])
  })
)

/** The laws of reactors. */
export const reacting = [once, stepwise, retried, stopped, continued, died, unknown, killed, caused]
