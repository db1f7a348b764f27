// What came of a command, and how the first outcome of a repeated one is found again.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type { EventStore } from "../EventStore.ts"
import { because, EventStoreError, InvalidRequest, WrongExpectedRevision } from "../EventStoreError.ts"
import type * as Position from "../Position.ts"
import type * as Revision from "../Revision.ts"
import type { StreamName } from "../StreamName.ts"
import { CommandIdReused } from "./commandErrors.ts"
import type { Identity } from "./commandIdentity.ts"
import type { EventCodec, Tagged } from "./eventCodec.ts"
import { undecodable } from "./load.ts"

/** What came of a command: its events, and where the last of them stands (or the stream, when there are none). */
export interface Executed<Event> {
  readonly events: ReadonlyArray<Event>
  readonly revision: Revision.Revision | undefined
  readonly position: Position.Position
  /** Whether an earlier execution with the same command id had written them. */
  readonly repeated: boolean
}

/** The outcome of the first execution of a command: the events it wrote, one after the other from `earlier` on. */
export const firstOutcome = Effect.fnUntraced(function* <Event extends Tagged>(
  operation: string,
  store: EventStore["Service"],
  codec: EventCodec<Event>,
  earlier: Recorded,
  { commandHash, commandId }: Identity
) {
  const { revision, stream } = earlier
  if (earlier.metadata.commandHash !== commandHash) {
    return yield* new CommandIdReused({ stream, commandId, revision })
  }
  const written = yield* store.read(EventFilter.stream(stream), { from: { revision } }).pipe(
    // Not by metadata, which may have been handed on: the ids derive from the command, one after the other.
    Stream.takeWhile((event) => event.id === EventId.derive(stream, commandId, event.revision - revision)),
    Stream.runCollect
  )
  const events: Array<Event> = []
  for (const recorded of written) {
    const decoded = codec.decode(recorded.type, recorded.schemaVersion, recorded.data)
    if (Result.isFailure(decoded)) return yield* undecodable(operation, recorded, decoded.failure)
    events.push(...decoded.success)
  }
  const last = written.at(-1) ?? earlier
  return { events, revision: last.revision, position: last.position, repeated: true } satisfies Executed<Event>
})

/** Whether nothing was written, and something might be where the state is another one. */
export const isNothing = <Event, E>(outcome: Result.Result<Executed<Event> | WrongExpectedRevision, E>): boolean => {
  if (Result.isSuccess(outcome)) {
    return !(outcome.success instanceof WrongExpectedRevision) && outcome.success.events.length === 0
  }
  const error = outcome.failure
  if (error instanceof CommandIdReused) return false
  // What the store refuses for its content was not written; of all else that it fails with nobody knows.
  return !(error instanceof EventStoreError) || ofContent.has(error.reason._tag)
}

const ofContent: ReadonlySet<string> = new Set(["UnstorableContent", "AppendTooLarge"])

/** Ids that were made for a command are there already. */
export const repeatedIds = (operation: string, stream: StreamName): EventStoreError => {
  const problem = `the event ids made for stream ${stream} are stored already: EventId.Generator repeats itself`
  return because(operation, new InvalidRequest({ problem }))
}
