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
import type { ProcessManager } from "../ProcessManager.ts"
import type { HandleError, Processor, Step } from "../Processor.ts"
import type { ReadModelStore } from "../ReadModelStore.ts"
import type { EventCodec, Tagged } from "./eventCodec.ts"
import { undecodedStep } from "./eventHandlers.ts"
import { execute } from "./executeTraced.ts"
import { behind } from "./fence.ts"
import { load, streamOf } from "./load.ts"
import { EventFailed } from "./processorErrors.ts"
import * as spans from "./spans.ts"
import * as timers from "./processorTimers.ts"
import type { Timer } from "./processorTimers.ts"
import { describe } from "./thrown.ts"
import { decoder } from "./todaysEvents.ts"

/** The domain said no: told from everything else that an execution can fail with. */
class Refused extends Data.TaggedError("Refused")<{ readonly rejection: unknown }> {}

const isRefused = (error: unknown): error is Refused => error instanceof Refused

type Services = EventStore | CheckpointStore | ReadModelStore

/** The processor that runs a process manager. */
export const make = <Name extends string, Observed extends Aggregate.Any, Event extends Tagged, State, Payload>(
  manager: ProcessManager<Name, Observed, Event, State, Payload>
): Processor<Name, never, Services> => {
  const { aggregate, codecs, name } = manager
  const own = { aggregate: { name, codecs, upcast: aggregate.upcast }, types: manager.eventTypes }
  const decode = decoder([
    own,
    ...manager.observes.map((source, i) => ({ aggregate: source, types: manager.handles[i]?.types ?? [] }))
  ])
  const observes = EventFilter.predicate(manager.filter)
  const table = timers.tableOf(name)
  const filter = EventFilter.categories([
    ...(manager.filter._tag === "Categories" ? manager.filter.categories : []),
    { category: name }
  ])

  const prepareOne = (recorded: Recorded): ReadonlyArray<Step> => {
    const isOwn = recorded.category === name
    if (!isOwn && !observes(recorded)) return []
    const decoded = decode(recorded)
    if (Result.isFailure(decoded)) return [undecodedStep(recorded, recorded.streamId, decoded.failure)]
    const events = decoded.success
    if (events.length === 0) return []
    if (isOwn) return [{ recorded, events, key: recorded.streamId, problem: undefined }]
    try {
      // What is of one process is handled at once, in its order.
      const byProcess = Map.groupBy(events, (event) => manager.correlate(event) ?? "")
      byProcess.delete("")
      return [...byProcess].map(([key, some]) => ({ recorded, events: some, key, problem: undefined }))
    } catch (thrown) {
      const problem = `correlate threw ${describe(thrown)}`
      return [{ recorded, events: [], key: recorded.streamId, problem }]
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
    { stream, streamId: id }: Recorded,
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

  /** What own events of one place send, each in the state right after it. */
  const dispatchedBy = Effect.fnUntraced(function* (events: ReadonlyArray<Recorded<Tagged>>) {
    const [first] = events
    if (first === undefined) return []
    const { revision, streamId: id } = first
    const isOne = events.length === 1
    let state = manager.initial
    if (isOne || revision > 0) {
      ;({ state } = yield* load(aggregate, id, { at: { revision: isOne ? revision : revision - 1 } }))
    }
    return yield* Effect.sync(() =>
      events.flatMap((event) => {
        const own = event.data as Event
        if (!isOne) state = manager.evolve(state, own)
        return manager
          .dispatch(own, state, { id })
          .map((one, index) => ({ one, index, cause: EventId.derive(event.stream, event.id, index) }))
      })
    )
  })

  /** Does at once what is due at once; gives the timers of the rest. */
  const dispatch = Effect.fnUntraced(function* (event: Recorded, events: ReadonlyArray<Recorded<Tagged>>) {
    const later: Array<Timer> = []
    for (const { cause, index, one } of yield* dispatchedBy(events)) {
      const millis = Duration.toMillis(one.after)
      if (one._tag === "Command" && millis === 0) {
        yield* behind(send(event, cause, one))
        continue
      }
      const deadline = one._tag === "Deadline" ? codecs.deadline.encode(one.payload) : Result.succeed(null)
      if (Result.isFailure(deadline))
        return yield* Effect.die(`a deadline that its schema refuses: ${deadline.failure}`)
      later.push({
        id: cause,
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
  const fire = Effect.fnUntraced(function* (
    event: Recorded,
    events: ReadonlyArray<Recorded<Tagged>>,
    { deadline, id, key }: Timer
  ) {
    if (deadline !== undefined) {
      const payload = codecs.deadline.decode(deadline)
      if (Result.isFailure(payload)) {
        return yield* Effect.die(`a stored deadline that its schema does not understand: ${payload.failure}`)
      }
      return yield* behind(take(key, id, (state) => manager.expire(payload.success, state)))
    }
    const one = (yield* dispatchedBy(events)).find(({ cause }) => cause === id)?.one
    if (one?._tag === "Command") yield* behind(send(event, id, one))
  })

  /** Whatever goes wrong and is no matter of the store is the event's fault. */
  const on = <A, R>(
    recorded: Recorded,
    effect: Effect.Effect<A, unknown, R>
  ): Effect.Effect<A, HandleError<never>, R> =>
    spans.reaction(
      name,
      recorded,
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
        Effect.forEach(steps, ({ events, key, recorded }) => {
          if (recorded.category === name) return on(recorded, dispatch(recorded, events))
          const taken = Effect.forEach(
            events,
            (event) => behind(take(key, event.id, (state) => manager.decide(event, state))),
            { discard: true }
          )
          return on(recorded, Effect.as(taken, []))
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
        if (step?.problem !== undefined) return yield* failed(step.recorded, step.problem, step.undecoded)
        if (step !== undefined) yield* on(step.recorded, fire(step.recorded, step.events, timer))
      })
    )
  }
}

const inputCodec: EventCodec<null> = {
  tags: [],
  versionOf: () => 1,
  encode: () => Result.succeed({ type: "Input", schemaVersion: 1, data: null }),
  decode: () => Result.succeed([null])
}

const failed = (event: Recorded, problem: string, undecoded?: Step["undecoded"]): EventFailed<never> =>
  new EventFailed<never>({ event, failure: undefined, problem, undecoded })

// A store that refuses what handlers gave it, or keeps what no schema understands, does so for this event alone.
const ofTheEvent: ReadonlySet<EventStoreError["reason"]["_tag"]> = new Set([
  "AppendTooLarge",
  "UnstorableContent",
  "InvalidStreamName",
  "UndecodableEvent",
  "InvalidRequest"
])

const asHandleError = (recorded: Recorded, error: unknown): HandleError<never> => {
  if (error instanceof EventFailed) return failed(error.event as Recorded, String(error.problem), error.undecoded)
  if (error instanceof EventStoreError && !ofTheEvent.has(error.reason._tag)) return error
  if (error instanceof CheckpointStoreError || error instanceof CheckpointMoved || error instanceof LeaseLost)
    return error
  // Others were always faster: it goes on when there is less of a crowd.
  if (error instanceof WrongExpectedRevision) {
    return because("Processor.manager", new Unavailable({ problem: describe(error) }))
  }
  return failed(recorded, `its process manager failed with ${describe(error)}`)
}
