// GivenProcess: given own events, when something observed, a deadline or a rejection comes, expect events and commands.
import type * as Duration from "effect/Duration"
import type * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import type * as ProcessManager from "evolvent/ProcessManager"
import type { StreamEvents } from "./Events.ts"

interface Tagged {
  readonly _tag: string
}

/** A process manager of any types, for constraints. */
export interface AnyProcess {
  readonly name: string
  readonly observes: ReadonlyArray<Aggregate.Any>
  readonly schemas: {
    readonly event: Schema.ConstraintCodec<Tagged, unknown>
    readonly state: Schema.ConstraintCodec<unknown, unknown>
    readonly deadline: Schema.ConstraintCodec<unknown, unknown>
  }
  readonly deadlineTypes: ReadonlyArray<string>
}

/** Which process it is, where nothing observed says so. */
export interface ProcessOptions {
  /** The id of the process; unless given, what `correlate` says of the observed event, else `"1"`. */
  readonly id?: string
}

/** A process with a past. */
export interface GivenProcess<Event, State, Payload> {
  /** Decides on observed events, made by `events`; those that are for another process, or for none, decide nothing. */
  readonly when: (observed: StreamEvents) => Proceeded<Event, State, Payload>
  /** Decides that a deadline is due; it need not be one that the past has set. */
  readonly whenDeadline: (deadline: Payload) => Proceeded<Event, State, Payload>
  /**
   * Decides that a command which the past has sent was refused.
   *
   * The command is named by its aggregate and tag; of several the one that was sent last is meant, and `id` tells
   * apart those that were sent together.
   */
  readonly whenRejected: <Name extends string, Id, Command extends Tagged, E extends Tagged, S, Rejection>(
    aggregate: Aggregate.Aggregate<Name, Id, Command, E, S, Rejection>,
    command: NoInfer<Command>["_tag"],
    rejection: NoInfer<Rejection>,
    options?: { readonly id: NoInfer<Id> }
  ) => Proceeded<Event, State, Payload>
  /** Expects the state that the given events make. */
  readonly expectState: (state: State) => GivenProcess<Event, State, Payload>
}

/** What a process made of something that happened. */
export interface Proceeded<Event, State, Payload> {
  /** Expects exactly these own events, in this order; `[]` when nothing is to happen. */
  readonly expect: (events: ReadonlyArray<Event>) => Proceeded<Event, State, Payload>
  /** Expects that the new events send exactly these, in this order; what a rejection would mean is not compared. */
  readonly expectDispatched: (
    sent: ReadonlyArray<ExpectedCommand | ProcessManager.Deadline<Payload>>
  ) => Proceeded<Event, State, Payload>
  /** Expects the state after the new events. */
  readonly expectState: (state: State) => Proceeded<Event, State, Payload>
}

/** A command as a test expects it: without what its rejection means. Made by {@link commandTo}. */
export type ExpectedCommand = Omit<Aggregate.Command<never>, "rejected">

/**
 * A command that a process is expected to send.
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as ProcessManager from "evolvent/ProcessManager"
 * import { commandTo, events, given } from "@evolvent/testing"
 *
 * const User = Aggregate.make("User", {
 *   command: Schema.TaggedUnion({ Join: {}, Thank: { text: Schema.String } }),
 *   event: Schema.TaggedUnion({ Joined: {}, Thanked: { text: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Join: () => [{ _tag: "Joined" }], Thank: ({ text }) => [{ _tag: "Thanked", text }] },
 *   evolve: { Joined: () => null, Thanked: () => null }
 * })
 * const Anniversary = ProcessManager.make("Anniversary", {
 *   observes: [User],
 *   correlate: ({ streamId }) => streamId,
 *   event: Schema.TaggedUnion({ Begun: {} }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Joined: () => [{ _tag: "Begun" }] },
 *   evolve: { Begun: () => null },
 *   dispatch: {
 *     Begun: (_, __, { id }) => [Aggregate.command(User, id, { _tag: "Thank", text: "A year!" }, { after: "365 days" })]
 *   }
 * })
 *
 * given(Anniversary)
 *   .when(events(User, "ada", [{ _tag: "Joined" }]))
 *   .expect([{ _tag: "Begun" }])
 *   .expectDispatched([commandTo(User, "ada", { _tag: "Thank", text: "A year!" }, { after: "365 days" })])
 * ```
 */
export const commandTo = <Name extends string, Id, Command extends Tagged, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate.Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  command: NoInfer<Command>,
  options: { readonly after?: Duration.Input } = {}
): ExpectedCommand =>
  // Nobody asks an expected command what its rejection means, so the types need not ask for it either.
  Aggregate.command(aggregate, id, command, ...([options] as never))
