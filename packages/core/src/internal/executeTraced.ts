// execute, in a span where somebody traces: what its caller and the process managers call.
import type * as Effect from "effect/Effect"
import type { Aggregate } from "../Aggregate.ts"
import type { EventStore } from "../EventStore.ts"
import { EventStoreError, WrongExpectedRevision } from "../EventStoreError.ts"
import { CommandIdReused, InvalidCommand } from "./commandErrors.ts"
import type { Tagged } from "./eventCodec.ts"
import * as alone from "./execute.ts"
import type { Executed, ExecuteOptions } from "./execute.ts"
import * as spans from "./spans.ts"

/** Executes a command on one entity, and waits for nobody. */
export const execute = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  command: NoInfer<Command>,
  options?: ExecuteOptions
): Effect.Effect<
  Executed<Event>,
  Rejection | InvalidCommand | CommandIdReused | WrongExpectedRevision | EventStoreError,
  EventStore
> => spans.execute(aggregate.name, command, isFailure, alone.execute(aggregate, id, command, options))

/** Whether something broke, where else the domain said no. */
const isFailure = (error: unknown): boolean =>
  error instanceof EventStoreError ||
  error instanceof WrongExpectedRevision ||
  error instanceof InvalidCommand ||
  error instanceof CommandIdReused
