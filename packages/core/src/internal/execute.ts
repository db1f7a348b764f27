// Executes a command on an aggregate: load, decide, append; on a conflict load what is new and decide again.
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { Aggregate } from "../Aggregate.ts"
import type { EventData, Recorded } from "../EventData.ts"
import { EventStore, isMet } from "../EventStore.ts"
import type { Appended, Expected } from "../EventStore.ts"
import { EventIdReused, WrongExpectedRevision } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import { CurrentPolicy } from "../SnapshotStore.ts"
import type { StreamName } from "../StreamName.ts"
import type { CommandIdReused, InvalidCommand } from "./commandErrors.ts"
import { afterwards, encodeCommand, encodeEvents } from "./commandEvents.ts"
import { identify } from "./commandIdentity.ts"
import type { Identity } from "./commandIdentity.ts"
import { firstOutcome, isNothing, repeatedIds } from "./commandOutcome.ts"
import type { Executed } from "./commandOutcome.ts"
import * as counts from "./counts.ts"
import type { Tagged } from "./eventCodec.ts"
import { catchUp, streamNameOf } from "./load.ts"
import { fromSnapshot, sinceWith, takeSnapshot } from "./snapshot.ts"
import type { Since, Start } from "./snapshot.ts"
import { keptOf } from "./stateCache.ts"
import type { Kept } from "./stateCache.ts"

export type { Executed } from "./commandOutcome.ts"

/** How a command is to be executed. */
export interface ExecuteOptions {
  /**
   * Makes the command idempotent, across crashes and for ever: executed again, it returns the first outcome. A UUIDv7
   * keeps the derived event ids in order of time. Rejections and empty decisions are not remembered.
   */
  readonly commandId?: string
  /** Where the caller expects the stream; elsewhere the command fails at once, undecided. */
  readonly expected?: Expected
  /** When to decide again after a conflict. That a kept state (`layerCache`) was out of date is none. */
  readonly retry?: Schedule.Schedule<unknown, WrongExpectedRevision>
}

// Loading again costs a round trip, which spaces the first attempts by itself; after that contenders spread out.
const decideAgain = Schedule.concat(
  Schedule.recurs(20),
  Schedule.max([Schedule.jittered(Schedule.exponential("5 millis", 1.5)), Schedule.recurs(15)])
)

const operation = "Aggregate.execute"

type Failure<Rejection> = Rejection | CommandIdReused | WrongExpectedRevision | EventStoreError

/** A command on one entity, checked. */
interface Task<Name extends string, Id, Command, Event, State, Rejection> {
  readonly store: EventStore["Service"]
  readonly aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>
  readonly stream: StreamName
  readonly command: Command
  readonly identity: Identity | undefined
  readonly expected: Expected
  readonly retry: Schedule.Schedule<unknown, WrongExpectedRevision>
  readonly kept: Kept<State> | undefined
}

/** Executes a command on one entity, and waits for nobody. */
export const execute = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  id: NoInfer<Id>,
  command: NoInfer<Command>,
  options: ExecuteOptions = {}
): Effect.Effect<Executed<Event>, InvalidCommand | Failure<Rejection>, EventStore> =>
  Effect.flatMap(EventStore, (store) =>
    Effect.withFiber((fiber): Effect.Effect<Executed<Event>, InvalidCommand | Failure<Rejection>> => {
      const named = streamNameOf(operation, aggregate, id)
      if (Result.isFailure(named)) return Effect.fail(named.failure)
      const stream = named.success
      const encoded = encodeCommand(aggregate, stream, command)
      if (Result.isFailure(encoded)) return Effect.fail(encoded.failure)
      const identified = identify(operation, stream, encoded.success, options.commandId)
      if (Result.isFailure(identified)) return Effect.fail(identified.failure)
      const identity = identified.success
      const { expected = "any", retry = decideAgain } = options
      const task = { store, aggregate, stream, command, identity, expected, retry }
      return Effect.flatMap(keptOf(store, aggregate, stream), (kept) =>
        kept?.state === undefined || identity !== undefined
          ? atLength({ ...task, kept }, false)
          : atOnce(fiber, { ...task, kept }, kept, kept.state)
      )
    })
  )

