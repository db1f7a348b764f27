// The bus on the event log: streams that keep the order of keys, and a processor for each group, which parks what fails.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { Bus, Message, Parked, Subscription } from "../Bus.ts"
import { BusError, MessageIdReused } from "../BusError.ts"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { EventData } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type * as EventId from "../EventId.ts"
import type { EventStore } from "../EventStore.ts"
import { because, EventStoreError, InvalidRequest, UnstorableContent } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import type { Processor, Step } from "../Processor.ts"
import type * as StreamName from "../StreamName.ts"
import { addressOf, category, fromEvent, storedId, toEvent, toJson } from "./busMessage.ts"
import { nameOf, streamOf } from "./busRetention.ts"
import type { make as makeGroups } from "./busRetention.ts"
import { attempt } from "./handlerAttempt.ts"
import { canonical, stringify } from "./json.ts"
import * as parking from "./processorParking.ts"
import { runOn } from "./processorRun.ts"
import { slotOf } from "./slots.ts"
import * as spans from "./spans.ts"

type Groups = ReturnType<typeof makeGroups>

/** The bus of an event store and a checkpoint store. */
export const fromLog = (
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  partitions: number,
  groups: Groups
): Bus["Service"] => {
  // Exactly as given: what surrounds the publisher is no part of a message.
  const append = (stream: StreamName.StreamName, events: ReadonlyArray<EventData>) =>
    Metadata.detached(store.append(stream, events)).pipe(
      // "any" never conflicts.
      Effect.catchTag("WrongExpectedRevision", Effect.die)
    )

  /** Publishes in order; gives those that were published before with other content, and of their keys nothing behind them. */
  const publish = (slot: number, messages: ReadonlyArray<Message>): Effect.Effect<ReadonlyArray<Message>, BusError> =>
    append(streamOf(slot), messages.map(toEvent)).pipe(
      Effect.as([]),
      Effect.catchTags({
        // Some of them were published before: in two parts, and so on; the known ones change nothing.
        EventIdReused: () => (messages.length === 1 ? Effect.succeed(messages) : inParts(slot, messages)),
        EventStoreError: (error) =>
          error.reason._tag === "AppendTooLarge" && messages.length > 1
            ? inParts(slot, messages)
            : Effect.fail(busError("Bus.publish", error))
      })
    )

  const inParts = Effect.fnUntraced(function* (slot: number, messages: ReadonlyArray<Message>) {
    const half = messages.length >> 1
    const reused = yield* publish(slot, messages.slice(0, half))
    const keys = new Set(reused.map(({ key }) => key))
    const rest = messages.slice(half).filter(({ key }) => !keys.has(key))
    return rest.length === 0 ? reused : [...reused, ...(yield* publish(slot, rest))]
  })

  const parkedOf = Effect.fnUntraced(function* (
    group: string
  ): Effect.fn.Return<ReadonlyArray<Parked>, EventStoreError> {
    const { entries } = yield* parking.read(store, yield* checkpointOf(group))
    const all = [...entries.values()].flatMap((ofKey) => [...ofKey.values()])
    const found = yield* Effect.forEach(
      all.toSorted((a, b) => a.position - b.position),
      (entry) =>
        Effect.map(parking.eventOf(store, entry), (event) =>
          event === undefined ? [] : [{ message: fromEvent(event), problem: entry.problem }]
        ),
      { concurrency: 16 }
    )
    return found.flat()
  })

  const processorOf = <E, R>(
    group: string,
    checkpoint: string,
    topics: Subscription<E>["topics"],
    handler: (message: Message) => Effect.Effect<unknown, E, R>
  ): Processor<string, E, R> => {
    const wanted = EventFilter.predicate(EventFilter.categories(topics))
    return {
      name: `bus group "${group}"`,
      checkpoint,
      filter: EventFilter.category(category),
      follows: EventFilter.describe(EventFilter.categories(topics)),
      takes: "events",
      commits: "now and then",
      prepare: (events) => {
        const steps: Array<Step> = []
        for (const recorded of events) {
          const address = addressOf(recorded)
          if (wanted(address)) steps.push({ recorded, events: [], key: address.key, problem: undefined })
        }
        return steps
      },
      // One by one, outside of the checkpoint's transaction, as a reactor's are: handlers may take their time.
      handle: ([step]) => {
        if (step === undefined) return Effect.succeed(Effect.void)
        const message = fromEvent(step.recorded)
        return spans.reaction(
          group,
          message,
          Effect.as(
            attempt(step.recorded, () => handler(message)),
            Effect.void
          )
        )
      }
    }
  }

  return {
    publish: Effect.fnUntraced(
      function* (messages) {
        for (const { data, stream, type } of messages) {
          const text = stringify(data)
          if (Result.isSuccess(text)) continue
          const reason = new UnstorableContent({ stream, type, problem: `in its data ${text.failure}` })
          return yield* new BusError({ operation: "Bus.publish", reason })
        }
        const { bySlot, reused } = spread(messages)
        const known = yield* Effect.forEach([...bySlot], ([slot, some]) => publish(slot, some))
        const [one] = [...reused, ...known.flat()]
        if (one !== undefined) {
          return yield* new BusError({ operation: "Bus.publish", reason: new MessageIdReused({ id: one.id }) })
        }
      },
      (done, messages) => spans.publish(messages, done)
    ),
    subscribe: Effect.fnUntraced(function* (group, { retry, topics }, handler) {
      const checkpoint = yield* Effect.mapError(checkpointOf(group), (error) => busError("Bus.subscribe", error))
      const processor = processorOf(group, checkpoint, topics, handler)
      const known = Effect.andThen(groups.register(group), groups.tell(group))
      yield* Effect.retry(known, { while: (error) => error.isRetryable, schedule: patience }).pipe(
        Effect.mapError(({ reason }) => new BusError({ operation: "Bus.subscribe", reason }))
      )
      const options = { partitions, onFailure: "park", ...(retry === undefined ? {} : { retry }) } as const
      // It runs on the stores of the bus, the handler in the subscriber's own surroundings.
      return yield* Effect.mapError(
        Effect.raceFirst(runOn(store, checkpoints, processor, options), groups.keep(group)),
        ({ message }) => new BusError({ operation: "Bus.subscribe", reason: new InvalidRequest({ problem: message }) })
      )
    }),
    parked: (group) => Effect.mapError(parkedOf(group), (error) => busError("Bus.parked", error)),
    retry: (group, options) =>
      Effect.flatMap(checkpointOf(group), (name) => parking.request(store, name, options?.key)).pipe(
        Effect.mapError((error) => busError("Bus.retry", error))
      ),
    drop: Effect.fnUntraced(
      function* (group, id) {
        const name = yield* checkpointOf(group)
        const stored = storedId(id)
        const { entries } = yield* parking.read(store, name)
        if ([...entries.values()].some((ofKey) => ofKey.has(stored))) return yield* parking.drop(store, name, stored)
        const problem = `message ${id} is not parked by group "${group}"; see Bus.parked`
        return yield* because("Bus.drop", new InvalidRequest({ problem }))
      },
      Effect.mapError((error) => busError("Bus.drop", error))
    )
  }
}

