// The laws of waiting for a processor and of its status (16).
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

const readYourWrites = law(
  "Processor 16.1 after waitFor a read model shows what was written",
  Effect.gen(function* () {
    const { execute, waitFor } = yield* Subject
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    yield* Running.start(Processor.projection(ledger))
    for (let i = 1; i <= 15; i++) {
      const { position } = yield* execute(account, "a", Account.deposit(1))
      yield* waitFor(ledger, position)
      const row = yield* ReadModel.get(ledger, "account a")
      yield* Check.equal(`executed command ${i} and waited: the balance`, row?.balance, i)
    }
    const row = yield* ReadModel.get(ledger, "account a")
    yield* waitFor(ledger, Position.beginning)
    yield* Check.equal("waited for the beginning", row?.balance, 15)
  })
)

const timedOut = law(
  "Processor 16.2 waiting in vain ends in time with an error that says how far the processor came",
  Effect.gen(function* () {
    const { status, waitFor } = yield* Subject
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const third = yield* Running.write(account, 3)
    const running = yield* Running.start(Processor.projection(ledger))
    yield* waitFor(ledger, third)
    yield* running.kill
    const { position: reached } = yield* status(ledger)
    const position = yield* Running.write(account, 3, 4)
    const start = performance.now()
    const did = "waited 100 ms for a processor that does not run"
    const error = yield* Check.refused(
      did,
      Check.inTime(did, waitFor(ledger, position, { timeout: "100 millis" })),
      "WaitTimedOut"
    )
    const took = performance.now() - start
    yield* Check.holds(`${did}: how long it took`, "at least 98 ms", took >= 98, `${took} ms`)
    const found = [error.processor, error.position, error.reached]
    yield* Check.equal(`${did}: what the error says`, found, [ledger.name, position, reached])
  })
)

const stopped = law(
  "Processor 16.3 waiting for a processor that stopped, or stops meanwhile, fails with what it stopped on",
  Effect.gen(function* () {
    const { waitFor } = yield* Subject
    const account = yield* Account.make()
    const store = yield* EventStore
    const name = yield* Fresh.name("reactor")
    const failing = Processor.reactor(name, { from: [account], handle: () => Effect.fail("no" as const) })
    const waiting = yield* Effect.forkScoped(
      Effect.result(waitFor(failing, Position.make((yield* store.head) + 100_000), { timeout: "1 hour" }))
    )
    const running = yield* Running.start(failing, { retry: Schedule.recurs(0) })
    const position = yield* Running.write(account, 1)
    const stopped = yield* running.stopped
    const did = "waited for a processor that stops meanwhile"
    const first = yield* Check.inTime(did, Fiber.join(waiting))
    yield* Check.equal(did, first._tag === "Failure" ? first.failure._tag : "it succeeded", "ProcessorStopped")
    const later = waitFor(failing, position, { timeout: "1 hour" })
    const error = yield* Check.refused(
      "waited for a processor that stopped",
      Check.inTime("waited", later),
      "ProcessorStopped"
    )
    const found = [error.processor, error.eventId, error.stream, error.position]
    const expected = [name, stopped.eventId, `${account.name}-1`, position]
    yield* Check.equal("waited for a processor that stopped: what the error says", found, expected)
    yield* waitFor(failing, Position.make(position - 1))
  })
)

const status = law(
  "Processor 16.4 status says where a processor stands and what it has not handled yet",
  Effect.gen(function* () {
    const { status, waitFor } = yield* Subject
    const store = yield* EventStore
    const account = yield* Account.make()
    const ledger = yield* Running.newLedger(account)
    const never = yield* status(ledger)
    yield* Check.equal(
      "asked before there was anything to do",
      [never.position, never.lag, never.stopped],
      [Position.beginning, undefined, undefined]
    )
    const third = yield* Running.write(account, 3)
    const running = yield* Running.start(Processor.projection(ledger))
    yield* waitFor(ledger, third)
    yield* running.kill
    const idle = yield* status(ledger)
    yield* Check.equal("asked when it had handled everything: the lag", idle.lag, undefined)
    yield* Check.holds(
      "asked when it had handled everything: its position",
      `at least ${third}`,
      idle.position >= third,
      idle.position
    )
    yield* Running.write(account, 4, 4)
    yield* Effect.sleep(5)
    const behind = yield* status(ledger)
    const { lag } = behind
    yield* Check.holds(
      "wrote four events more: how many it lags behind",
      "4 or more",
      lag !== undefined && lag.events >= 4,
      lag
    )
    const since = lag === undefined ? 0 : Duration.toMillis(lag.age)
    yield* Check.holds(
      "wrote four events more, waited 5 ms: since when",
      "0 ms to a minute",
      since >= 0 && since < 60_000,
      since
    )
    const head = yield* store.head
    yield* Check.holds(
      "asked for the head",
      `at most ${head}, more than ${idle.position}`,
      behind.head <= head && behind.head > idle.position,
      behind.head
    )
  })
)

/** The laws of waiting. */
export const waiting = [readYourWrites, timedOut, stopped, status]
