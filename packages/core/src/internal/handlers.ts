// Makes one function of the handlers of an aggregate, which come as a record by tag or as one function.
import * as Result from "effect/Result"
import type { Decide, Decision, Evolve } from "../Aggregate.ts"
import type { Tagged } from "./eventCodec.ts"

// The handlers of a record are one function of the whole union: each gets its own case because the tag picked it. The
// compiler checked the record against the union in `Aggregate.make`; it cannot follow the lookup, hence the casts here.
type Handlers<Function> = { readonly [tag: string]: Function | undefined }

/** The `decide` of an aggregate; a plain list of events is a success. */
export const decideOf = <Command extends Tagged, Event, State, Rejection>(
  name: string,
  decide: Decide<Command, Event, State>,
  tags: ReadonlyArray<string>
) => {
  type Handler = (command: Command, state: State) => Decision<Event, Rejection>
  const table = tableOf<Handler>(decide, name, "decide", tags)
  const one = typeof decide === "function" ? (decide as Handler) : undefined
  return (command: Command, state: State): Result.Result<ReadonlyArray<Event>, Rejection> => {
    const handler = one ?? table[command._tag] ?? unhandled(name, "decide", "command", command)
    const decision = handler(command, state)
    return Result.isResult(decision) ? decision : Result.succeed(decision)
  }
}

/** The `evolve` of an aggregate. */
export const evolveOf = <Event extends Tagged, State>(
  name: string,
  evolve: Evolve<Event, State>,
  tags: ReadonlyArray<string>
) => {
  type Handler = (state: State, event: Event) => State
  if (typeof evolve === "function") return evolve as Handler
  const table = tableOf<Handler>(evolve, name, "evolve", tags)
  return (state: State, event: Event): State => {
    const handler = table[event._tag] ?? unhandled(name, "evolve", "event", event)
    return handler(state, event)
  }
}

// Without a prototype: a tag such as "constructor" has no handler that it did not get. Throws a TypeError where one is
// missing, which types rule out, but not a class whose methods are no properties of its own.
const tableOf = <Function>(
  handlers: object,
  name: string,
  part: string,
  tags: ReadonlyArray<string>
): Handlers<Function> => {
  const missing = typeof handlers === "function" ? undefined : tags.find((tag) => !Object.hasOwn(handlers, tag))
  if (missing !== undefined) {
    throw new TypeError(`Aggregate "${name}" has no ${part} for "${missing}": give a plain object of handlers.`)
  }
  return Object.assign(Object.create(null) as Handlers<Function>, handlers)
}

const unhandled = (name: string, part: string, what: string, value: Tagged): never => {
  throw new TypeError(`Aggregate "${name}" has no ${part} for the ${what} "${value._tag}".`)
}
