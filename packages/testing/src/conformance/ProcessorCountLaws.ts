// The law of what is counted of processors: events handled, tried again and set aside.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Metrics from "evolvent/Metrics"
import * as Processor from "evolvent/Processor"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Counted from "./Counted.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

const counted = law(
  "Processor 12.14 what a processor handles, tries again and sets aside is counted under its name",
  Counted.alone(
    Effect.gen(function* () {
      const { execute, parked } = yield* Subject
      const account = yield* Account.make()
      const name = yield* Fresh.name("reactor")
      let failures = 0
      const reactor = Processor.reactor(name, {
        from: [account],
        // The second goes through at its third attempt, the fourth never does.
        handle: ({ data: { amount } }) =>
          amount === 4 || (amount === 2 && ++failures <= 2) ? Effect.fail("not this one") : Effect.void
      })
      for (const amount of [1, 2, 3]) yield* execute(account, "a", Account.deposit(amount))
      for (const amount of [4, 5]) yield* execute(account, "b", Account.deposit(amount))
      yield* Running.start(reactor, { onFailure: "park", retry: Schedule.recurs(2) })
      yield* Check.eventually(
        "ran a reactor over five events",
        "it has parked two",
        parked(reactor),
        (all) => all.length === 2
      )
      const processor = `reactor/${name}`
      const look = Effect.all({
        events: Counted.count(Metrics.processorEvents, "processor", processor),
        retries: Counted.count(Metrics.processorRetries, "processor", processor),
        parked: Counted.count(Metrics.processorParked, "processor", processor),
        takeovers: Counted.count(Metrics.processorTakeovers, "processor", processor)
      })
      // What was handled is counted when that is written down.
      yield* Check.eventually("looked at its metrics", "three events are counted", look, ({ events }) => events === 3)
      yield* Check.equal("looked at its metrics", yield* look, { events: 3, retries: 4, parked: 2, takeovers: 0 })
    })
  )
)

/** The laws of what is counted. */
export const counting = [counted]
