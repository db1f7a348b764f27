// Given/when/expect of process managers: decides on what happened, folds, dispatches, compares, and explains what differs.
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Aggregate from "evolvent/Aggregate"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import type { Deadline, Dispatched, ProcessManager } from "evolvent/ProcessManager"
import { recorded } from "../Events.ts"
import type { StreamEvents } from "../Events.ts"
import { fail } from "../ExpectationFailed.ts"
import type { ExpectedCommand, GivenProcess, Proceeded, ProcessOptions } from "../GivenProcess.ts"
import { byValue, bySchema, ofLists } from "./equality.ts"
import { givenSource, identifier } from "./scenario.ts"
import { toSource } from "./source.ts"
import { describe } from "./text.ts"
import { both, count, countBeside, refusal } from "./wording.ts"

interface Tagged {
  readonly _tag: string
}

type Method = (...args: never) => unknown

/** An own event, and the state right after it. */
interface Step<Event, State> {
  readonly event: Event
  readonly state: State
}

/** A process with a past. */
export const givenProcess = <Event extends Tagged, State, Payload extends Tagged>(
  manager: ProcessManager<string, Aggregate.Any, Event, State, Payload>,
  past: ReadonlyArray<Event>,
  options: ProcessOptions
): GivenProcess<Event, State, Payload> => {
  const { codecs, name, schemas } = manager
  const id = options.id ?? "1"
  const sameState = bySchema(schemas.state)
  const sameEvents = ofLists(bySchema(schemas.event))
  const handles = EventFilter.predicate(manager.filter)
  const scenario = givenSource(name, past, options.id === undefined ? undefined : options)

  /** Calls a part of the definition; what it throws is the expectation's failure. */
  const call = <A>(method: Method, scenario: string, what: string, part: () => A): A => {
    try {
      return part()
    } catch (cause) {
      return fail(method, { scenario, problem: `${name}.${what} threw: ${describe(cause)}`, cause })
    }
  }

  const fold = (method: Method, scenario: string, from: State, events: ReadonlyArray<Event>) => {
    const steps: Array<Step<Event, State>> = []
    let state = from
    for (const event of events) {
      state = call(method, scenario, `evolve of ${toSource(event)}`, () => manager.evolve(state, event))
      steps.push({ event, state })
    }
    return { steps, state }
  }

  const foldPast = (method: Method) => {
    for (const event of past) {
      const problem = refusal(codecs.event.encode(event))
      if (problem === undefined) continue
      fail(method, { scenario, problem: `The given ${toSource(event)} cannot have happened: ${problem}` })
    }
    return fold(method, scenario, manager.initial, past)
  }

  const dispatch = (method: Method, scenario: string, { event, state }: Step<Event, State>, process: string) =>
    call(method, scenario, `dispatch of ${toSource(event)}`, () => manager.dispatch(event, state, { id: process }))

  const expectState = (method: Method, scenario: string, text: string, expected: State, found: State): void => {
    if (sameState(expected, found)) return
    fail(method, { scenario, problem: `${text} makes another state than expected.`, ...both(expected, found) })
  }

  /** The observed event as a runner hands it on: decoded from what is stored. */
  const decoded = (scenario: string, { aggregate }: StreamEvents, event: Recorded): Recorded<Tagged> => {
    const data = aggregate.codecs.event.decode(event.type, event.schemaVersion, event.data)
    // What is given is of today, so it is one event.
    if (Result.isSuccess(data) && data.success[0] !== undefined) return { ...event, data: data.success[0] }
    const problem = Result.isFailure(data) ? data.failure.problem : "it is dropped"
    return fail(self.when, { scenario, problem: `The observed ${event.type} cannot be decoded: ${problem}` })
  }

  const self: GivenProcess<Event, State, Payload> = {
    expectState: (state) => {
      expectState(self.expectState, scenario, `The past of ${name}`, state, foldPast(self.expectState).state)
      return self
    },
    when: (observed) => {
      const { aggregate, events, streamId } = observed
      const tried = `${scenario}.when(events(${identifier(aggregate.name)}, ${toSource(streamId)}, ${toSource(events)}))`
      if (!manager.observes.some(({ name }) => name === aggregate.name)) {
        fail(self.when, { scenario: tried, problem: `${name} does not observe ${aggregate.name}.` })
      }
      let { state } = foldPast(self.when)
      const before = state
      const all: Array<Event> = []
      const passedOver: Array<string> = []
      let process = options.id
      for (const stored of recorded(observed)) {
        const event = decoded(tried, observed, stored)
        const described = `${event.type} of ${event.category}`
        if (!handles(event)) {
          passedOver.push(`${name} has no handler for ${described}.`)
          continue
        }
        const meant = call(self.when, tried, "correlate", () => manager.correlate(event))
        if (meant === undefined || (process !== undefined && process !== meant)) {
          passedOver.push(
            `correlate says that ${described} is for ${meant === undefined ? "no process" : `the process ${toSource(meant)}`}.`
          )
          continue
        }
        process = meant
        const decided = call(self.when, tried, "decide", () => manager.decide(event, state))
        state = fold(self.when, tried, state, decided).state
        all.push(...decided)
      }
      return proceeded(tried, before, all, process ?? id, passedOver)
    },
    whenDeadline: (deadline) => {
      const tried = `${scenario}.whenDeadline(${toSource(deadline)})`
      const refused = refusal(codecs.deadline.encode(deadline))
      if (refused !== undefined) {
        fail(self.whenDeadline, { scenario: tried, problem: `No such deadline comes back: ${refused}` })
      }
      const { state } = foldPast(self.whenDeadline)
      return proceeded(
        tried,
        state,
        call(self.whenDeadline, tried, "deadline", () => manager.expire(deadline, state))
      )
    },
    whenRejected: (aggregate, command, rejection, options) => {
      const to = identifier(aggregate.name)
      const apart = options === undefined ? "" : `, ${toSource(options)}`
      const tried = `${scenario}.whenRejected(${to}, ${toSource(command)}, ${toSource(rejection)}${apart})`
      const { state, steps } = foldPast(self.whenRejected)
      const sent = steps.map((step) => dispatch(self.whenRejected, scenario, step, id).filter(isCommand))
      const meant = (one: Aggregate.Command<Event>): boolean =>
        one.aggregate.name === aggregate.name &&
        one.command._tag === command &&
        (options === undefined || byValue(one.id, options.id))
      const last = sent.map((commands) => commands.filter(meant)).findLast(({ length }) => length > 0) ?? []
      const [refused] = last
      if (refused === undefined || last.length > 1) {
        const all = sent.flat()
        const problem =
          refused === undefined
            ? `The past of ${name} sends no such command: ${all.length === 0 ? "it sends none at all" : linesOf(all)}`
            : `The past of ${name} sends ${last.length} such commands at once, and { id } tells them apart: ${linesOf(last)}`
        return fail(self.whenRejected, { scenario: tried, problem })
      }
      const answer = call(self.whenRejected, tried, `rejected of ${command}`, () => refused.rejected?.(rejection) ?? [])
      return proceeded(tried, state, answer)
    }
  }

  const proceeded = (
    scenario: string,
    before: State,
    found: ReadonlyArray<Event>,
    process = id,
    passedOver: ReadonlyArray<string> = []
  ): Proceeded<Event, State, Payload> => {
    const hint = passedOver.length === 0 ? {} : { hint: passedOver.join("\n") }
    const outcome: Proceeded<Event, State, Payload> = {
      expect: (expected) => {
        if (!sameEvents(expected, found)) {
          const problem = `Expected ${count(expected)}, found ${countBeside(found, expected)}.`
          return fail(outcome.expect, { scenario, problem, ...both(expected, found), ...hint })
        }
        for (const event of found) {
          const problem = refusal(codecs.event.encode(event))
          if (problem === undefined) continue
          fail(outcome.expect, { scenario, problem: `The own event ${toSource(event)} cannot be stored: ${problem}` })
        }
        return outcome
      },
      expectDispatched: (expected) => {
        const { steps } = fold(outcome.expectDispatched, scenario, before, found)
        const sent = steps.flatMap((step) => dispatch(outcome.expectDispatched, scenario, step, process))
        for (const one of sent) {
          const problem = refusal(encoded(one))
          if (problem === undefined) continue
          fail(outcome.expectDispatched, { scenario, problem: `${sourceOf(one)} cannot be sent: ${problem}` })
        }
        if (!sameSent(expected, sent)) {
          const problem = `${name} sends something else than expected${found.length === 0 ? ", for nothing happened" : ""}.`
          const lines = { expected: linesOf(expected), actual: linesOf(sent) }
          return fail(outcome.expectDispatched, { scenario, problem, ...lines, ...hint })
        }
        return outcome
      },
      expectState: (state) => {
        const after = fold(outcome.expectState, scenario, before, found).state
        expectState(outcome.expectState, scenario, found.length === 0 ? "Nothing" : toSource(found), state, after)
        return outcome
      }
    }
    return outcome
  }

  const encoded = (one: Dispatched<Event, Payload>): Result.Result<unknown, string> =>
    one._tag === "Deadline"
      ? codecs.deadline.encode(one.payload)
      : Result.andThen(one.aggregate.codecs.id.encode(one.id), () => one.aggregate.codecs.command.encode(one.command))

  const sameDeadline = bySchema(schemas.deadline)
  const sameSent = ofLists<Sent<Payload>>((self, that) => {
    if (!byValue(self.after, that.after)) return false
    if (self._tag === "Deadline") return that._tag === "Deadline" && sameDeadline(self.payload, that.payload)
    if (that._tag === "Deadline") return false
    const { aggregate } = that
    const sameCommand = bySchema(aggregate.schemas.command)
    return (
      self.aggregate.name === aggregate.name && byValue(self.id, that.id) && sameCommand(self.command, that.command)
    )
  })
  return self
}

type Sent<Payload> = ExpectedCommand | Deadline<Payload>

const isCommand = <Event, Payload>(one: Dispatched<Event, Payload>): one is Aggregate.Command<Event> =>
  one._tag === "Command"

const linesOf = (sent: ReadonlyArray<Sent<unknown>>): string =>
  sent.length === 0 ? "[]" : `[\n${sent.map((one) => `  ${sourceOf(one)},\n`).join("")}]`

const sourceOf = (one: Sent<unknown>): string => {
  const after = Duration.isZero(one.after) ? "" : `, { after: ${toSource(one.after)} }`
  return one._tag === "Deadline"
    ? `ProcessManager.deadline(${toSource(one.payload, { indent: 2 })}, { after: ${toSource(one.after)} })`
    : `commandTo(${identifier(one.aggregate.name)}, ${toSource(one.id)}, ${toSource(one.command, { indent: 2 })}${after})`
}
