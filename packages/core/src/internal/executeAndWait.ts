// execute, as it is called: a command, and where asked for the wait until processors have handled its events.
import * as Effect from "effect/Effect"
import type { Aggregate } from "../Aggregate.ts"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { EventStore } from "../EventStore.ts"
import type { EventStoreError, WrongExpectedRevision } from "../EventStoreError.ts"
import type { CommandIdReused, InvalidCommand } from "./commandErrors.ts"
import type { Tagged } from "./eventCodec.ts"
import type { Executed, ExecuteOptions } from "./execute.ts"
import * as alone from "./executeTraced.ts"
import type { EventParked, ProcessorStopped, WaitTimedOut } from "./processorErrors.ts"
import { streamOf } from "./load.ts"
import { waitFor } from "./processorStatus.ts"
import type { Target } from "./processorStatus.ts"

type Targets = ReadonlyArray<Target>

/** How a command is to be executed, and for whom to wait then. */
export interface WaitingOptions<Awaited extends Targets> extends ExecuteOptions {
  /** Processors, or projections, that are to have handled the command's events. */
  readonly waitFor?: Awaited
}

/** How waiting can fail, where there is anybody to wait for. */
export type WaitError<Awaited extends Targets> = [Awaited] extends [never]
  ? never
  : ProcessorStopped | EventParked | WaitTimedOut | CheckpointStoreError

/** What waiting needs, where there is anybody to wait for. */
export type WaitNeeds<Awaited extends Targets> = [Awaited] extends [never] ? never : CheckpointStore

/**
 * Executes a command on one entity: loads its state, decides, appends the events.
 *
 * When someone else was faster it loads what is new and decides again, by a schedule. A rejection is an error of its
 * own type and is never retried. The fiber's `Metadata` goes with the events.
 *
 * With `waitFor` it returns when processors have handled the command's events: read your own writes. Where one does not, the
 * command is executed nevertheless, and the error says why.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 *
 * const Light = Aggregate.make("Light", {
 *   command: Schema.TaggedUnion({ Switch: {} }),
 *   event: Schema.TaggedUnion({ Switched: {} }),
 *   state: Schema.Struct({ on: Schema.Boolean }),
 *   initial: { on: false }
 * })({
 *   decide: { Switch: () => [{ _tag: "Switched" }] },
 *   evolve: { Switched: ({ on }) => ({ on: !on }) }
 * })
 *
 * const program = Effect.gen(function* () {
 *   const first = yield* Aggregate.execute(Light, "hall", { _tag: "Switch" }, { commandId: "c-1" })
 *   const again = yield* Aggregate.execute(Light, "hall", { _tag: "Switch" }, { commandId: "c-1" })
 *   return [first.revision, again.revision, again.repeated]
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => [0, 0, true]
 * ```
 */
export const execute = <
  Name extends string,
  Id,
  Command,
  Event extends Tagged,
  State,
  Rejection,
  const Awaited extends Targets = never
>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  command: NoInfer<Command>,
  options: WaitingOptions<Awaited> = {}
): Effect.Effect<
  Executed<Event>,
  Rejection | InvalidCommand | CommandIdReused | WrongExpectedRevision | EventStoreError | WaitError<Awaited>,
  EventStore | WaitNeeds<Awaited>
> => {
  const executed = alone.execute(aggregate, id, command, options)
  const { waitFor: targets } = options
  if (targets === undefined || targets.length === 0) return executed
  const waited = Effect.tap(executed, ({ events, position, revision = 0 }) =>
    events.length === 0
      ? Effect.void
      : Effect.flatMap(streamOf("Aggregate.execute", aggregate, id), (stream) => {
          const written = { stream, from: revision - events.length + 1 }
          const wait = (target: Target) => waitFor(target, position, { events: written })
          return Effect.forEach(targets, wait, { concurrency: "unbounded", discard: true })
        })
  )
  // That there is somebody to wait for was seen just now; the compiler knows it from the options' type alone.
  return waited as Effect.Effect<
    Executed<Event>,
    Effect.Error<typeof executed> | WaitError<Awaited>,
    EventStore | WaitNeeds<Awaited>
  >
}
