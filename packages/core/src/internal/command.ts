// A command as a value: to whom it goes, and what it means to the sender when it is refused.
import * as Duration from "effect/Duration"
import type { Aggregate } from "../Aggregate.ts"
import type { Tagged } from "./eventCodec.ts"

/**
 * A command that a process manager sends: to which entity, which command, when, and what its rejection means.
 *
 * Made by `Aggregate.command`, which is where its parts are checked against each other; here they are of any aggregate.
 */
export interface Command<out Own> {
  readonly _tag: "Command"
  readonly aggregate: Aggregate<string, unknown, Tagged, Tagged, unknown, unknown>
  readonly id: unknown
  readonly command: Tagged
  /** The sender's own events when the command is refused; undefined where it cannot be. */
  readonly rejected: ((rejection: unknown) => ReadonlyArray<Own>) | undefined
  /** How long after the event that caused it the command is due; zero for at once. */
  readonly after: Duration.Duration
}

/** When a command is due, and what its rejection means to the sender: required where the aggregate can refuse. */
export type CommandOptions<Rejection, Own> = [Rejection] extends [never]
  ? [options?: { readonly after?: Duration.Input }]
  : [
      options: {
        readonly after?: Duration.Input
        readonly rejected: (rejection: Rejection) => ReadonlyArray<NoInfer<Own>>
      }
    ]

/**
 * A command for a process manager to dispatch: nothing happens until its runner sends it.
 *
 * A rejection is no event, so nobody can observe it. `rejected` says what it means to the sender, in events of its own
 * (none is fine); it is required where the aggregate can refuse. `after` schedules the command. Throws a RangeError for
 * an `after` that is no finite time from zero on.
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 *
 * const Till = Aggregate.make("Till", {
 *   command: Schema.TaggedUnion({ Take: { amount: Schema.Int } }),
 *   event: Schema.TaggedUnion({ Taken: { amount: Schema.Int } }),
 *   state: Schema.Int,
 *   initial: 10
 * })({
 *   decide: {
 *     Take: ({ amount }, left) => (amount <= left ? [{ _tag: "Taken", amount }] : Result.fail("empty" as const))
 *   },
 *   evolve: { Taken: (left, { amount }) => left - amount }
 * })
 *
 * interface Refused {
 *   readonly _tag: "Refused"
 *   readonly why: string
 * }
 *
 * const take: Aggregate.Command<Refused> = Aggregate.command(
 *   Till,
 *   "1",
 *   { _tag: "Take", amount: 20 },
 *   { rejected: (why) => [{ _tag: "Refused", why }] }
 * )
 * take.command // => { _tag: "Take", amount: 20 }
 * take.rejected?.("empty") // => [{ _tag: "Refused", why: "empty" }]
 * ```
 */
export const command = <
  Name extends string,
  Id,
  Sent extends Tagged,
  Event extends Tagged,
  State,
  Rejection,
  Own extends Tagged = never
>(
  aggregate: Aggregate<Name, Id, Sent, Event, State, Rejection>,
  id: NoInfer<Id>,
  command: NoInfer<Sent>,
  ...[options]: CommandOptions<Rejection, Own>
): Command<Own> => {
  const { after, rejected } = (options ?? {}) as {
    readonly after?: Duration.Input
    readonly rejected?: (rejection: Rejection) => ReadonlyArray<Own>
  }
  return {
    _tag: "Command",
    // The types forget here which aggregate it is; id, command and rejected were checked against it and stay with it.
    aggregate: aggregate as unknown as Aggregate<string, unknown, Tagged, Tagged, unknown, unknown>,
    id,
    command,
    rejected: rejected as ((rejection: unknown) => ReadonlyArray<Own>) | undefined,
    after: delayOf(`The command "${command._tag}" to ${aggregate.name}`, after ?? 0)
  }
}

/** A time to wait. Throws a RangeError for one that is negative or never ends. */
export const delayOf = (what: string, after: Duration.Input): Duration.Duration => {
  const delay = Duration.fromInputUnsafe(after)
  const millis = Duration.toMillis(delay)
  if (Number.isFinite(millis) && millis >= 0) return delay
  throw new RangeError(`${what} cannot be due after ${Duration.format(delay)}: give a finite time from zero on.`)
}
