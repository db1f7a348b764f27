// ProcessManager: a saga. Observed events, rejections and deadlines give events of its own, which send commands to others.
import type * as Duration from "effect/Duration"
import type * as Schema from "effect/Schema"
import type * as Aggregate from "./Aggregate.ts"
import type { Recorded } from "./EventData.ts"
import type { EventFilter } from "./EventFilter.ts"
import { delayOf } from "./internal/command.ts"
import type { EventCodec, Tagged } from "./internal/eventCodec.ts"
import type { JsonCodec } from "./internal/jsonCodec.ts"
import { define } from "./internal/processManager.ts"
import type { Behaviour } from "./internal/processBehaviour.ts"
import type { RecordedOf } from "./Projection.ts"
import type { Upcaster } from "./Upcaster.ts"

export type { Behaviour } from "./internal/processBehaviour.ts"

/**
 * A process that spans several entities: an aggregate whose inputs are observed events, the rejections of the commands it
 * sent, and deadlines, and whose own events are its memory.
 *
 * Pure: `decide`, `expire` and the `rejected` of a command give own events, `evolve` folds them, and `dispatch` says what
 * an own event sends, in the state right after it. Nothing but events is kept: what was sent derives from them again
 * after a crash. The name is the category of its streams, and `correlate` gives the id.
 */
export interface ProcessManager<
  in out Name extends string,
  out Observed extends Aggregate.Any,
  in out Event,
  in out State,
  in out Payload
> {
  readonly name: Name
  readonly observes: ReadonlyArray<Observed>
  /** The observed events that `decide` handles, and old versions that may have become such. */
  readonly filter: EventFilter
  /** The observed events that `decide` handles, by their types of today. */
  readonly handles: ReadonlyArray<{ readonly category: string; readonly types: ReadonlyArray<string> }>
  /** The id of the process that an observed event, decoded, belongs to; undefined when it belongs to none. */
  readonly correlate: (recorded: Recorded<Tagged>) => string | undefined
  /** What an observed event, decoded, means to the process; nothing when there is no handler for it. */
  readonly decide: (recorded: Recorded<Tagged>, state: State) => ReadonlyArray<Event>
  /** What it means to the process that a deadline is due. */
  readonly expire: (deadline: Payload, state: State) => ReadonlyArray<Event>
  readonly evolve: (state: State, event: Event) => State
  /** What an own event sends, in the state right after it. */
  readonly dispatch: (event: Event, state: State, process: Instance) => ReadonlyArray<Dispatched<Event, Payload>>
  readonly initial: State
  /** Bumped by hand when `evolve` means something else, so that older snapshots are not used. */
  readonly stateVersion: number
  readonly schemas: {
    readonly event: Schema.ConstraintCodec<Event, unknown>
    readonly state: Schema.ConstraintCodec<State, unknown>
    readonly deadline: Schema.ConstraintCodec<Payload, unknown>
  }
  /** The tags of its own events, which are their stored types. */
  readonly eventTypes: ReadonlyArray<string>
  /** The tags of its deadlines; none is the tag of an own event. */
  readonly deadlineTypes: ReadonlyArray<string>
  /** Encode and decode what is stored; built once, on first use. */
  readonly codecs: Codecs<Event, State, Payload>
  /** Its own events as an aggregate that takes no commands: to be loaded, projected, observed by others. */
  readonly aggregate: Aggregate.Aggregate<Name, string, never, Event, State, never>
}

/** The codecs of a process manager, and the fingerprint of its state's shape and version (see `SnapshotStore`). */
export interface Codecs<in out Event, in out State, in out Payload> {
  readonly event: EventCodec<Event>
  readonly state: JsonCodec<State>
  readonly deadline: JsonCodec<Payload>
  readonly fingerprint: string
}

/** Which process it is. */
export interface Instance {
  readonly id: string
}

/** A deadline that a process sets itself. Made by {@link deadline}. */
export interface Deadline<out Payload> {
  readonly _tag: "Deadline"
  readonly payload: Payload
  /** How long after the event that set it the deadline is due. */
  readonly after: Duration.Duration
}

/** What an own event sends: commands to others, deadlines to the process itself. */
export type Dispatched<Event, Payload> = Aggregate.Command<Event> | Deadline<Payload>

type Sources = readonly [Aggregate.Any, ...ReadonlyArray<Aggregate.Any>]

/** A deadline is kept among the own events, so none may have the tag of one. */
export type NoCollision<Event extends Tagged, Payload extends Tagged> = [Event["_tag"] & Payload["_tag"]] extends [
  never
]
  ? unknown
  : "a deadline has the tag of an own event"

/** What a process manager is made of. */
export interface Protocol<From extends Sources, Event extends Tagged, State, Payload extends Tagged> {
  readonly observes: From
  /** The id of the process that an observed event belongs to; undefined when it belongs to none. */
  readonly correlate: (recorded: RecordedOf<From[number]>) => string | undefined
  /** Its own events: what it remembers. */
  readonly event: Schema.ConstraintCodec<Event, unknown>
  readonly state: Schema.ConstraintCodec<State, unknown>
  /** The state before any event; plain objects in it are frozen, since all processes share it. */
  readonly initial: NoInfer<State>
  /** The deadlines that it sets itself. */
  readonly deadline?: Schema.ConstraintCodec<Payload, unknown> & NoCollision<NoInfer<Event>, NoInfer<Payload>>
  readonly stateVersion?: number
  /** What was stored of its own events before today, as `Upcaster.make` declares it of the same schema of events. */
  readonly upcast?: Upcaster<NoInfer<Event>>
}

