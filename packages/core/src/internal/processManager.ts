// Builds a process manager from its protocol and handlers: one table from category and type to what an event means to it.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as Aggregate from "../Aggregate.ts"
import type { Recorded } from "../EventData.ts"
import type { Codecs, Dispatched, Instance, ProcessManager } from "../ProcessManager.ts"
import { categoryProblem, isSystemCategory } from "../StreamName.ts"
import type { Upcaster } from "../Upcaster.ts"
import * as EventCodec from "./eventCodec.ts"
import type { Tagged } from "./eventCodec.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { frozen } from "./frozen.ts"
import { make as jsonCodec } from "./jsonCodec.ts"
import type { JsonCodec } from "./jsonCodec.ts"
import { filterOf } from "./todaysEvents.ts"

type Decide<Event, State> = (event: Tagged, state: State, recorded: Recorded<Tagged>) => ReadonlyArray<Event>
type Evolve<Event, State> = (state: State, event: Event) => State
type Send<Event, State, Payload> = (
  event: Event,
  state: State,
  process: Instance
) => ReadonlyArray<Dispatched<Event, Payload>>
type Expire<Event, State, Payload> = (deadline: Payload, state: State) => ReadonlyArray<Event>

/** The protocol of a process manager, without what only the compiler knows. */
export interface Protocol<Event, State, Payload> {
  readonly observes: ReadonlyArray<Aggregate.Any>
  readonly correlate: (recorded: Recorded<Tagged>) => string | undefined
  readonly event: Schema.ConstraintCodec<Event, unknown>
  readonly state: Schema.ConstraintCodec<State, unknown>
  readonly initial: State
  readonly deadline?: Schema.ConstraintCodec<Payload, unknown>
  readonly stateVersion?: number
  readonly upcast?: Upcaster<Event>
}

interface Handlers<Handler> {
  readonly [tag: string]: Handler
}

interface Table<Handler> {
  readonly [tag: string]: Handler | undefined
}

/** The handlers of a process manager; `decide` is flat for one aggregate, nested by name for several. */
export interface Behaviour<Event, State, Payload> {
  readonly decide: Handlers<Decide<Event, State>> | Handlers<Handlers<Decide<Event, State>>>
  readonly evolve: Handlers<Evolve<Event, State>> | Evolve<Event, State>
  readonly dispatch: Handlers<Send<Event, State, Payload>>
  readonly deadline?: Handlers<Expire<Event, State, Payload>>
}

