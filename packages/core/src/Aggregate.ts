// Aggregate: a pure decider. Commands and state give events (decide), state and an event give the next state (evolve).
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as EventCodec from "./internal/eventCodec.ts"
import type { Tagged } from "./internal/eventCodec.ts"
import type { Exact } from "./internal/exact.ts"
import { fingerprintOf } from "./internal/fingerprint.ts"
import { frozen } from "./internal/frozen.ts"
import { decideOf, evolveOf } from "./internal/handlers.ts"
import { make as jsonCodec } from "./internal/jsonCodec.ts"
import type { JsonCodec } from "./internal/jsonCodec.ts"
import { categoryProblem, isSystemCategory } from "./StreamName.ts"
import type * as Upcaster from "./Upcaster.ts"

export { command } from "./internal/command.ts"
export type { Command, CommandOptions } from "./internal/command.ts"
export { CommandIdReused, InvalidCommand } from "./internal/commandErrors.ts"
export { execute } from "./internal/executeAndWait.ts"
export type { WaitError, WaitingOptions, WaitNeeds } from "./internal/executeAndWait.ts"
export type { Executed, ExecuteOptions } from "./internal/execute.ts"
export { load } from "./internal/load.ts"
export type { LoadOptions } from "./internal/load.ts"
export type { Loaded } from "./internal/snapshot.ts"
export { layerCache } from "./internal/stateCache.ts"
export type { CacheOptions } from "./internal/stateCache.ts"

/** What `decide` returns: the events that happen (none is fine), or a rejection. */
export type Decision<Event, Rejection = unknown> = ReadonlyArray<Event> | Result.Result<ReadonlyArray<Event>, Rejection>

/** The case of a tagged union with a tag. */
export type Case<Union extends Tagged, Tag> = Extract<Union, { readonly _tag: Tag }>

/**
 * A decider: how one kind of entity answers commands, and what its state is after some events.
 *
 * Pure: it knows no store, no time and no randomness; time and ids travel in the command. `decide` and `evolve` are the
 * plain functions, usable anywhere; `Aggregate.execute` and `Aggregate.load` run it against an event store.
 */
export interface Aggregate<
  in out Name extends string,
  in out Id,
  in out Command,
  in out Event,
  in out State,
  out Rejection
> {
  readonly name: Name
  readonly decide: (command: Command, state: State) => Result.Result<ReadonlyArray<Event>, Rejection>
  readonly evolve: (state: State, event: Event) => State
  readonly initial: State
  /** Bumped by hand when `evolve` means something else, so that older snapshots are not used. */
  readonly stateVersion: number
  readonly schemas: {
    readonly id: Schema.ConstraintCodec<Id, string>
    readonly command: Schema.ConstraintCodec<Command, unknown>
    readonly event: Schema.ConstraintCodec<Event, unknown>
    readonly state: Schema.ConstraintCodec<State, unknown>
  }
  /** The tags of its events, which are the types that they are stored under. */
  readonly eventTypes: ReadonlyArray<string>
  /** What was stored before today, where that was something else. */
  readonly upcast: Upcaster.Upcaster<Event> | undefined
  /** Encode and decode what is stored; built once, on first use. */
  readonly codecs: Codecs<Id, Command, Event, State>
}

/** The codecs of an aggregate, and the fingerprint of its state's shape and version (see `SnapshotStore`). */
export interface Codecs<in out Id, in out Command, in out Event, in out State> {
  readonly id: JsonCodec<Id>
  readonly command: EventCodec.EventCodec<Command>
  readonly event: EventCodec.EventCodec<Event>
  readonly state: JsonCodec<State>
  readonly fingerprint: string
}

/** An aggregate of any types, for constraints. */
export interface Any {
  readonly name: string
  readonly schemas: {
    readonly id: Schema.ConstraintCodec<unknown, string>
    readonly command: Schema.ConstraintCodec<unknown, unknown>
    readonly event: Schema.ConstraintCodec<Tagged, unknown>
    readonly state: Schema.ConstraintCodec<unknown, unknown>
  }
  readonly eventTypes: ReadonlyArray<string>
  readonly upcast: Upcaster.Any | undefined
  readonly codecs: { readonly event: Pick<EventCodec.EventCodec<Tagged>, "tags" | "versionOf" | "decode"> }
}

