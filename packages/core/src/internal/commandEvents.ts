// A command and its events as they are stored, and the state that these leave.
import * as Clock from "effect/Clock"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { Aggregate } from "../Aggregate.ts"
import type { EventData } from "../EventData.ts"
import * as EventId from "../EventId.ts"
import { because, UnstorableContent } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import type { StreamName } from "../StreamName.ts"
import { InvalidCommand } from "./commandErrors.ts"
import type { Identity } from "./commandIdentity.ts"
import type { EventCodec, Tagged } from "./eventCodec.ts"

/** The command as it would be stored, or what its schema has against it. */
export const encodeCommand = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName,
  command: Command
) =>
  Result.mapError(aggregate.codecs.command.encode(command), (problem) => {
    const tag = (command as Partial<Tagged> | null | undefined)?._tag
    return new InvalidCommand({ stream, command: String(tag), problem })
  })

/** What was decided, with ids and metadata. In one step, and not as a generator: it stands in the way of every command. */
export const encodeEvents = <Event extends Tagged>(
  fiber: Fiber.Fiber<unknown, unknown>,
  operation: string,
  codec: EventCodec<Event>,
  stream: StreamName,
  events: ReadonlyArray<Event>,
  identity: Identity | undefined
): Result.Result<ReadonlyArray<EventData>, EventStoreError> => {
  const current = fiber.getRef(Metadata.Current)
  const generate = fiber.getRef(EventId.Generator)
  const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
  const data: Array<EventData> = []
  let metadata: Metadata.Metadata = current
  for (const [index, event] of events.entries()) {
    const encoded = codec.encode(event)
    if (Result.isFailure(encoded)) {
      const problem = `decide returned what its schema refuses: ${encoded.failure}`
      return Result.fail(because(operation, new UnstorableContent({ stream, type: String(event._tag), problem })))
    }
    const id = identity === undefined ? generate(now) : EventId.derive(stream, identity.commandId, index)
    if (index === 0) metadata = flow(current, id, identity)
    data.push({ id, ...encoded.success, metadata })
  }
  return Result.succeed(data)
}

/** The metadata of a command's events: they begin a conversation unless they are part of one. */
const flow = (
  current: Metadata.Metadata,
  firstEvent: EventId.EventId,
  identity: Identity | undefined
): Metadata.Metadata => ({
  // What led to this command may have had an id of its own, which is not this one's.
  ...Metadata.withoutCommand(current),
  // Not the command's id, which is one stream's alone: the same on other streams would make one conversation of many.
  correlationId: current.correlationId ?? firstEvent,
  ...(identity === undefined
    ? {}
    : {
        commandId: identity.commandId,
        commandHash: identity.commandHash
      })
})

/** The state after a command's events, as a replay will have it: `decide` may return more than the events' schema keeps. */
export const afterwards = <Name extends string, Id, Command, Event, State, Rejection>(
  { codecs, evolve }: Aggregate<Name, Id, Command, Event, State, Rejection>,
  before: State,
  events: ReadonlyArray<EventData>
): State => {
  let state = before
  for (const { data, schemaVersion = 1, type } of events) {
    for (const event of Result.getOrThrow(codecs.event.decode(type, schemaVersion, data))) state = evolve(state, event)
  }
  return state
}
