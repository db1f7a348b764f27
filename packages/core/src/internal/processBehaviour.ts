// The second step of `ProcessManager.make`: what its handlers are inferred from, and what is then asked of them.
import type * as Aggregate from "../Aggregate.ts"
import type { Dispatched, Instance, ProcessManager } from "../ProcessManager.ts"
import type { RecordedCase } from "../Projection.ts"
import type { Tagged } from "./eventCodec.ts"

type Sources = readonly [Aggregate.Any, ...ReadonlyArray<Aggregate.Any>]
type TagOf<A extends Aggregate.Any> = Aggregate.EventOf<A>["_tag"]
type CaseOf<A extends Aggregate.Any, Tag> = Aggregate.Case<Aggregate.EventOf<A>, Tag>
type Named<From extends Sources, Name> = Extract<From[number], { readonly name: Name }>

// What the second step infers its handlers from is looser than what it then asks for: handlers that break their
// constraint are not inferred, and the message would be about all of them instead of the one that is wrong.

/** `decide` handlers for some events of one aggregate, whatever they return. */
export type AnyDecides<A extends Aggregate.Any, Event, State> = {
  readonly [Tag in TagOf<A>]?: (
    event: CaseOf<A, Tag>,
    state: State,
    recorded: RecordedCase<A, Tag>
  ) => ReadonlyArray<Event> | object | void
}

/** {@link AnyDecides}, flat for one aggregate, by aggregate name for several. */
export type AnyDecide<From extends Sources, Event, State> = From extends readonly [infer A extends Aggregate.Any]
  ? AnyDecides<A, Event, State>
  : { readonly [A in From[number] as A["name"]]: AnyDecides<A, Event, State> }

/** `dispatch` handlers for some own events, whatever they return. */
export type AnyDispatch<Event extends Tagged, State, Payload> = {
  readonly [Tag in Event["_tag"]]?: (
    event: Aggregate.Case<Event, Tag>,
    state: State,
    process: Instance
  ) => ReadonlyArray<Dispatched<Event, Payload>> | object | void
}

/** `deadline` handlers, complete or not, whatever they return. */
export type AnyExpire<Payload extends Tagged, Event, State> = {
  readonly [Tag in Payload["_tag"]]?: (
    deadline: Aggregate.Case<Payload, Tag>,
    state: State
  ) => ReadonlyArray<Event> | object | void
}

/** The handlers of one aggregate's events as they were given, for its events only, that return own events. */
export type Decides<Given, A extends Aggregate.Any, Event, State> = [Given] extends [never]
  ? Given
  : {
      readonly [Tag in keyof Given]: Tag extends TagOf<A>
        ? (event: CaseOf<A, Tag>, state: State, recorded: RecordedCase<A, Tag>) => ReadonlyArray<Event>
        : `no event of ${A["name"]}`
    }

/** `decide` as it was given, flat for one aggregate, by aggregate name for several. */
export type Deciding<Given, From extends Sources, Event, State> = From extends readonly [infer A extends Aggregate.Any]
  ? Decides<Given, A, Event, State>
  : {
      readonly [Name in keyof Given]: Name extends From[number]["name"]
        ? Decides<Given[Name], Named<From, Name>, Event, State>
        : "not observed by this process"
    }

/** `dispatch` as it was given, for own events only, that return commands and deadlines. */
export type Dispatching<Given, Name extends string, Event extends Tagged, State, Payload> = [Given] extends [never]
  ? Given
  : {
      readonly [Tag in keyof Given]: Tag extends Event["_tag"]
        ? (
            event: Aggregate.Case<Event, Tag>,
            state: State,
            process: Instance
          ) => ReadonlyArray<Dispatched<Event, Payload>>
        : `no event of ${Name}`
    }

/** `deadline` as it was given, with a handler for each deadline and for nothing else. */
export type Expiring<Given, Name extends string, Payload extends Tagged, Event, State> = [Given] extends [never]
  ? Given
  : {
      readonly [Tag in keyof Given | Payload["_tag"]]: Tag extends Payload["_tag"]
        ? (deadline: Aggregate.Case<Payload, Tag>, state: State) => ReadonlyArray<Event>
        : `no deadline of ${Name}`
    }

/** The second step of `ProcessManager.make`: the handlers, with those of the deadlines where there are any. */
export type Behaviour<
  Name extends string,
  From extends Sources,
  Event extends Tagged,
  State,
  Payload extends Tagged
> = [Payload] extends [never]
  ? <
      const Decided extends AnyDecide<From, Event, State>,
      const Evolved extends Aggregate.AnyEvolve<Event, State>,
      const Sent extends AnyDispatch<Event, State, Payload>
    >(behaviour: {
      readonly decide: Deciding<Decided, From, Event, State>
      readonly evolve: Aggregate.Evolving<Evolved, Name, Event, State>
      readonly dispatch: Dispatching<Sent, Name, Event, State, Payload>
    }) => ProcessManager<Name, From[number], Event, State, Payload>
  : <
      const Decided extends AnyDecide<From, Event, State>,
      const Evolved extends Aggregate.AnyEvolve<Event, State>,
      const Sent extends AnyDispatch<Event, State, Payload>,
      const Expired extends AnyExpire<Payload, Event, State>
    >(behaviour: {
      readonly decide: Deciding<Decided, From, Event, State>
      readonly evolve: Aggregate.Evolving<Evolved, Name, Event, State>
      readonly dispatch: Dispatching<Sent, Name, Event, State, Payload>
      readonly deadline: Expiring<Expired, Name, Payload, Event, State>
    }) => ProcessManager<Name, From[number], Event, State, Payload>
