// Laws: what must hold for every aggregate and every projection, tried on random histories made from their schemas.
import type * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import type * as Aggregate from "evolvent/Aggregate"
import type { StreamEvents } from "./Events.ts"
import type { Definition } from "./Given.ts"
import { aggregateLaws } from "./internal/aggregateLaws.ts"
import { projectionLaws } from "./internal/projectionLaws.ts"
import type { LawBroken } from "./LawBroken.ts"

/** A law of a definition: its name, and the check, which gives a report or fails with a history that breaks it. */
export interface Law<out Report = LawReport> {
  readonly name: string
  readonly check: Effect.Effect<Report, LawBroken>
}

/** What happened in the histories that a law was tried on. */
export interface LawReport {
  readonly subject: string
  readonly seed: string | number
  readonly histories: number
  /** How many commands were decided, and how. */
  readonly commands: {
    readonly accepted: number
    readonly rejected: number
    readonly byTag: Readonly<Record<string, number>>
  }
  /** How often each rejection came, by its tag. */
  readonly rejections: Readonly<Record<string, number>>
  /** How often each event type was reached; for a projection, of those that it handles, as `Account.Opened`. */
  readonly events: Readonly<Record<string, number>>
}

/** How the laws of an aggregate are tried. */
export interface AggregateLawOptions<Command, State, EventType> {
  /**
   * Makes the next command from the state, where commands from the schema alone do not reach every event.
   *
   * A failing history of such commands is made shorter, but the values in it are left as they are.
   */
  readonly commands?: (state: State) => Arbitrary.Arbitrary<Command>
  /** How many histories; 100 unless given. */
  readonly runs?: number
  /** How many commands a history has at most; 30 unless given. */
  readonly maxCommands?: number
  /** 0 unless given, so that a test says the same every day; another one tries other histories. */
  readonly seed?: string | number
  /** The event types that need not be reached. */
  readonly unreached?: ReadonlyArray<EventType>
}

/** How the laws of a projection are tried. */
export interface ProjectionLawOptions {
  /**
   * Makes what happened before, where commands from the sources' schemas do not reach every event.
   *
   * Such events need not be what the aggregates would decide; a failing history is made shorter event by event.
   */
  readonly events?: Arbitrary.Arbitrary<ReadonlyArray<StreamEvents>>
  /** How many histories; 50 unless given. */
  readonly runs?: number
  /** How many commands a history has at most; 30 unless given. */
  readonly maxCommands?: number
  /** 0 unless given. */
  readonly seed?: string | number
  /** The event types that need not be reached, as `Account.Closed`, or `Closed` for all sources. */
  readonly unreached?: ReadonlyArray<string>
}

/** The options for a definition. */
export type LawOptions<D extends Definition> = D extends Aggregate.Any
  ? D extends { readonly decide: (command: infer Command, state: infer State) => unknown }
    ? AggregateLawOptions<Command, State, Aggregate.EventOf<D>["_tag"]>
    : never
  : ProjectionLawOptions

/**
 * The laws of an aggregate or a projection, from its schemas alone; one test each.
 *
 * Random commands are decided in random histories. Of an **aggregate** the laws say: decide and evolve never throw; they
 * are deterministic (clocks and random sources throw while they run); they change nothing that they are given (it is
 * frozen, and stays so); every event can be stored and comes back equal; the stored events make the state that executing
 * made; a snapshot at any revision and the events after it make it too; every event type is reached. Of a
 * **projection**: keys and handlers never throw, are deterministic, change nothing; rows can be stored and come back
 * equal; events in batches of any size, and batches that come twice, make what `Projection.fold` makes; every event that
 * it handles is reached.
 *
 * The histories of all laws of one call are the same, and so are those of the same seed. A check gives what happened in
 * them as a {@link LawReport}; that of the last law also logs it (`it.effect` keeps logs to itself, `it.live` shows
 * them).
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import { checkAll, laws } from "@evolvent/testing"
 *
 * const Switch = Aggregate.make("Switch", {
 *   command: Schema.TaggedUnion({ TurnOn: {}, TurnOff: {} }),
 *   event: Schema.TaggedUnion({ TurnedOn: {}, TurnedOff: {} }),
 *   state: Schema.Struct({ on: Schema.Boolean }),
 *   initial: { on: false }
 * })({
 *   decide: {
 *     TurnOn: (_, { on }) => (on ? [] : [{ _tag: "TurnedOn" }]),
 *     TurnOff: (_, { on }) => (on ? [{ _tag: "TurnedOff" }] : [])
 *   },
 *   evolve: { TurnedOn: () => ({ on: true }), TurnedOff: () => ({ on: false }) }
 * })
 *
 * // In a test file: for (const law of laws(Switch)) it.effect(law.name, () => law.check)
 * const [report] = await Effect.runPromise(checkAll(laws(Switch)))
 * report?.histories // => 100
 * ```
 */
export const laws = <D extends Definition>(definition: D, options?: LawOptions<D>): ReadonlyArray<Law> =>
  // The types above say which of the two it is; at run time an aggregate is what decides.
  "decide" in definition
    ? aggregateLaws(definition as never, (options ?? {}) as never)
    : projectionLaws(definition as never, (options ?? {}) as never)

/** Checks laws one after the other, for plain scripts: gives their reports, or fails with the first that is broken. */
export const checkAll = <Report>(laws: ReadonlyArray<Law<Report>>): Effect.Effect<ReadonlyArray<Report>, LawBroken> =>
  Effect.forEach(laws, (law) => law.check)