/**
 * The shortest way: what is decided on a kept state is appended, and that is all. In few steps, since of a group of appends the
 * last one waits for all that is done before. Wherever it does not lead through, the long way begins.
 */
const atOnce = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  fiber: Fiber.Fiber<unknown, unknown>,
  task: Task<Name, Id, Command, Event, State, Rejection>,
  kept: Kept<State>,
  start: Start<State>
): Effect.Effect<Executed<Event>, Failure<Rejection>> => {
  const { aggregate, command, store, stream } = task
  const { revision, state } = start
  // What it throws on this state it may not throw on the newest one.
  const decided = isMet(task.expected, revision) ? attempted(() => aggregate.decide(command, state)) : undefined
  if (decided === undefined || Result.isFailure(decided) || decided.success.length === 0) return atLength(task, false)
  const events = decided.success
  const encoded = encodeEvents(fiber, operation, aggregate.codecs.event, stream, events, undefined)
  if (Result.isFailure(encoded)) return atLength(task, false)
  const data = encoded.success
  const expected = revision ?? "noStream"
  return Effect.matchEffect(store.append(stream, data, { expected, idsAreNew: true }), {
    onSuccess: (written) => {
      if (isRepeat(written, revision)) return Effect.fail(repeatedIds(operation, stream))
      const done = { events, revision: written.revision, position: written.position, repeated: false }
      const keep = (since: Since) => {
        leave(aggregate, kept, state, since, data, written)
        return done
      }
      return fiber.getRef(CurrentPolicy) === undefined
        ? Effect.succeed(keep(sinceWith(start.since, data)))
        : Effect.map(
            takeSnapshot(aggregate, stream, start, data, written, () => afterwards(aggregate, state, data)),
            keep
          )
    },
    onFailure: (error) => {
      if (error._tag === "EventIdReused") return Effect.fail(repeatedIds(operation, stream))
      // What the store refuses for its content was not written, and may be other content on a newer state.
      if (error._tag !== "WrongExpectedRevision") {
        return isNothing(Result.fail(error)) ? atLength(task, false) : Effect.fail(error)
      }
      return atLength(task, true)
    }
  })
}

/** Keeps the state that a command has left, unless `evolve` throws: the events are stored, and who loads them next is told. */
const leave = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  kept: Kept<State>,
  before: State,
  since: Since,
  data: ReadonlyArray<EventData>,
  { position, revision }: Appended
): void => {
  const left = attempted(() => ({ state: afterwards(aggregate, before, data) }))
  if (left === undefined) return
  kept.put({ state: left.state, revision, position, since, lastEvent: data.at(-1)?.id, isClaim: true })
}

/** What is made of a state, unless that throws. */
const attempted = <A extends object>(make: () => A): A | undefined => {
  try {
    return make()
  } catch {
    return undefined
  }
}

// Without a command id only this attempt has these ids: then something below it repeated an append whose answer was lost, and
// the stream has grown by it.
const isRepeat = ({ repeated, revision }: Appended, before: number | undefined): boolean =>
  repeated && (revision ?? -1) <= (before ?? -1)

