// The bus on the event log: a stream for each partition, a processor for each group and partition, a stream of what was parked.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Bus, Message, Parked, Subscription } from "../Bus.ts"
import { BusError, MessageIdReused } from "../BusError.ts"
import { CheckpointStore } from "../CheckpointStore.ts"
import type { EventData, Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { Page } from "../EventStore.ts"
import { EventStoreError, InvalidRequest } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import type { HandleError, Processor, Turn } from "../Processor.ts"
import type { Revision } from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import { EventFailed } from "./processorErrors.ts"
import { run } from "./processorRun.ts"
import { attempt } from "./handlerAttempt.ts"

/** The bus of an event store and a checkpoint store. */
export const fromLog = (
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  partitions: number
): Bus["Service"] => {
  const partitionStream = (partition: number) => StreamName.make("$bus", String(partition))

  const append = (messages: ReadonlyArray<Message>, partition: number): Effect.Effect<unknown, BusError> =>
    store.append(partitionStream(partition), messages.map(toEvent)).pipe(
      Effect.catchTags({
        // Some of them were published before: each by itself, the known ones change nothing.
        EventIdReused: () =>
          messages.length === 1
            ? Effect.fail(
                new BusError({ operation: "Bus.publish", reason: new MessageIdReused({ id: String(messages[0]?.id) }) })
              )
            : Effect.forEach(messages, (message) => append([message], partition)),
        // "any" never conflicts.
        WrongExpectedRevision: Effect.die,
        EventStoreError: (error) => Effect.fail(busError("Bus.publish", error))
      })
    )

  const parkedOf = (group: string): Effect.Effect<ReadonlyArray<Parked>, EventStoreError> =>
    Effect.flatMap(parkedStream(group), (stream) =>
      Stream.runCollect(Stream.map(store.read(EventFilter.stream(stream)), fromParked))
    )

  const park = Effect.fnUntraced(function* (group: string, message: Message, problem: string) {
    const stream = yield* parkedStream(group)
    // The id derives from group and message, so that parking again after a crash parks nothing twice.
    const id = EventId.derive(stream, message.id, 0)
    const data = { problem, message: toJson(message) }
    yield* store
      .append(stream, [{ id, type: "Parked", data, metadata: message.metadata }])
      .pipe(Effect.catchTags({ EventIdReused: () => Effect.void, WrongExpectedRevision: Effect.die }))
  })

  const reader = <E, R>(
    group: string,
    partition: number,
    topics: Subscription<E>["topics"],
    handler: (message: Message) => Effect.Effect<unknown, E, R>
  ): Processor<string, E, R> => {
    const wanted = EventFilter.predicate(EventFilter.categories(topics))
    return {
      name: `bus group "${group}", partition ${partition}`,
      checkpoint: `$bus/${partition}/${group}`,
      filter: EventFilter.stream(partitionStream(partition)),
      handle: Effect.fnUntraced(function* (
        page: Page,
        { commit, retry }: Turn<E>
      ): Effect.fn.Return<void, HandleError<E>, R> {
        // One reader a partition, and a key has one partition: what is parked changes under no reader's hands.
        const parkedKeys = new Set((yield* parkedOf(group)).map(({ message }) => message.key))
        for (const event of page.events) {
          const message = fromEvent(event)
          if (!wanted(message)) continue
          if (parkedKeys.has(message.key)) {
            yield* commit(event.position, park(group, message, "an earlier message of its key is parked"))
            continue
          }
          const handled = attempt(event, () => handler(message)).pipe(Metadata.inReactionTo(message))
          yield* retry(commit(event.position, handled)).pipe(
            Effect.catchIf(
              (failure): failure is EventFailed<E> => failure instanceof EventFailed,
              ({ problem }) => {
                parkedKeys.add(message.key)
                return commit(event.position, park(group, message, problem))
              }
            )
          )
        }
        yield* commit(page.through, Effect.void)
      })
    }
  }

  return {
    publish: (messages) => {
      const byPartition = new Map<number, Array<Message>>()
      for (const message of messages) {
        const partition = partitionOf(message.key, partitions)
        byPartition.set(partition, [...(byPartition.get(partition) ?? []), message])
      }
      return Effect.forEach([...byPartition], ([partition, group]) => append(group, partition), { discard: true })
    },
    subscribe: Effect.fnUntraced(function* (group, { retry, topics }, handler) {
      yield* Effect.mapError(parkedStream(group), (error) => busError("Bus.subscribe", error))
      const readers = Array.from({ length: partitions }, (_, partition) =>
        run(reader(group, partition, topics, handler), retry === undefined ? {} : { retry })
      )
      return yield* Effect.all(readers, { concurrency: "unbounded" }).pipe(
        Effect.mapError(
          (stopped) =>
            new BusError({ operation: "Bus.subscribe", reason: new InvalidRequest({ problem: stopped.message }) })
        ),
        Effect.andThen(Effect.never),
        Effect.provideService(EventStore, store),
        Effect.provideService(CheckpointStore, checkpoints)
      )
    }),
    parked: (group) => Effect.mapError(parkedOf(group), (error) => busError("Bus.parked", error))
  }
}

const busError = (operation: string, { reason }: EventStoreError): BusError => new BusError({ operation, reason })

const parkedStream = (group: string): Effect.Effect<StreamName.StreamName, EventStoreError> =>
  group === ""
    ? Effect.fail(
        new EventStoreError({ operation: "Bus", reason: new InvalidRequest({ problem: "a group needs a name" }) })
      )
    : Effect.mapError(
        Effect.fromResult(StreamName.fromParts("$parked", `bus/${group}`)),
        (reason) => new EventStoreError({ operation: "Bus", reason })
      )

/** The partition of a key: FNV-1a, the same in every process and version. */
const partitionOf = (key: string, partitions: number): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}

// A message is stored as an event whose data holds its address. The store may hold the event itself under the message's
// id, so the stored id derives from it.
const toEvent = (message: Message): EventData => ({
  id: EventId.derive("$bus", message.id, 0),
  type: message.type,
  schemaVersion: message.schemaVersion,
  data: toJson(message),
  metadata: message.metadata
})

interface Stored {
  readonly id: EventId.EventId
  readonly key: string
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  readonly stream: StreamName.StreamName
  readonly revision: Revision
  readonly data: Json
}

const toJson = ({
  category,
  data,
  id,
  key,
  revision,
  schemaVersion,
  stream,
  type
}: Message): { readonly [K in keyof Stored]: Json } => ({
  id,
  key,
  category,
  type,
  schemaVersion,
  stream,
  revision,
  data
})

// Only this module writes these streams, in the two shapes above.
const fromEvent = (event: Recorded): Message => ({ ...(event.data as unknown as Stored), metadata: event.metadata })

const fromParked = (event: Recorded): Parked => {
  const { message, problem } = event.data as unknown as { readonly problem: string; readonly message: Stored }
  return { problem, message: { ...message, metadata: event.metadata } }
}
