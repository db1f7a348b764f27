// Executes a command on an aggregate: load, decide, append; on a conflict load what is new and decide again.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Aggregate } from "../Aggregate.ts"
import type { EventData, Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import { EventStore, isMet } from "../EventStore.ts"
import type { Expected } from "../EventStore.ts"
import { because, EventIdReused, InvalidRequest, UnstorableContent, WrongExpectedRevision } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import type * as Position from "../Position.ts"
import type * as Revision from "../Revision.ts"
import type * as StreamName from "../StreamName.ts"
import { CommandIdReused, InvalidCommand } from "./commandErrors.ts"
import type { EventCodec, Tagged } from "./eventCodec.ts"
import { canonical, stringify } from "./json.ts"
import { catchUp, streamOf, undecodable } from "./load.ts"
import { hexDigest } from "./sha256.ts"
import { fromSnapshot, takeSnapshot } from "./snapshot.ts"

/** How a command is to be executed. */
export interface ExecuteOptions {
  /**
   * Makes the command idempotent, across crashes and for ever: executed again, it returns the first outcome. A UUIDv7
   * keeps the derived event ids in order of time. Rejections and empty decisions are not remembered.
   */
  readonly commandId?: string
  /** Where the caller expects the stream; elsewhere the command fails at once, undecided. */
  readonly expected?: Expected
  /** When to decide again after a conflict. */
  readonly retry?: Schedule.Schedule<unknown, WrongExpectedRevision>
}

/** What came of a command: its events, and where the last of them stands (or the stream, when there are none). */
export interface Executed<Event> {
  readonly events: ReadonlyArray<Event>
  readonly revision: Revision.Revision | undefined
  readonly position: Position.Position
  /** Whether an earlier execution with the same command id had written them. */
  readonly repeated: boolean
}

// Loading again costs a round trip, which spaces the first attempts by itself; after that contenders spread out.
const decideAgain = Schedule.concat(
  Schedule.recurs(20),
  Schedule.max([Schedule.jittered(Schedule.exponential("5 millis", 1.5)), Schedule.recurs(15)])
)

/** Executes a command on one entity, and waits for nobody. */
export const execute = Effect.fnUntraced(function* <
  Name extends string,
  Id,
  Command,
  Event extends Tagged,
  State,
  Rejection
>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  command: NoInfer<Command>,
  options: ExecuteOptions = {}
): Effect.fn.Return<
  Executed<Event>,
  Rejection | InvalidCommand | CommandIdReused | WrongExpectedRevision | EventStoreError,
  EventStore
> {
  const operation = "Aggregate.execute"
  const store = yield* EventStore
  const stream = yield* streamOf(operation, aggregate, id)
  const encoded = yield* encodeCommand(aggregate, stream, command)
  const identity = yield* Effect.fromResult(identify(operation, stream, encoded, options.commandId))
  const expectation = options.expected ?? "any"
  let loaded = yield* fromSnapshot(aggregate, stream)

  // A conflict is a value here: what this effect fails with is final.
  const attempt = Effect.gen(function* () {
    const [earlier, now] = yield* Effect.all(
      [
        identity === undefined ? Effect.undefined : store.find(stream, identity.firstEvent),
        catchUp(operation, store, aggregate, stream, loaded)
      ],
      { concurrency: 2 }
    )
    loaded = now
    if (identity !== undefined && earlier !== undefined) {
      return yield* firstOutcome(operation, store, aggregate.codecs.event, earlier, identity)
    }
    const { position, revision } = loaded
    if (!isMet(expectation, revision)) {
      return yield* new WrongExpectedRevision({ stream, expected: expectation, actual: revision })
    }
    const events = yield* Effect.fromResult(aggregate.decide(command, loaded.state))
    if (events.length === 0) return { events, revision, position, repeated: false }
    const data = yield* encodeEvents(operation, aggregate.codecs.event, stream, events, identity)
    const expected = revision ?? "noStream"
    const conflict = (actual: number | undefined) => new WrongExpectedRevision({ stream, expected, actual })
    const written = yield* store.append(stream, data, { expected }).pipe(
      Effect.catchTags({
        WrongExpectedRevision: ({ actual }) => Effect.succeed(conflict(actual)),
        EventIdReused: (reused) => Effect.succeed(reused)
      })
    )
    if (written instanceof WrongExpectedRevision) return written
    // Without a command id only this attempt has these ids: then something below it repeated an append whose answer
    // was lost, and the stream has grown by it.
    const isOwn = identity === undefined && "revision" in written && (written.revision ?? -1) > (revision ?? -1)
    if (written instanceof EventIdReused || (written.repeated && !isOwn)) {
      // The ids are there already: another execution of this very command was faster, and its outcome is the first one.
      const first = identity === undefined ? undefined : yield* store.find(stream, identity.firstEvent)
      if (identity === undefined || first === undefined) return yield* repeatedIds(operation, stream)
      return yield* firstOutcome(operation, store, aggregate.codecs.event, first, identity)
    }
    yield* takeSnapshot(aggregate, stream, loaded, data, written)
    return { events, revision: written.revision, position: written.position, repeated: false }
  })

  const outcome = yield* Effect.matchEffect(attempt, {
    onFailure: (refused) => Effect.succeed(Result.fail(refused)),
    onSuccess: (done) =>
      done instanceof WrongExpectedRevision ? Effect.fail(done) : Effect.succeed(Result.succeed(done))
  }).pipe(Effect.retry(options.retry ?? decideAgain))
  return yield* Effect.fromResult(outcome)
})