const busError = (operation: string, { reason }: EventStoreError): BusError => new BusError({ operation, reason })

// A store that was lost comes back; until then there is nothing to handle.
const patience = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

/** What the names of a group's checkpoints begin with. */
const checkpointOf = (group: string): Effect.Effect<string, EventStoreError> =>
  group === ""
    ? Effect.fail(
        new EventStoreError({ operation: "Bus", reason: new InvalidRequest({ problem: "a group needs a name" }) })
      )
    : Effect.as(parking.streamOf(nameOf(group)), nameOf(group))

/**
 * The messages of each slot, in order; an id that is given twice counts once. With other content it is reused, and what is
 * behind it of its key is left out.
 */
const spread = (messages: ReadonlyArray<Message>) => {
  const byId = new Map<EventId.EventId, string>()
  const bySlot = new Map<number, Array<Message>>()
  const reused = new Map<string, Message>()
  for (const message of messages) {
    if (reused.has(message.key)) continue
    const content = canonical(toJson(message))
    const before = byId.get(message.id)
    if (before !== undefined) {
      if (before !== content) reused.set(message.key, message)
      continue
    }
    byId.set(message.id, content)
    const slot = slotOf(message.key)
    const some = bySlot.get(slot)
    if (some === undefined) bySlot.set(slot, [message])
    else some.push(message)
  }
  return { bySlot, reused: [...reused.values()] }
}