/** The process manager of a protocol and its handlers. Throws a TypeError for a definition that cannot work. */
export const define = <Event extends Tagged, State, Payload extends Tagged>(
  name: string,
  protocol: Protocol<Event, State, Payload>,
  behaviour: Behaviour<Event, State, Payload>
): ProcessManager<string, Aggregate.Any, Event, State, Payload> => {
  const { observes } = protocol
  const refuse = (problem: string): never => {
    throw new TypeError(`The process manager "${name}" cannot be defined: ${problem}.`)
  }
  const problem =
    categoryProblem(name) ?? (isSystemCategory(name) ? "categories with $ are the library's own" : undefined)
  if (problem !== undefined) refuse(problem)
  const names = observes.map((aggregate) => aggregate.name)
  if (names.length === 0) refuse("it observes nothing")
  if (names.includes(name)) refuse("an aggregate that it observes has the same name, so their events would mix")
  if (new Set(names).size !== names.length) refuse(`two of its aggregates have the same name (${names.join(", ")})`)

  const eventTypes = EventCodec.tagsOf(protocol.event)
  const twice = tagsOfCases(protocol.event.ast).find((tag, index, all) => all.indexOf(tag) < index)
  if (twice !== undefined) refuse(`two of its own events have the tag "${twice}"`)
  const deadlines: Schema.ConstraintCodec<Payload, unknown> | undefined = protocol.deadline
  const deadlineTypes = deadlines === undefined ? [] : EventCodec.tagsOf(deadlines)
  const both = deadlineTypes.find((type) => eventTypes.includes(type))
  if (both !== undefined) refuse(`"${both}" is the tag of an own event and of a deadline, which are kept together`)

  /** Handlers by tag, without a prototype: a tag such as "constructor" has no handler that it did not get. */
  const tableOf = <Handler>(
    part: string,
    handlers: Handlers<Handler> | undefined,
    tags: ReadonlyArray<string>,
    options: { readonly kind: string; readonly of: string; readonly isTotal?: boolean }
  ): Table<Handler> => {
    const given = Object.keys(handlers ?? {})
    const unknown = given.find((tag) => !tags.includes(tag))
    if (unknown !== undefined)
      refuse(`${part} has a handler for "${unknown}", but ${options.of} has no such ${options.kind}`)
    const missing = options.isTotal === true ? tags.find((tag) => !given.includes(tag)) : undefined
    if (missing !== undefined) refuse(`${part} has no handler for the ${options.kind} "${missing}"`)
    return Object.assign(Object.create(null) as Handlers<Handler>, handlers)
  }

  const alone = observes.length === 1
  const unobserved = alone ? undefined : Object.keys(behaviour.decide).find((source) => !names.includes(source))
  if (unobserved !== undefined) refuse(`decide has handlers for "${unobserved}", which it does not observe`)
  type Decides = Handlers<Decide<Event, State>>
  const decides = new Map(
    observes.map(({ eventTypes, name }) => {
      const handlers = alone ? behaviour.decide : own<Decides | Decide<Event, State>>(behaviour.decide, name)
      const table = tableOf("decide", handlers as Decides | undefined, eventTypes, { kind: "event", of: name })
      return [name, table] as const
    })
  )
  const dispatches = tableOf("dispatch", behaviour.dispatch, eventTypes, { kind: "event", of: name })
  const expires = tableOf("deadline", behaviour.deadline, deadlineTypes, { kind: "deadline", of: name, isTotal: true })
  const evolve = evolveOf(name, behaviour.evolve, (handlers) =>
    tableOf("evolve", handlers, eventTypes, { kind: "event", of: name, isTotal: true })
  )

  const observed = observes.map((aggregate) => ({ aggregate, types: Object.keys(decides.get(aggregate.name) ?? {}) }))
  const { initial: first, stateVersion = 1, upcast } = protocol
  if (upcast !== undefined && upcast.event !== protocol.event) {
    refuse("its upcaster was made of another schema than its own events: give both the same one, as a constant")
  }
  const initial = frozen(first)
  const schemas = {
    event: protocol.event,
    state: protocol.state,
    // Without deadlines Payload is never, its default; TypeScript cannot see that from the absent property.
    deadline: deadlines ?? (Schema.Never as unknown as Schema.ConstraintCodec<Payload, unknown>)
  }
  const codecs = codecsOf(schemas, stateVersion, upcast)
  return {
    name,
    observes,
    filter: filterOf(observed),
    handles: observed.map(({ aggregate, types }) => ({ category: aggregate.name, types })),
    correlate: protocol.correlate,
    decide: (recorded, state) => {
      const handler = decides.get(recorded.category)?.[recorded.type]
      return handler === undefined ? [] : handler(recorded.data, state, recorded)
    },
    expire: (deadline, state) => {
      const handler = expires[deadline._tag]
      if (handler === undefined) throw new TypeError(`${name} has no handler for the deadline "${deadline._tag}".`)
      return handler(deadline, state)
    },
    evolve,
    dispatch: (event, state, process) => {
      const sent = dispatches[event._tag]?.(event, state, process) ?? []
      for (const one of sent) {
        if (one._tag !== "Command" || one.aggregate.name !== name) continue
        throw new TypeError(`${name} sends "${one.command._tag}" to ${name}, whose streams are its own to write.`)
      }
      return sent
    },
    initial,
    stateVersion,
    schemas,
    eventTypes,
    deadlineTypes,
    codecs,
    aggregate: {
      name,
      decide: (command: never) => command,
      evolve,
      initial,
      stateVersion,
      schemas: { ...schemas, id: Schema.String, command: Schema.Never },
      eventTypes,
      upcast,
      codecs: {
        id,
        command: noCommand,
        get event() {
          return codecs.event
        },
        get state() {
          return codecs.state
        },
        get fingerprint() {
          return codecs.fingerprint
        }
      }
    }
  }
}

const id = jsonCodec(Schema.String)

const noCommand: EventCodec.EventCodec<never> = {
  tags: [],
  versionOf: () => undefined,
  encode: (command) => command,
  decode: () => Result.fail({ problem: "it takes no commands" })
}

// Built on first use: an app may switch on the schema compiler after the module that defines the process was loaded.
const codecsOf = <Event extends Tagged, State, Payload>(
  schemas: ProcessManager<string, Aggregate.Any, Event, State, Payload>["schemas"],
  stateVersion: number,
  upcast: Upcaster<Event> | undefined
): Codecs<Event, State, Payload> => {
  let event: EventCodec.EventCodec<Event> | undefined
  let state: JsonCodec<State> | undefined
  let deadline: JsonCodec<Payload> | undefined
  let fingerprint: string | undefined
  return {
    get event() {
      return (event ??= upcast?.codec ?? EventCodec.make(schemas.event))
    },
    get state() {
      return (state ??= jsonCodec(schemas.state))
    },
    get deadline() {
      return (deadline ??= jsonCodec(schemas.deadline))
    },
    get fingerprint() {
      return (fingerprint ??= fingerprintOf(schemas.state, stateVersion))
    }
  }
}

const evolveOf = <Event extends Tagged, State>(
  name: string,
  evolve: Handlers<Evolve<Event, State>> | Evolve<Event, State>,
  tableOf: (handlers: Handlers<Evolve<Event, State>>) => Table<Evolve<Event, State>>
): Evolve<Event, State> => {
  if (typeof evolve === "function") return evolve
  const table = tableOf(evolve)
  return (state, event) => {
    const handler = table[event._tag]
    if (handler === undefined) throw new TypeError(`${name} has no evolve for the event "${event._tag}".`)
    return handler(state, event)
  }
}

const own = <Handler>(handlers: Handlers<Handler>, name: string): Handler | undefined =>
  Object.hasOwn(handlers, name) ? handlers[name] : undefined

/** The tags of a union, one for each case: a tag that two cases have is there twice. */
const tagsOfCases = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isUnion(ast) ? ast.types.flatMap(tagsOfCases) : EventCodec.tagsOf(Schema.make<Schema.Constraint>(ast))