/** The events of an aggregate. */
export type EventOf<A extends Any> = A["schemas"]["event"]["Type"]

/** What an aggregate is made of: its schemas and its first state. */
export interface Protocol<Id, Command extends Tagged, Event extends Tagged, State> {
  /** The ids, where they are more than text: a branded string, a number from text. */
  readonly id?: Schema.ConstraintCodec<Id, string>
  readonly command: Schema.ConstraintCodec<Command, unknown>
  readonly event: Schema.ConstraintCodec<Event, unknown>
  readonly state: Schema.ConstraintCodec<State, unknown>
  /** The state before any event; plain objects in it are frozen, since all streams share it. */
  readonly initial: NoInfer<State>
  readonly stateVersion?: number
  /** What was stored before today, as `Upcaster.make` declares it of the same schema of events. */
  readonly upcast?: Upcaster.Upcaster<NoInfer<Event>>
}

/** A handler for each command, or one function of all. */
export type Decide<Command extends Tagged, Event, State> =
  | { readonly [Tag in Command["_tag"]]: (command: Case<Command, Tag>, state: State) => Decision<Event> }
  | ((command: Command, state: State) => Decision<Event>)

/** A handler for each event, or one function of all. */
export type Evolve<Event extends Tagged, State> =
  | { readonly [Tag in Event["_tag"]]: (state: State, event: Case<Event, Tag>) => State }
  | ((state: State, event: Event) => State)

// What the second step of `make` infers its handlers from is looser than what it then asks for: handlers that break
// their constraint are not inferred, and the message would be about all of them instead of the one that is wrong.

/** A `decide` of any handlers, complete or not. */
export type AnyDecide<Command extends Tagged, Event, State> =
  | { readonly [Tag in Command["_tag"]]?: (command: Case<Command, Tag>, state: State) => Decision<Event> }
  | ((command: Command, state: State) => Decision<Event>)

/** An `evolve` of any handlers, complete or not, whatever objects they return. */
export type AnyEvolve<Event extends Tagged, State> =
  | { readonly [Tag in Event["_tag"]]?: (state: State, event: Case<Event, Tag>) => State | object | void }
  | ((state: State, event: Event) => State | object | void)

type AnyFunction = (...args: never) => unknown

/** A `decide` as it was given, with a handler for each command and for nothing else. */
export type Deciding<D, Name extends string, Command extends Tagged, Event, State> = D extends AnyFunction
  ? D
  : {
      readonly [Tag in keyof D | Command["_tag"]]: Tag extends Command["_tag"]
        ? (command: Case<Command, Tag>, state: State) => Decision<Event>
        : `no command of ${Name}`
    }

/** An `evolve` as it was given, with a handler for each event and for nothing else, and no field that a state has not. */
export type Evolving<V, Name extends string, Event extends Tagged, State> = [V] extends [never]
  ? V
  : V extends AnyFunction
    ? (state: State, event: Event) => Exact<V, State, "no field of the state">
    : [Exclude<Event["_tag"], keyof V>] extends [never]
      ? {
          readonly [Tag in keyof V]: Tag extends Event["_tag"]
            ? (state: State, event: Case<Event, Tag>) => Exact<V[Tag], State, "no field of the state">
            : `no event of ${Name}`
        }
      : { readonly [Tag in Event["_tag"]]: (state: State, event: Case<Event, Tag>) => State }

type RejectionIn<Returned> = Returned extends Result.Failure<infer _, infer Rejection> ? Rejection : never

/** The rejections that a `decide` can give, read from what its handlers return. */
export type RejectionOf<D> = D extends (...args: never) => infer Returned
  ? RejectionIn<Returned>
  : { [Tag in keyof D]: D[Tag] extends (...args: never) => infer Returned ? RejectionIn<Returned> : never }[keyof D]

/**
 * Makes an aggregate in two steps: its protocol, then its behaviour.
 *
 * The name is the category of its streams. `decide` and `evolve` take a handler for each tag, or one function;
 * a rejection is a `Result.fail` and its type is inferred.
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 *
 * const Counter = Aggregate.make("Counter", {
 *   command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
 *   event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
 *   state: Schema.Struct({ total: Schema.Int }),
 *   initial: { total: 0 }
 * })({
 *   decide: {
 *     Add: ({ by }, { total }) => (total + by > 10 ? Result.fail("full" as const) : [{ _tag: "Added", by }])
 *   },
 *   evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
 * })
 * Aggregate.fold(Counter, [{ _tag: "Added", by: 3 }, { _tag: "Added", by: 4 }]) // => { total: 7 }
 * Counter.decide({ _tag: "Add", by: 20 }, Counter.initial) // => Result.fail("full")
 * ```
 */
