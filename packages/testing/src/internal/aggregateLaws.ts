// The laws of an aggregate: what each of them looks for in a history, and how a broken one is shown.
import * as Result from "effect/Result"
import type { Aggregate } from "evolvent/Aggregate"
import type { AggregateLawOptions, Law } from "../Laws.ts"
import { fromGenerator, fromSchema, jsonOf } from "./commands.ts"
import * as Histories from "./histories.ts"
import { checks } from "./lawCheck.ts"
import type { Break } from "./lawCheck.ts"
import * as Randoms from "./random.ts"
import { givenSource } from "./scenario.ts"
import { simplerEverywhere, simplerJson } from "./shrink.ts"
import { toSource } from "./source.ts"
import { tracer as tracerOf } from "./trace.ts"
import type { Trace, Tracer } from "./trace.ts"

interface Tagged {
  readonly _tag: string
}

/** The laws of an aggregate. */
export const aggregateLaws = <Id, Command extends Tagged, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<string, Id, Command, Event, State, Rejection>,
  options: AggregateLawOptions<Command, State, Event["_tag"]>
): ReadonlyArray<Law> => {
  type History = Trace<Command, Event, State, Rejection>
  const { name } = aggregate
  const { commands: generator, maxCommands = 30, runs = 100, seed = 0, unreached = [] } = options
  const tracer = tracerOf(aggregate)
  const json = jsonOf(aggregate.schemas.command)
  const counts = Histories.tally(aggregate.eventTypes)

  const generate = () => {
    const random = Randoms.make(seed)
    const candidates =
      generator === undefined ? fromSchema<Command, State>(aggregate.schemas.command, seed) : fromGenerator(generator)
    return Array.from({ length: runs }, () => {
      const { commands, trace } = Histories.history(aggregate, tracer, candidates, counts, random, maxCommands)
      return { items: commands, history: trace }
    })
  }

  const { law, coverage } = checks<Command, History>({
    subject: name,
    seed,
    counts,
    generate,
    run: tracer.run,
    what: "commands",
    simpler: function* (command) {
      const encoded = generator === undefined ? json.encode(command) : undefined
      if (encoded === undefined) return
      for (const simpler of simplerJson(encoded)) {
        const decoded = json.decode(simpler)
        if (decoded !== undefined) yield decoded
      }
    },
    simplerEverywhere: function* (commands) {
      const encoded = commands.map((command) => json.encode(command))
      if (generator !== undefined || encoded.includes(undefined)) return
      for (const simpler of simplerEverywhere(encoded as ReadonlyArray<NonNullable<(typeof encoded)[number]>>)) {
        const decoded = simpler.map(json.decode)
        if (!decoded.includes(undefined)) yield decoded as ReadonlyArray<Command>
      }
    }
  })

  const faults =
    (kind: "threw" | "impure" | "mutated") =>
    ({ events, faulty }: History): Break | undefined => {
      if (faulty === undefined || faulty.fault.kind !== kind) return undefined
      const { command, event, fault } = faulty
      const example =
        event === undefined
          ? `${givenSource(name, events)}.when(${toSource(command)})`
          : givenSource(name, [...events, event])
      return { problem: fault.problem, example }
    }

  // A state that was changed afterwards says nothing of how it was made.
  const unspoiled =
    (breakOf: (trace: History) => Break | undefined) =>
    (trace: History): Break | undefined =>
      trace.faulty?.fault.kind === "mutated" ? undefined : breakOf(trace)

  return [
    law("decide and evolve never throw", faults("threw")),
    law("decide and evolve are deterministic", faults("impure")),
    law("decide and evolve change nothing they are given", faults("mutated")),
    law("events can be stored and come back equal", (trace) => eventsComeBack(name, tracer, trace)),
    law(
      "replaying the stored events gives the state",
      unspoiled((trace) => replayGivesState(aggregate, tracer, trace))
    ),
    law(
      "a snapshot and the events after it give the state",
      unspoiled((trace) => snapshotsGiveState(aggregate, tracer, trace))
    ),
    coverage("every event is reached", unreached, (missing) => {
      const options = `laws(${name}, { unreached: ${toSource(missing)} })`
      return (
        `If ${missing.length === 1 ? "it needs" : "they need"} commands that chance does not find, give a generator ` +
        `that sees the state: laws(${name}, { commands: (state) => … }). If they cannot happen any more: ${options}`
      )
    })
  ]
}

