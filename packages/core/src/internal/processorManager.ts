// A process manager as a processor: observed events become its own, its own events send commands and set deadlines.
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Aggregate from "../Aggregate.ts"
import type { CheckpointStore } from "../CheckpointStore.ts"
import { CheckpointMoved, CheckpointStoreError, LeaseLost } from "../CheckpointStoreError.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import { because, EventStoreError, Unavailable, WrongExpectedRevision } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import type { ProcessManager } from "../ProcessManager.ts"
import type { HandleError, Processor, Step } from "../Processor.ts"
import type { ReadModelStore } from "../ReadModelStore.ts"
import type { EventCodec, Tagged } from "./eventCodec.ts"
import { execute } from "./execute.ts"
import { behind } from "./fence.ts"
import { load, streamOf } from "./load.ts"
import { EventFailed } from "./processorErrors.ts"
import * as timers from "./processorTimers.ts"
import type { Timer } from "./processorTimers.ts"
import { describe } from "./thrown.ts"

/** The domain said no: told from everything else that an execution can fail with. */
class Refused extends Data.TaggedError("Refused")<{ readonly rejection: unknown }> {}

const isRefused = (error: unknown): error is Refused => error instanceof Refused

type Services = EventStore | CheckpointStore | ReadModelStore

/** The processor that runs a process manager. */
export const make = <Name extends string, Observed extends Aggregate.Any, Event extends Tagged, State, Payload>(
  manager: ProcessManager<Name, Observed, Event, State, Payload>
): Processor<Name, never, Services> => {
  const { aggregate, codecs, name } = manager
  const observed = new Map(manager.observes.map((source) => [source.name, source.codecs.event]))
  const observes = EventFilter.predicate(manager.filter)
  const table = timers.tableOf(name)
  const filter = EventFilter.categories([
    ...(manager.filter._tag === "Categories" ? manager.filter.categories : []),
    { category: name }
  ])

  const unprepared = (recorded: Recorded, key: string, problem: string): Step => ({
    recorded,
    event: undefined,
    key,
    problem
  })

  const prepareOne = (recorded: Recorded): ReadonlyArray<Step> => {
    const isOwn = recorded.category === name
    if (!isOwn && !observes(recorded)) return []
    const codec = isOwn ? codecs.event : observed.get(recorded.category)
    const decoded = codec?.decode(recorded.type, recorded.data) ?? Result.fail("its category is not observed")
    if (Result.isFailure(decoded)) {
      return [unprepared(recorded, recorded.streamId, `it cannot be decoded: ${decoded.failure}`)]
    }
    const event: Recorded<Tagged> = { ...recorded, data: decoded.success }
    if (isOwn) return [{ recorded, event, key: recorded.streamId, problem: undefined }]
    try {
      const id = manager.correlate(event)
      return id === undefined || id === "" ? [] : [{ recorded, event, key: id, problem: undefined }]
    } catch (thrown) {
      return [unprepared(recorded, recorded.streamId, `correlate threw ${describe(thrown)}`)]
    }
  }

  /** Appends what an input means to a process, once for each input, whoever hands it in how often. */
  const take = (id: string, input: string, decide: (state: State) => ReadonlyArray<Event>) => {
    // An aggregate takes commands; here the command is the input, known by its id, and what it is matters to nobody else.
    const inputs: Aggregate.Aggregate<Name, string, null, Event, State, never> = {
      ...aggregate,
      decide: (_, state) => Result.succeed(decide(state)),
      schemas: { ...aggregate.schemas, command: Schema.Null },
      codecs: { ...aggregate.codecs, command: inputCodec }
    }
    return Effect.asVoid(execute(inputs, id, null, { commandId: input }))
  }

  /** Sends a command; what its rejection means is an input of the process. */
  const send = Effect.fnUntraced(function* (
    { stream, streamId: id }: Recorded<Tagged>,
    cause: string,
    { aggregate: target, command, id: to, rejected }: Aggregate.Command<Event>
  ) {
    const refusing = {
      ...target,
      decide: (given: Tagged, state: unknown) =>
        Result.mapError(target.decide(given, state), (rejection) => new Refused({ rejection }))
    }
    const sending = Effect.asVoid(execute(refusing, to, command, { commandId: cause }))
    if (rejected === undefined) return yield* Effect.catchIf(sending, isRefused, () => Effect.void)
    // Who refused may think otherwise by now, but the process has gone on from the refusal.
    const input = `${cause}/rejected`
    const store = yield* EventStore
    if ((yield* store.find(stream, EventId.derive(stream, input, 0))) !== undefined) return
    yield* Effect.catchIf(sending, isRefused, ({ rejection }) => take(id, input, () => rejected(rejection)))
  })

  /** What an own event sends, in the state right after it. */
  const dispatchedBy = Effect.fnUntraced(function* (event: Recorded<Tagged>) {
    const { state } = yield* load(aggregate, event.streamId, { at: { revision: event.revision } })
    return yield* Effect.sync(() => manager.dispatch(event.data as Event, state, { id: event.streamId }))
  })

  const causeOf = (event: Recorded<Tagged>, index: number): string => EventId.derive(event.stream, event.id, index)

  /** Does at once what is due at once; gives the timers of the rest. */
  const dispatch = Effect.fnUntraced(function* (event: Recorded<Tagged>) {
    const later: Array<Timer> = []
    for (const [index, one] of (yield* dispatchedBy(event)).entries()) {
      const millis = Duration.toMillis(one.after)
      if (one._tag === "Command" && millis === 0) {
        yield* behind(send(event, causeOf(event, index), one))
        continue
      }
      const deadline = one._tag === "Deadline" ? codecs.deadline.encode(one.payload) : Result.succeed(null)
      if (Result.isFailure(deadline))
        return yield* Effect.die(`a deadline that its schema refuses: ${deadline.failure}`)
      later.push({
        id: causeOf(event, index),
        key: event.streamId,
        // By the clock that stored the event, so that who comes later knows the same time.
        due: DateTime.toEpochMillis(event.recordedAt) + millis,
        position: event.position,
        revision: event.revision,
        index,
        deadline: one._tag === "Deadline" ? deadline.success : undefined
      })
    }
    return later
  })

  /** Does what is due: the deadline as it was set, or the command as it derives from its event. */
  const fire = Effect.fnUntraced(function* (event: Recorded<Tagged>, { deadline, id, index, key }: Timer) {
    if (deadline !== undefined) {
      const payload = codecs.deadline.decode(deadline)
      if (Result.isFailure(payload)) {
        return yield* Effect.die(`a stored deadline that its schema does not understand: ${payload.failure}`)
      }
      return yield* behind(take(key, id, (state) => manager.expire(payload.success, state)))
    }
    const one = (yield* dispatchedBy(event))[index]
    if (one?._tag === "Command") yield* behind(send(event, id, one))
  })

  /** Whatever goes wrong and is no matter of the store is the event's fault. */
  const on = <A, R>(
    recorded: Recorded,
    effect: Effect.Effect<A, unknown, R>
  ): Effect.Effect<A, HandleError<never>, R> =>
    Metadata.inReactionTo(recorded)(
      effect.pipe(
        Effect.catchDefect((defect) =>
          Effect.fail(failed(recorded, `its process manager died of ${describe(defect)}`))
        ),
        Effect.mapError((error) => asHandleError(recorded, error))
      )
    )

  return {
    name,
    checkpoint: `manager/${name}`,
    filter,
    takes: "events",
    prepare: (events) => events.flatMap(prepareOne),
    handle: (steps) =>
      Effect.map(
        Effect.forEach(steps, ({ event, key, recorded }) => {
          if (event === undefined) return Effect.succeed([])
          return recorded.category === name
            ? on(recorded, dispatch(event))
            : on(recorded, Effect.as(behind(take(key, recorded.id, (state) => manager.decide(event, state))), []))
        }),
        (later) => timers.set(table, later.flat())
      ),
    timers: timers.make(
      table,
      Effect.fnUntraced(function* (timer) {
        const store = yield* EventStore
        const stream = yield* streamOf("Processor.manager", aggregate, timer.key)
        const recorded = yield* timers.eventAt(store, stream, timer.revision)
        const [step] = recorded === undefined ? [] : prepareOne(recorded)
        if (step?.problem !== undefined) return yield* failed(step.recorded, step.problem)
        if (step?.event !== undefined) yield* on(step.recorded, fire(step.event, timer))
      })
    )
  }
}