/**
 * Makes a process manager in two steps: what it observes and remembers, then its behaviour.
 *
 * - `decide`: observed events to own events, by aggregate name and then tag (by tag alone where one is observed);
 * - `evolve`: the state after each own event, for all of them;
 * - `dispatch`: what an own event sends, for those that send something: {@link Aggregate.command}, {@link deadline};
 * - `deadline`: deadlines to own events, for all of them.
 *
 * All are pure, so what was sent can be told from the own events alone. Answers come late and in any order: decide on
 * the state, and give no event where nothing is to happen any more. Throws a TypeError for a definition that cannot work.
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as ProcessManager from "evolvent/ProcessManager"
 *
 * const Order = Aggregate.make("Order", {
 *   command: Schema.TaggedUnion({ Place: { item: Schema.String }, Cancel: { why: Schema.String } }),
 *   event: Schema.TaggedUnion({ Placed: { item: Schema.String }, Cancelled: { why: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: {
 *     Place: ({ item }) => [{ _tag: "Placed", item }],
 *     Cancel: ({ why }) => [{ _tag: "Cancelled", why }]
 *   },
 *   evolve: { Placed: () => null, Cancelled: () => null }
 * })
 * const Stock = Aggregate.make("Stock", {
 *   command: Schema.TaggedUnion({ Take: { order: Schema.String } }),
 *   event: Schema.TaggedUnion({ Taken: { order: Schema.String } }),
 *   state: Schema.Int,
 *   initial: 1
 * })({
 *   decide: { Take: ({ order }, left) => (left > 0 ? [{ _tag: "Taken", order }] : Result.fail("sold out" as const)) },
 *   evolve: { Taken: (left) => left - 1 }
 * })
 *
 * const Delivery = ProcessManager.make("Delivery", {
 *   observes: [Order, Stock],
 *   correlate: (event) => (event.category === "Order" ? event.streamId : event.data.order),
 *   event: Schema.TaggedUnion({ Started: { item: Schema.String }, Ready: {}, Stopped: { why: Schema.String } }),
 *   state: Schema.Literals(["new", "waiting", "done"]),
 *   initial: "new",
 *   deadline: Schema.TaggedUnion({ TooLate: {} })
 * })({
 *   decide: {
 *     Order: { Placed: ({ item }, state) => (state === "new" ? [{ _tag: "Started", item }] : []) },
 *     Stock: { Taken: (_, state) => (state === "waiting" ? [{ _tag: "Ready" }] : []) }
 *   },
 *   deadline: { TooLate: (_, state) => (state === "waiting" ? [{ _tag: "Stopped", why: "too late" }] : []) },
 *   evolve: { Started: () => "waiting", Ready: () => "done", Stopped: () => "done" },
 *   dispatch: {
 *     Started: ({ item }, _, { id }) => [
 *       Aggregate.command(Stock, item, { _tag: "Take", order: id }, { rejected: (why) => [{ _tag: "Stopped", why }] }),
 *       ProcessManager.deadline({ _tag: "TooLate" }, { after: "1 hour" })
 *     ],
 *     Stopped: ({ why }, _, { id }) => [Aggregate.command(Order, id, { _tag: "Cancel", why })]
 *   }
 * })
 *
 * Delivery.expire({ _tag: "TooLate" }, "waiting") // => [{ _tag: "Stopped", why: "too late" }]
 * Delivery.expire({ _tag: "TooLate" }, "done") // => []
 * Delivery.dispatch({ _tag: "Stopped", why: "sold out" }, "done", { id: "7" }).length // => 1
 * ```
 */
export const make = <
  const Name extends string,
  const From extends Sources,
  Event extends Tagged,
  State,
  Payload extends Tagged = never
>(
  name: Name,
  protocol: Protocol<From, Event, State, Payload>
): Behaviour<Name, From, Event, State, Payload> =>
  // The conditional type picks the shape of the second call from the first; at run time there is one shape for all.
  ((behaviour: never) => define(name, protocol as never, behaviour)) as never

// What is expected is known from where the deadline stands; only where nothing is, it is what was given.
type Owed<Given, Expected> = [Given] extends [Expected] ? Given : NoInfer<Expected>

/**
 * A deadline for a process to set itself, in `dispatch`: it comes back to its `deadline` handler when it is due.
 *
 * Deadlines are never cancelled: one that comes too late finds a state in which it means nothing. Throws a RangeError for
 * an `after` that is no finite time from zero on.
 *
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as ProcessManager from "evolvent/ProcessManager"
 *
 * const reminder = ProcessManager.deadline({ _tag: "Unpaid", reminders: 1 }, { after: "2 weeks" })
 * reminder.payload // => { _tag: "Unpaid", reminders: 1 }
 * Duration.toDays(reminder.after) // => 14
 * ```
 */
export const deadline = <const Given extends Tagged, Payload extends Tagged = Given>(
  payload: Owed<Given, Payload>,
  options: { readonly after: Duration.Input }
): Deadline<Payload> => {
  // Whichever of the two `Owed` was, it is a payload.
  const given = payload as unknown as Payload
  return { _tag: "Deadline", payload: given, after: delayOf(`The deadline "${given._tag}"`, options.after) }
}
