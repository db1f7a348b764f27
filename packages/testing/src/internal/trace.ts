// Executes a list of commands on an aggregate, guarded, and keeps all that happened; pure and repeatable.
import * as Result from "effect/Result"
import type { Aggregate } from "evolvent/Aggregate"
import { byValue, bySchema, ofLists } from "./equality.ts"
import type { Same } from "./equality.ts"
import { callOnce, callTwice } from "./fault.ts"
import type { Fault } from "./fault.ts"
import { freeze } from "./purity.ts"
import { throughText } from "./text.ts"

interface Tagged {
  readonly _tag: string
}

/** A command that was decided, and the number of events that had happened before. */
export interface Step<Command, Event, Rejection> {
  readonly command: Command
  readonly revision: number
  readonly decision: Result.Result<ReadonlyArray<Event>, Rejection>
}

/** What commands led to, up to the first faulty call. */
export interface Trace<Command, Event, State, Rejection> {
  readonly steps: ReadonlyArray<Step<Command, Event, Rejection>>
  readonly events: ReadonlyArray<Event>
  /** The state before the first event, after it, and so on. */
  readonly states: ReadonlyArray<State>
  /** Where a call went wrong: in decide on `command`, or in evolve on `event`. */
  readonly faulty: { readonly fault: Fault; readonly command: Command; readonly event: Event | undefined } | undefined
}

/** How an aggregate is executed, step by step. */
export interface Tracer<Command, Event, State, Rejection> {
  readonly sameState: Same<State>
  readonly sameEvent: Same<Event>
  readonly run: (commands: Iterable<Command>) => Trace<Command, Event, State, Rejection>
  /** Begins a history that grows by one command at a time. */
  readonly begin: () => Growing<Command, Event, State, Rejection>
  /** What would be decided, without a record; undefined when the call is faulty. */
  readonly peek: (command: Command, state: State) => Result.Result<ReadonlyArray<Event>, Rejection> | undefined
  /** The state before every event, for a fold of one's own. */
  readonly initial: () => State
  /** The state that events would make, without a record; undefined when that is faulty. */
  readonly foresee: (state: State, events: ReadonlyArray<Event>) => { readonly state: State } | undefined
  /** An event as a store gives it back. */
  readonly stored: (event: Event) => Result.Result<Event, string>
  /** A state as a snapshot gives it back. */
  readonly snapshot: (state: State) => Result.Result<State, string>
}

/** A history that grows. */
export interface Growing<Command, Event, State, Rejection> {
  readonly trace: Trace<Command, Event, State, Rejection>
  readonly state: () => State
  /** Decides and evolves; false when a call was faulty, which ends the history. */
  readonly execute: (command: Command) => boolean
}

/** The tracer of an aggregate. */
export const tracer = <Id, Command extends Tagged, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<string, Id, Command, Event, State, Rejection>
): Tracer<Command, Event, State, Rejection> => {
  const { codecs, decide, evolve, initial, name, schemas } = aggregate
  const sameState = bySchema(schemas.state)
  const sameEvent = bySchema(schemas.event)
  const sameEvents = ofLists(sameEvent)
  const snapshot = (state: State) => throughText(codecs.state.encode(state), codecs.state.decode)
  // What cannot be frozen is copied, so that an evolve that changes it does not spoil the histories that follow.
  const fresh = (): State => {
    if (freeze(initial)) return initial
    const copy = snapshot(initial)
    return Result.isSuccess(copy) && sameState(initial, copy.success) ? copy.success : initial
  }
  const printState = (state: State) => () => print(codecs.state.encode(state))

  const begin = (): Growing<Command, Event, State, Rejection> => {
    const steps: Array<Step<Command, Event, Rejection>> = []
    const events: Array<Event> = []
    const states: Array<State> = [fresh()]
    let faulty: Trace<Command, Event, State, Rejection>["faulty"]
    const state = (): State => states[states.length - 1] as State

    const execute = (command: Command): boolean => {
      const before = state()
      const decided = callTwice({
        name: `${name}.decide`,
        run: () => decide(command, before),
        inputs: [
          { name: "the command", value: command, print: () => print(codecs.command.encode(command)) },
          { name: "the state", value: before, print: printState(before) }
        ],
        same: sameDecision(sameEvents),
        check: decisionProblem
      })
      if ("fault" in decided) {
        faulty = { fault: decided.fault, command, event: undefined }
        return false
      }
      steps.push({ command, revision: events.length, decision: decided.value })
      if (Result.isFailure(decided.value)) return true
      for (const event of decided.value.success) {
        const from = state()
        const evolved = callTwice({
          name: `${name}.evolve`,
          run: () => evolve(from, event),
          inputs: [
            { name: "the state", value: from, print: printState(from) },
            { name: "the event", value: event, print: () => print(codecs.event.encode(event)) }
          ],
          same: sameState
        })
        if ("fault" in evolved) {
          faulty = { fault: evolved.fault, command, event }
          return false
        }
        events.push(event)
        states.push(evolved.value)
      }
      return true
    }
    const trace = {
      steps,
      events,
      states,
      get faulty() {
        return faulty
      }
    }
    return { trace, state, execute }
  }

  return {
    sameState,
    sameEvent,
    initial: fresh,
    begin,
    run: (commands) => {
      const growing = begin()
      for (const command of commands) if (!growing.execute(command)) break
      return growing.trace
    },
    peek: (command, state) => {
      freeze(state)
      const decision = callOnce({ run: () => decide(command, state) })
      return decision === undefined || decisionProblem(decision) !== undefined ? undefined : decision
    },
    foresee: (state, events) => {
      // What cannot be frozen is copied, so that looking ahead changes nothing.
      const copy = freeze(state) ? Result.succeed(state) : snapshot(state)
      if (Result.isFailure(copy)) return undefined
      return callOnce({ run: () => ({ state: events.reduce(evolve, copy.success) }) })
    },
    stored: (event) => {
      const encoded = codecs.event.encode(event)
      return Result.isFailure(encoded)
        ? Result.fail(`its schema refuses it: ${encoded.failure}`)
        : throughText(Result.succeed(encoded.success.data), (data) => {
            const { schemaVersion, type } = encoded.success
            const decoded = codecs.event.decode(type, schemaVersion, data)
            if (Result.isFailure(decoded)) return Result.fail(decoded.failure.problem)
            const [only] = decoded.success
            return only === undefined ? Result.fail("it is dropped") : Result.succeed(only)
          })
    },
    snapshot
  }
}

const print = (encoded: Result.Result<unknown, string>): string =>
  Result.isSuccess(encoded) ? JSON.stringify(encoded.success) : encoded.failure

const decisionProblem = (decision: Result.Result<ReadonlyArray<unknown>, unknown>): string | undefined =>
  Result.isFailure(decision) || Array.isArray(decision.success)
    ? undefined
    : `returned neither an array of events nor a Result, but ${typeof decision.success}`

const sameDecision =
  <Event>(sameEvents: Same<ReadonlyArray<Event>>): Same<Result.Result<ReadonlyArray<Event>, unknown>> =>
  (self, that) =>
    Result.isSuccess(self)
      ? Result.isSuccess(that) && sameEvents(self.success, that.success)
      : Result.isFailure(that) && byValue(self.failure, that.failure)
