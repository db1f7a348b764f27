// The law of traces: from a command through its events to what reacts to them, whatever keeps the events meanwhile.
import * as Effect from "effect/Effect"
import * as EventFilter from "evolvent/EventFilter"
import * as Processor from "evolvent/Processor"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import * as Spans from "./Spans.ts"
import { Subject } from "./Subject.ts"

const traced = law(
  "Processor 12.13 what a reactor does is part of the trace of the command that led to its event",
  Effect.gen(function* () {
    const spans = yield* Spans.make
    const [account, target] = [yield* Account.make(), yield* Account.make()]
    const name = yield* Fresh.name("reactor")
    const { execute } = yield* Subject
    const reactor = Processor.reactor(name, {
      from: [account],
      handle: ({ data: { amount } }) => execute(target, "t", Account.deposit(amount))
    })
    const program = Effect.gen(function* () {
      yield* Running.start(reactor)
      yield* Effect.withSpan(execute(account, "a", Account.deposit(7)), "first request")
      yield* Effect.withSpan(execute(account, "b", Account.deposit(8)), "second request")
      yield* Check.eventually(
        "ran a reactor that executes commands, where somebody traces",
        "it has executed two",
        Contents.of(EventFilter.category(target.name)),
        ({ length }) => length === 2
      )
    })
    yield* spans.traced(program)
    const between = [`append ${target.name}`, `execute ${target.name}`, `handle ${name}`]
    const before = [`append ${account.name}`, `execute ${account.name}`]
    yield* Check.equal(
      "went from the spans of what the reactor appended up to where their traces begin",
      spans.upFrom(`append ${target.name}`),
      ["first request", "second request"].map((request) => [...between, ...before, request])
    )
  })
)

/** The laws of traces. */
export const tracing = [traced]