const inputCodec: EventCodec<null> = {
  tags: [],
  encode: () => Result.succeed({ type: "Input", data: null }),
  decode: () => Result.succeed(null)
}

const failed = (event: Recorded, problem: string): EventFailed<never> =>
  new EventFailed<never>({ event, failure: undefined, problem })

// A store that refuses what handlers gave it, or keeps what no schema understands, does so for this event alone.
const ofTheEvent: ReadonlySet<EventStoreError["reason"]["_tag"]> = new Set([
  "AppendTooLarge",
  "UnstorableContent",
  "InvalidStreamName",
  "UndecodableEvent",
  "InvalidRequest"
])

const asHandleError = (recorded: Recorded, error: unknown): HandleError<never> => {
  if (error instanceof EventFailed) return failed(error.event as Recorded, String(error.problem))
  if (error instanceof EventStoreError && !ofTheEvent.has(error.reason._tag)) return error
  if (error instanceof CheckpointStoreError || error instanceof CheckpointMoved || error instanceof LeaseLost)
    return error
  // Others were always faster: it goes on when there is less of a crowd.
  if (error instanceof WrongExpectedRevision) {
    return because("Processor.manager", new Unavailable({ problem: describe(error) }))
  }
  return failed(recorded, `its process manager failed with ${describe(error)}`)
}
