// Given: given some events, when a command comes, expect events, a rejection or a state; rows of projections; processes.
import type * as Cause from "effect/Cause"
import type * as Schema from "effect/Schema"
import type * as Aggregate from "evolvent/Aggregate"
import type { ProcessManager } from "evolvent/ProcessManager"
import type { Projection } from "evolvent/Projection"
import type { StreamEvents } from "./Events.ts"
import type { AnyProcess, GivenProcess, ProcessOptions } from "./GivenProcess.ts"
import { givenAggregate } from "./internal/givenAggregate.ts"
import { givenProcess } from "./internal/givenProcess.ts"
import { givenProjection } from "./internal/givenProjection.ts"

/** A projection of any types, for constraints. */
export interface AnyProjection {
  readonly name: string
  readonly version: number
  readonly from: ReadonlyArray<Aggregate.Any>
  readonly row: Schema.ConstraintCodec<unknown, unknown>
  readonly keys: (event: never) => ReadonlyArray<string>
}

/** What can be tested: an aggregate, a projection or a process manager. */
export type Definition = Aggregate.Any | AnyProjection | AnyProcess

/** What may have happened before: the definition's own events, or the events of some streams for a projection. */
export type Past<D extends Definition> = D extends Aggregate.Any
  ? ReadonlyArray<Aggregate.EventOf<D>>
  : D extends AnyProcess
    ? ReadonlyArray<D["schemas"]["event"]["Type"]>
    : StreamEvents | ReadonlyArray<StreamEvents>

/** What else there is to say of a definition: which process it is. */
export type Options<D extends Definition> = D extends Aggregate.Any
  ? never
  : D extends AnyProcess
    ? ProcessOptions
    : never

/** What can be expected of a definition. */
export type Given<D extends Definition> =
  D extends Aggregate.Aggregate<infer _Name, infer _Id, infer Command, infer Event, infer State, infer Rejection>
    ? GivenEvents<Command, Event, State, Rejection>
    : D extends Projection<infer _Name, infer Row, infer _Index>
      ? GivenRows<Row>
      : D extends ProcessManager<infer _Name, infer _Observed, infer Event, infer State, infer Payload>
        ? GivenProcess<Event, State, Payload>
        : never

/** An aggregate with a past. */
export interface GivenEvents<Command, Event, State, Rejection> {
  /** Decides on a command, in the state that the given events make. */
  readonly when: (command: Command) => Decided<Event, State, Rejection>
  /** Expects the state that the given events make. */
  readonly expectState: (state: State) => GivenEvents<Command, Event, State, Rejection>
}

/** What an aggregate decided. */
export interface Decided<Event, State, Rejection> {
  /** Expects exactly these events, in this order; `[]` when nothing is to happen. */
  readonly expect: (events: ReadonlyArray<Event>) => Decided<Event, State, Rejection>
  /**
   * Expects a rejection by its tag, and by those of its fields that are given.
   *
   * A rejection without a tag is expected by its value: `expectRejection("full")`.
   */
  readonly expectRejection: <const Name extends RejectionName<Rejection>>(
    name: Name,
    fields?: {
      readonly [Field in RejectionField<Rejection, Name>]?: Extract<Rejection, { readonly _tag: Name }>[Field]
    }
  ) => Decided<Event, State, Rejection>
  /** Expects the state after the decided events; after a rejection that is the state before it. */
  readonly expectState: (state: State) => Decided<Event, State, Rejection>
}

/** What a rejection is expected by: its tag, or itself when it has none. */
export type RejectionName<Rejection> = Rejection extends { readonly _tag: infer Tag } ? Tag : Rejection

/** The fields that a rejection can be expected by: its own, not those that every error has. */
export type RejectionField<Rejection, Name> = Exclude<
  keyof Extract<Rejection, { readonly _tag: Name }> & string,
  "_tag" | Exclude<keyof Cause.YieldableError, "message">
>

/** A projection with a past. */
export interface GivenRows<Row> {
  /** Expects the row of a key. */
  readonly expectRow: (key: string, row: Row) => GivenRows<Row>
  /** Expects no row at a key. */
  readonly expectNoRow: (key: string) => GivenRows<Row>
  /** Expects exactly these rows, by key. */
  readonly expectRows: (rows: { readonly [key: string]: Row }) => GivenRows<Row>
}

/**
 * Begins a test of an aggregate, a projection or a process manager from what happened before.
 *
 * Pure: nothing is stored and no layer is needed. Every expectation returns what it was asked on, so they chain, and
 * throws an `ExpectationFailed` when it does not hold. Values are compared as their schemas compare them.
 *
 * ```ts
 * import * as Data from "effect/Data"
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Projection from "evolvent/Projection"
 * import { events, given } from "@evolvent/testing"
 *
 * class Overdrawn extends Data.TaggedError("Overdrawn")<{ readonly balance: number }> {}
 *
 * const Account = Aggregate.make("Account", {
 *   command: Schema.TaggedUnion({ Deposit: { amount: Schema.Int }, Withdraw: { amount: Schema.Int } }),
 *   event: Schema.TaggedUnion({ Deposited: { amount: Schema.Int }, Withdrawn: { amount: Schema.Int } }),
 *   state: Schema.Struct({ balance: Schema.Int }),
 *   initial: { balance: 0 }
 * })({
 *   decide: {
 *     Deposit: ({ amount }) => [{ _tag: "Deposited", amount }],
 *     Withdraw: ({ amount }, { balance }) =>
 *       amount > balance ? Result.fail(new Overdrawn({ balance })) : [{ _tag: "Withdrawn", amount }]
 *   },
 *   evolve: {
 *     Deposited: ({ balance }, { amount }) => ({ balance: balance + amount }),
 *     Withdrawn: ({ balance }, { amount }) => ({ balance: balance - amount })
 *   }
 * })
 * const Totals = Projection.make("totals", {
 *   from: [Account],
 *   row: Schema.Struct({ total: Schema.Int }),
 *   initial: { total: 0 }
 * })({
 *   evolve: { Deposited: ({ total }, { amount }) => ({ total: total + amount }) }
 * })
 *
 * given(Account, [{ _tag: "Deposited", amount: 5 }])
 *   .when({ _tag: "Withdraw", amount: 2 })
 *   .expect([{ _tag: "Withdrawn", amount: 2 }])
 *   .expectState({ balance: 3 })
 * given(Account).when({ _tag: "Withdraw", amount: 2 }).expectRejection("Overdrawn", { balance: 0 })
 * given(Totals, events(Account, "7", [{ _tag: "Deposited", amount: 5 }])).expectRow("7", { total: 5 })
 * ```
 */
export const given = <D extends Definition>(definition: D, past?: Past<D>, options?: Options<D>): Given<D> =>
  // The types above say which of the three it is; at run time only a process dispatches, and only an aggregate decides.
  ("dispatch" in definition
    ? givenProcess(definition as never, (past ?? []) as never, options ?? {})
    : "decide" in definition
      ? givenAggregate(definition as never, (past ?? []) as never)
      : givenProjection(definition as never, (past ?? []) as never)) as never