export const make =
  <const Name extends string, Command extends Tagged, Event extends Tagged, State, Id = string>(
    name: Name,
    protocol: Protocol<Id, Command, Event, State>
  ) =>
  <const D extends AnyDecide<Command, Event, State>, const V extends AnyEvolve<Event, State>>(behaviour: {
    readonly decide: Deciding<D, Name, Command, Event, State>
    readonly evolve: Evolving<V, Name, Event, State>
  }): Aggregate<Name, Id, Command, Event, State, RejectionOf<D>> => {
    const problem =
      categoryProblem(name) ?? (isSystemCategory(name) ? "categories with $ are the library's own" : undefined)
    if (problem !== undefined) throw new TypeError(`An aggregate cannot be named "${name}": ${problem}.`)
    if (protocol.upcast !== undefined && protocol.upcast.event !== protocol.event) {
      throw new TypeError(
        `The upcaster of "${name}" was made of another schema than its events: give both the same one, as a constant.`
      )
    }
    const stateVersion = protocol.stateVersion ?? 1
    const eventTypes = EventCodec.tagsOf(protocol.event)
    return {
      name,
      // What the handlers are was checked above, by types that the compiler cannot follow back to these.
      decide: decideOf<Command, Event, State, RejectionOf<D>>(
        name,
        behaviour.decide as Decide<Command, Event, State>,
        EventCodec.tagsOf(protocol.command)
      ),
      evolve: evolveOf(name, behaviour.evolve as Evolve<Event, State>, eventTypes),
      initial: frozen(protocol.initial),
      stateVersion,
      schemas: {
        id: idSchema(protocol),
        command: protocol.command,
        event: protocol.event,
        state: protocol.state
      },
      eventTypes,
      upcast: protocol.upcast,
      codecs: codecsOf(protocol, stateVersion)
    }
  }

// Without an id schema Id is string, its default; TypeScript cannot see that from the absent property.
const idSchema = <Id, Command extends Tagged, Event extends Tagged, State>(
  protocol: Protocol<Id, Command, Event, State>
) => protocol.id ?? (Schema.String as unknown as Schema.ConstraintCodec<Id, string>)

// Built on first use: an app may switch on the schema compiler after the module that defines the aggregate was loaded.
const codecsOf = <Id, Command extends Tagged, Event extends Tagged, State>(
  protocol: Protocol<Id, Command, Event, State>,
  stateVersion: number
): Codecs<Id, Command, Event, State> => {
  let id: JsonCodec<Id> | undefined
  let command: EventCodec.EventCodec<Command> | undefined
  let event: EventCodec.EventCodec<Event> | undefined
  let state: JsonCodec<State> | undefined
  let fingerprint: string | undefined
  return {
    get id() {
      return (id ??= jsonCodec(idSchema(protocol)))
    },
    get command() {
      return (command ??= EventCodec.make(protocol.command))
    },
    get event() {
      return (event ??= protocol.upcast?.codec ?? EventCodec.make(protocol.event))
    },
    get state() {
      return (state ??= jsonCodec(protocol.state))
    },
    get fingerprint() {
      return (fingerprint ??= fingerprintOf(protocol.state, stateVersion))
    }
  }
}

/** The state after some events, from the initial state or from a given one. */
export const fold = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  events: Iterable<NoInfer<Event>>,
  from: NoInfer<State> = aggregate.initial
): State => {
  const { evolve } = aggregate
  let state = from
  for (const event of events) state = evolve(state, event)
  return state
}

/** What an aggregate decides on a command in a state: the events, or a rejection. */
export const decide = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  command: NoInfer<Command>,
  state: NoInfer<State>
): Result.Result<ReadonlyArray<Event>, Rejection> => aggregate.decide(command, state)

/** The state after one more event. */
export const evolve = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  state: NoInfer<State>,
  event: NoInfer<Event>
): State => aggregate.evolve(state, event)