/** The long way, also for those whose kept state was stale: loads what is new, and decides again for as long as the schedule says. */
const atLength = Effect.fnUntraced(function* <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  {
    aggregate,
    command,
    expected: expectation,
    identity,
    kept,
    retry,
    store,
    stream
  }: Task<Name, Id, Command, Event, State, Rejection>,
  isStale: boolean
): Effect.fn.Return<Executed<Event>, Failure<Rejection>> {
  // What was kept may be out of date: a guess, on which events may be decided, since the append proves it, and nothing else.
  // Where the append says that it is stale, that is no conflict of the caller's.
  let known: "guessed" | "stale" | "newest" | "passed" = kept?.state === undefined || isStale ? "passed" : "guessed"
  let loaded = kept?.state ?? (yield* fromSnapshot(aggregate, stream))
  const reload = Effect.suspend(() =>
    Effect.map(catchUp(operation, store, aggregate, stream, loaded), (now) => {
      loaded = now
      known = "newest"
    })
  )
  const find = identity === undefined ? Effect.undefined : store.find(stream, identity.firstEvent)
  const firstOf = (earlier: Recorded, identity: Identity) =>
    firstOutcome(operation, store, aggregate.codecs.event, earlier, identity)

  // A conflict is a value here: what this effect fails with is final.
  let attempts = isStale ? 1 : 0
  const attempt = Effect.gen(function* () {
    if (++attempts > 1) yield* counts.decidedAgain(aggregate.name, attempts)
    const [earlier] = yield* Effect.all([find, known === "passed" || known === "stale" ? reload : Effect.void], {
      concurrency: 2
    })
    if (identity !== undefined && earlier !== undefined) return yield* firstOf(earlier, identity)
    const guess = known === "guessed" ? attempted(() => aggregate.decide(command, loaded.state)) : undefined
    if (known === "guessed" && guess === undefined) yield* reload
    const { position, revision, state } = loaded
    if (!isMet(expectation, revision)) {
      return yield* new WrongExpectedRevision({ stream, expected: expectation, actual: revision })
    }
    const events = yield* Effect.fromResult(guess ?? aggregate.decide(command, state))
    if (events.length === 0) return { events, revision, position, repeated: false }
    const data = yield* Effect.withFiber((fiber) =>
      Effect.fromResult(encodeEvents(fiber, operation, aggregate.codecs.event, stream, events, identity))
    )
    const expected = revision ?? "noStream"
    const clash = (actual: number | undefined) => new WrongExpectedRevision({ stream, expected, actual })
    const written = yield* store.append(stream, data, { expected, idsAreNew: identity === undefined }).pipe(
      Effect.catchTags({
        WrongExpectedRevision: ({ actual }) => Effect.succeed(clash(actual)),
        EventIdReused: (reused) => Effect.succeed(reused)
      })
    )
    if (written instanceof WrongExpectedRevision) {
      known = known === "guessed" ? "stale" : "passed"
      return written
    }
    const isTheirs =
      written instanceof EventIdReused || (identity === undefined ? isRepeat(written, revision) : written.repeated)
    if (isTheirs) {
      // The ids are there already: another execution of this very command was faster, and its outcome is the first one.
      const first = yield* find
      if (identity === undefined || first === undefined) return yield* repeatedIds(operation, stream)
      return yield* firstOf(first, identity)
    }
    const after = () => afterwards(aggregate, state, data)
    const since = yield* takeSnapshot(aggregate, stream, loaded, data, written, after)
    if (kept !== undefined) leave(aggregate, kept, state, since, data, written)
    return { events, revision: written.revision, position: written.position, repeated: false }
  })

  // What nothing came of is told of the newest state only, and of a command that nobody has executed meanwhile.
  const confirmed = Effect.gen(function* () {
    let outcome = yield* Effect.result(attempt)
    if (known === "stale") outcome = yield* Effect.result(attempt)
    if (known === "guessed" && isNothing(outcome)) {
      const { revision, state } = loaded
      yield* reload
      if (loaded.revision !== revision || !Object.is(loaded.state, state)) outcome = yield* Effect.result(attempt)
    }
    if (!isNothing(outcome)) return yield* Effect.fromResult(outcome)
    if (kept !== undefined) yield* kept.putLoaded(loaded)
    const meanwhile = yield* find
    return identity !== undefined && meanwhile !== undefined
      ? yield* firstOf(meanwhile, identity)
      : yield* Effect.fromResult(outcome)
  })

  const outcome = yield* Effect.matchEffect(confirmed, {
    onFailure: (refused) => Effect.succeed(Result.fail(refused)),
    onSuccess: (done) =>
      done instanceof WrongExpectedRevision ? Effect.fail(done) : Effect.succeed(Result.succeed(done))
  }).pipe(Effect.retry(retry))
  return yield* Effect.fromResult(outcome)
})