const eventsComeBack = <Command, Event, State, Rejection>(
  name: string,
  { sameEvent, stored }: Tracer<Command, Event, State, Rejection>,
  { events, steps }: Trace<Command, Event, State, Rejection>
): Break | undefined => {
  for (const { command, decision, revision } of steps) {
    if (Result.isFailure(decision)) continue
    for (const event of decision.success) {
      const back = stored(event)
      if (Result.isSuccess(back) && sameEvent(event, back.success)) continue
      const problem = Result.isFailure(back)
        ? `The event ${toSource(event)} cannot be stored and read: ${back.failure}`
        : `The event ${toSource(event)} comes back from the store as ${toSource(back.success)}`
      return { problem, example: `${givenSource(name, events.slice(0, revision))}.when(${toSource(command)})` }
    }
  }
  return undefined
}

/** The states of a fold, or as many as there are before evolve throws. */
const statesOf = <Event, State>(
  evolve: (state: State, event: Event) => State,
  from: State,
  events: Iterable<Event>
) => {
  const states = [from]
  try {
    let state = from
    for (const event of events) states.push((state = evolve(state, event)))
    return { states }
  } catch (thrown) {
    return { states, thrown }
  }
}

/** The states that the stored events make; undefined when one does not come back, which breaks another law. */
const replayOf = <Id, Command, Event, State, Rejection>(
  { evolve }: Aggregate<string, Id, Command, Event, State, Rejection>,
  { initial, stored }: Tracer<Command, Event, State, Rejection>,
  { events }: Trace<Command, Event, State, Rejection>
) => {
  const back = events.map(stored)
  if (back.some(Result.isFailure)) return undefined
  const tail = back.map(Result.getOrThrow)
  return { tail, ...statesOf(evolve, initial(), tail) }
}

const replayGivesState = <Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<string, Id, Command, Event, State, Rejection>,
  tracer: Tracer<Command, Event, State, Rejection>,
  trace: Trace<Command, Event, State, Rejection>
): Break | undefined => {
  const replay = replayOf(aggregate, tracer, trace)
  if (replay === undefined) return undefined
  for (const [count, executed] of trace.states.entries()) {
    const replayed = replay.states[count]
    if (replayed !== undefined && tracer.sameState(executed, replayed)) continue
    const found = replayed === undefined ? `nothing, for evolve threw ${String(replay.thrown)}` : toSource(replayed)
    return {
      problem: `Executing the commands gave the state ${toSource(executed)}, but replaying the stored events gives ${found}`,
      example: `${givenSource(aggregate.name, trace.events.slice(0, count))}.expectState(${toSource(executed)})`
    }
  }
  return undefined
}

const snapshotsGiveState = <Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<string, Id, Command, Event, State, Rejection>,
  tracer: Tracer<Command, Event, State, Rejection>,
  trace: Trace<Command, Event, State, Rejection>
): Break | undefined => {
  const { evolve, name } = aggregate
  const { events, states } = trace
  const replay = replayOf(aggregate, tracer, trace)
  // A replay that makes other states breaks the law before.
  if (replay === undefined || replayGivesState(aggregate, tracer, trace) !== undefined) return undefined
  const full = states.at(-1) as State
  for (const [count, state] of states.entries()) {
    const example = `${givenSource(name, events.slice(0, count))}.expectState(${toSource(state)})`
    const taken = tracer.snapshot(state)
    if (Result.isFailure(taken)) {
      return { problem: `The state ${toSource(state)} cannot be kept as a snapshot: ${taken.failure}`, example }
    }
    if (!tracer.sameState(state, taken.success)) {
      return {
        problem: `The state ${toSource(state)} comes back from a snapshot as ${toSource(taken.success)}`,
        example
      }
    }
    const resumed = statesOf(evolve, taken.success, replay.tail.slice(count))
    const found = resumed.states.at(-1) as State
    if (!("thrown" in resumed) && tracer.sameState(full, found)) continue
    const end = "thrown" in resumed ? `nothing, for evolve threw ${String(resumed.thrown)}` : toSource(found)
    return {
      problem:
        `All events give the state ${toSource(full)}, but a snapshot after the first ${count} of them, ` +
        `${toSource(taken.success)}, and the other events give ${end}`,
      example: givenSource(name, events)
    }
  }
  return undefined
}
