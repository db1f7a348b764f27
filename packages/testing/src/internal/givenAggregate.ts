// Given/when/expect of aggregates: folds, decides, compares, and explains what differs.
import * as Result from "effect/Result"
import type { Aggregate } from "evolvent/Aggregate"
import { fail } from "../ExpectationFailed.ts"
import type { Decided, GivenEvents } from "../Given.ts"
import { byValue, bySchema, ofLists } from "./equality.ts"
import { givenSource } from "./scenario.ts"
import { toSource } from "./source.ts"
import { describe } from "./text.ts"
import { both, count, countBeside, refusal } from "./wording.ts"

interface Tagged {
  readonly _tag: string
}

/** An aggregate with a past. */
export const givenAggregate = <Id, Command extends Tagged, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<string, Id, Command, Event, State, Rejection>,
  past: ReadonlyArray<Event>
): GivenEvents<Command, Event, State, Rejection> => {
  const { codecs, schemas } = aggregate
  const sameState = bySchema(schemas.state)
  const sameEvents = ofLists(bySchema(schemas.event))
  const scenario = givenSource(aggregate.name, past)

  /** Folds events; `method` is what the test called. */
  const fold = (method: Method, from: State, events: ReadonlyArray<Event>): State => {
    let state = from
    for (const event of events) {
      try {
        state = aggregate.evolve(state, event)
      } catch (cause) {
        const problem = `${aggregate.name}.evolve threw on ${toSource(event)}: ${describe(cause)}`
        fail(method, { scenario, problem, cause })
      }
    }
    return state
  }

  const stateOf = (method: Method): State => {
    for (const event of past) {
      const problem = refusal(codecs.event.encode(event))
      if (problem === undefined) continue
      fail(method, { scenario, problem: `The given ${toSource(event)} cannot have happened: ${problem}` })
    }
    return fold(method, aggregate.initial, past)
  }

  const expectState = (method: Method, text: string, expected: State, found: State): void => {
    if (sameState(expected, found)) return
    const problem = `${text} makes another state than expected.`
    fail(method, { scenario, problem, ...both(expected, found) })
  }

  const self: GivenEvents<Command, Event, State, Rejection> = {
    expectState: (state) => {
      expectState(self.expectState, `The past of ${aggregate.name}`, state, stateOf(self.expectState))
      return self
    },
    when: (command) => {
      const state = stateOf(self.when)
      const tried = `${scenario}.when(${toSource(command)})`
      const refused = refusal(codecs.command.encode(command))
      if (refused !== undefined) {
        fail(self.when, { scenario: tried, problem: `No such command comes to decide: ${refused}` })
      }
      return decided(tried, state, decide(tried, command, state))
    }
  }

  const decide = (tried: string, command: Command, state: State) => {
    try {
      return aggregate.decide(command, state)
    } catch (cause) {
      const problem = `${aggregate.name}.decide threw: ${describe(cause)}`
      const hint = `To say no to a command, return Result.fail(rejection) from decide.`
      return fail(self.when, { scenario: tried, problem, hint, cause })
    }
  }

  const decided = (
    scenario: string,
    before: State,
    decision: Result.Result<ReadonlyArray<Event>, Rejection>
  ): Decided<Event, State, Rejection> => {
    const outcome: Decided<Event, State, Rejection> = {
      expect: (expected) => {
        if (Result.isFailure(decision)) {
          return fail(outcome.expect, {
            scenario,
            problem: `Expected ${count(expected)}, but the command was rejected: ${toSource(decision.failure)}`,
            hint: `If that is meant: .expectRejection(${rejectionSource(decision.failure)})`
          })
        }
        const found = decision.success
        if (!sameEvents(expected, found)) {
          const problem = `Expected ${count(expected)}, found ${countBeside(found, expected)}.`
          return fail(outcome.expect, { scenario, problem, ...both(expected, found) })
        }
        for (const event of found) {
          const problem = refusal(codecs.event.encode(event))
          if (problem === undefined) continue
          fail(outcome.expect, { scenario, problem: `decide returned ${toSource(event)}, but ${problem}` })
        }
        return outcome
      },
      expectRejection: (name, fields) => {
        const expected = toSource(name) + (fields === undefined ? "" : ` with ${toSource(fields)}`)
        if (Result.isSuccess(decision)) {
          const found = decision.success
          const what = found.length === 0 ? "accepted without any event" : `accepted: ${toSource(found)}`
          const problem = `Expected the rejection ${expected}, but the command was ${what}`
          return fail(outcome.expectRejection, {
            scenario,
            problem,
            hint: `If that is meant: .expect(${toSource(found)})`
          })
        }
        const found = decision.failure
        if (!isNamed(found, name)) {
          const problem = `Expected the rejection ${expected}, but it was another one: ${toSource(found)}`
          const hint = `If that is meant: .expectRejection(${rejectionSource(found)})`
          return fail(outcome.expectRejection, { scenario, problem, hint })
        }
        const actual = pick(found, Object.keys(fields ?? {}))
        if (!byValue(fields ?? {}, actual)) {
          const problem = `The rejection ${toSource(name)} has other fields than expected: ${toSource(found)}`
          return fail(outcome.expectRejection, { scenario, problem, ...both(fields, actual) })
        }
        return outcome
      },
      expectState: (state) => {
        const after = fold(outcome.expectState, before, Result.isSuccess(decision) ? decision.success : [])
        if (!sameState(state, after)) {
          const what = Result.isSuccess(decision) ? toSource(decision.success) : "The rejected command"
          const problem = `${what} leads to another state than expected.`
          fail(outcome.expectState, { scenario, problem, ...both(state, after) })
        }
        return outcome
      }
    }
    return outcome
  }
  return self
}

type Method = (...args: never) => unknown

const isTagged = (value: unknown): value is Tagged => typeof value === "object" && value !== null && "_tag" in value

const isNamed = (rejection: unknown, name: unknown): boolean =>
  (isTagged(rejection) && rejection._tag === name) || byValue(rejection, name)

const pick = (value: unknown, fields: ReadonlyArray<string>): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [field, (value as Readonly<Record<string, unknown>>)[field]]))

/** The arguments of `expectRejection` for a rejection. */
const rejectionSource = (rejection: unknown): string => {
  if (!isTagged(rejection)) return toSource(rejection)
  const fields = Object.fromEntries(Object.entries(rejection).filter(([key]) => key !== "_tag"))
  return toSource(rejection._tag) + (Object.keys(fields).length === 0 ? "" : `, ${toSource(fields)}`)
}