/** What makes a command with an id recognisable later: a hash of it, and the id of the first event it leads to. */
interface Identity {
  readonly commandId: string
  readonly commandHash: string
  readonly firstEvent: EventId.EventId
}

const longestCommandId = 255

const identify = (
  operation: string,
  stream: StreamName.StreamName,
  command: { readonly type: string; readonly data: Schema.Json },
  commandId: string | undefined
): Result.Result<Identity | undefined, EventStoreError> => {
  if (commandId === undefined) return Result.succeed(undefined)
  if (commandId === "" || commandId.length > longestCommandId || !commandId.isWellFormed()) {
    const problem =
      `a command id is well-formed text of 1 to ${longestCommandId} characters, but one of ${commandId.length} was given ` +
      `for stream ${stream}; a command without an id is one without the option`
    return Result.fail(because(operation, new InvalidRequest({ problem })))
  }
  const text = stringify(command.data)
  if (Result.isFailure(text)) {
    return Result.fail(because(operation, new InvalidRequest({ problem: `in the command's data ${text.failure}` })))
  }
  return Result.succeed({
    commandId,
    commandHash: hexDigest(canonical([command.type, withoutNulls(command.data)])).slice(0, 32),
    firstEvent: EventId.derive(stream, commandId, 0)
  })
}

/** A client that sends its command again through JSON may leave out what was null or undefined: it is the same command. */
const withoutNulls = (value: Schema.Json): Schema.Json => {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value as Schema.JsonObject).filter(([, part]) => part !== null)
  return Object.fromEntries(entries.map(([key, part]) => [key, withoutNulls(part)]))
}

const repeatedIds = (operation: string, stream: StreamName.StreamName): EventStoreError => {
  const problem = `the event ids made for stream ${stream} are stored already: EventId.Generator repeats itself`
  return because(operation, new InvalidRequest({ problem }))
}

const encodeCommand = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName.StreamName,
  command: Command
) =>
  Effect.fromResult(
    Result.mapError(aggregate.codecs.command.encode(command), (problem) => {
      const tag = (command as Partial<Tagged> | null | undefined)?._tag
      return new InvalidCommand({ stream, command: String(tag), problem })
    })
  )

const encodeEvents = Effect.fnUntraced(function* <Event extends Tagged>(
  operation: string,
  codec: EventCodec<Event>,
  stream: StreamName.StreamName,
  events: ReadonlyArray<Event>,
  identity: Identity | undefined
) {
  const current = yield* Metadata.Current
  const generate = yield* EventId.Generator
  const now = yield* Clock.currentTimeMillis
  const data: Array<EventData> = []
  let metadata: Metadata.Metadata = current
  for (const [index, event] of events.entries()) {
    const encoded = codec.encode(event)
    if (Result.isFailure(encoded)) {
      const problem = `decide returned what its schema refuses: ${encoded.failure}`
      return yield* because(operation, new UnstorableContent({ stream, type: String(event._tag), problem }))
    }
    const id = identity === undefined ? generate(now) : EventId.derive(stream, identity.commandId, index)
    if (index === 0) metadata = flow(current, id, identity)
    data.push({ id, ...encoded.success, metadata })
  }
  return data
})

/** The metadata of a command's events: they begin a conversation unless they are part of one. */
const flow = (
  current: Metadata.Metadata,
  firstEvent: EventId.EventId,
  identity: Identity | undefined
): Metadata.Metadata => ({
  // What led to this command may have had an id of its own, which is not this one's.
  ...Metadata.withoutCommand(current),
  correlationId: current.correlationId ?? identity?.commandId ?? firstEvent,
  ...(identity === undefined
    ? {}
    : {
        commandId: identity.commandId,
        commandHash: identity.commandHash
      })
})

/** The outcome of the first execution of a command: the events it wrote, one after the other from `earlier` on. */
const firstOutcome = Effect.fnUntraced(function* <Event extends Tagged>(
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
