// The bus on the event log: a stream for each partition, a processor for each group and partition, a stream of what was parked.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Bus, Message, Parked, Subscription } from "../Bus.ts"
import { BusError, MessageIdReused } from "../BusError.ts"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { EventData, Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type { EventStore, Page } from "../EventStore.ts"
import { EventStoreError, InvalidRequest, UnstorableContent } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import type { HandleError, Processor, Turn } from "../Processor.ts"
import type { Revision } from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import { attempt } from "./handlerAttempt.ts"
import { canonical, stringify } from "./json.ts"
import { runOn } from "./processorRun.ts"

/** The bus of an event store and a checkpoint store. */
export const fromLog = (
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  partitions: number
): Bus["Service"] => {
  const partitionStream = (partition: number) => StreamName.make("$bus", String(partition))

  // Exactly as given: what surrounds the publisher is no part of a message.
  const append = (stream: StreamName.StreamName, events: ReadonlyArray<EventData>) =>
    Metadata.detached(store.append(stream, events)).pipe(
      // "any" never conflicts.
      Effect.catchTag("WrongExpectedRevision", Effect.die)
    )

  /** Publishes in order; gives the ids that were published before with other content. */
  const publish = (
    partition: number,
    messages: ReadonlyArray<Message>
  ): Effect.Effect<ReadonlyArray<EventId.EventId>, BusError> =>
    append(partitionStream(partition), messages.map(toEvent)).pipe(
      Effect.as([]),
      Effect.catchTags({
        // Some of them were published before: each by itself, the known ones change nothing.
        EventIdReused: () =>
          messages.length === 1
            ? Effect.succeed(messages.map(({ id }) => id))
            : Effect.map(
                Effect.forEach(messages, (message) => publish(partition, [message])),
                (reused) => reused.flat()
              ),
        EventStoreError: (error) => Effect.fail(busError("Bus.publish", error))
      })
    )

  const parkedOf = (group: string): Effect.Effect<ReadonlyArray<Parked>, EventStoreError> =>
    Effect.flatMap(parkedStream(group), (stream) =>
      Stream.runCollect(Stream.map(store.read(EventFilter.stream(stream)), fromParked))
    )

  // Read again only when the group has parked something since.
  const cache = new Map<string, { readonly revision: Revision | undefined; readonly keys: Set<string> }>()
  const parkedKeysOf = Effect.fnUntraced(function* (group: string) {
    const revision = yield* store.streamRevision(yield* parkedStream(group))
    const cached = cache.get(group)
    if (cached !== undefined && cached.revision === revision) return cached.keys
    const keys = new Set((yield* parkedOf(group)).map(({ message }) => message.key))
    cache.set(group, { revision, keys })
    return keys
  })

  const park = Effect.fnUntraced(function* (group: string, message: Message, problem: string) {
    const stream = yield* parkedStream(group)
    // The id derives from group and message, so that parking again after a crash parks nothing twice.
    const id = EventId.derive(stream, message.id, 0)
    const data = { problem, message: toJson(message) }
    const metadata = message.metadata
    yield* Effect.catchTag(append(stream, [{ id, type: "Parked", data, metadata }]), "EventIdReused", () => Effect.void)
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
      checkpoint: `bus/${partition}/${group}`,
      filter: EventFilter.stream(partitionStream(partition)),
      handle: Effect.fnUntraced(function* (
        page: Page,
        { commit, retry }: Turn<E>
      ): Effect.fn.Return<void, HandleError<E>, R> {
        const before = yield* parkedKeysOf(group)
        // What this page parked, once that is committed: a commit that fails has parked nothing.
        const here = new Set<string>()
        for (const event of page.events) {
          const message = fromEvent(event)
          if (!wanted(message)) continue
          if (before.has(message.key) || here.has(message.key)) {
            yield* commit(event.position, park(group, message, "an earlier message of its key is parked"))
            continue
          }
          // Outside of the checkpoint's transaction, as a reactor's are: handlers may take their time.
          const handled = retry(attempt(event, () => handler(message)).pipe(Metadata.inReactionTo(message)))
          const outcome = yield* Effect.result(handled)
          if (Result.isSuccess(outcome)) {
            yield* commit(event.position, Effect.void)
          } else {
            yield* commit(event.position, park(group, message, outcome.failure.problem))
            here.add(message.key)
          }
        }
        yield* commit(page.through, Effect.void)
      })
    }
  }

  return {
    publish: Effect.fnUntraced(function* (messages) {
      for (const { data, stream, type } of messages) {
        const text = stringify(data)
        if (Result.isSuccess(text)) continue
        const reason = new UnstorableContent({ stream, type, problem: `in its data ${text.failure}` })
        return yield* new BusError({ operation: "Bus.publish", reason })
      }
      const { byPartition, reused } = spread(messages, partitions)
      const known = yield* Effect.forEach([...byPartition], ([partition, some]) => publish(partition, some))
      const [id] = [...reused, ...known.flat()]
      if (id !== undefined) {
        return yield* new BusError({ operation: "Bus.publish", reason: new MessageIdReused({ id }) })
      }
    }),
    subscribe: Effect.fnUntraced(function* (group, { retry, topics }, handler) {
      yield* Effect.mapError(parkedStream(group), (error) => busError("Bus.subscribe", error))
      const readers = Array.from({ length: partitions }, (_, partition) =>
        // The readers run on the stores of the bus, the handler in the subscriber's own surroundings.
        runOn(store, checkpoints, reader(group, partition, topics, handler), retry === undefined ? {} : { retry })
      )
      return yield* Effect.all(readers, { concurrency: "unbounded" }).pipe(
        Effect.mapError(
          ({ message }) =>
            new BusError({ operation: "Bus.subscribe", reason: new InvalidRequest({ problem: message }) })
        ),
        Effect.andThen(Effect.never)
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

/** The messages of each partition, in order; an id that is given twice counts once, with other content it is reused. */
const spread = (messages: ReadonlyArray<Message>, partitions: number) => {
  const byId = new Map<EventId.EventId, string>()
  const byPartition = new Map<number, Array<Message>>()
  const reused: Array<EventId.EventId> = []
  for (const message of messages) {
    const content = canonical(toJson(message))
    const before = byId.get(message.id)
    if (before !== undefined) {
      if (before !== content) reused.push(message.id)
      continue
    }
    byId.set(message.id, content)
    const partition = partitionOf(message.key, partitions)
    const some = byPartition.get(partition)
    if (some === undefined) byPartition.set(partition, [message])
    else some.push(message)
  }
  return { byPartition, reused }
}

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
