// Bus: messages between services. At least once, in order per key within a group, parked when nobody can handle them.
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type { Json } from "effect/Schema"
import type { BusError } from "./BusError.ts"
import { CheckpointStore } from "./CheckpointStore.ts"
import type { Recorded } from "./EventData.ts"
import type { CategoryFilter } from "./EventFilter.ts"
import type { EventId } from "./EventId.ts"
import { EventStore } from "./EventStore.ts"
import { make as makeGroups } from "./internal/busRetention.ts"
import { fromLog } from "./internal/busFromLog.ts"
import * as slots from "./internal/slots.ts"
import type { Metadata } from "./Metadata.ts"
import type { Revision } from "./Revision.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * What one service tells others: an event with its address.
 *
 * Messages of one `key` keep their order; the key of an event is its stream. `id` is what makes publishing repeatable;
 * stream and revision let a receiver know what it has handled already.
 */
export interface Message {
  readonly id: EventId
  readonly key: string
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  readonly stream: StreamName
  readonly revision: Revision
  readonly data: Json
  readonly metadata: Metadata
}

export { inbox } from "./internal/busInbox.ts"
export type { Writes } from "./internal/busInbox.ts"

/** A message that a group could not handle, or that came behind such a message of its key. */
export interface Parked {
  readonly message: Message
  readonly problem: string
}

/** How a group receives. */
export interface Subscription<E> {
  /** The categories, and types of them, that the group wants. */
  readonly topics: ReadonlyArray<CategoryFilter>
  /** When to handle a failed message again; then it is parked. A few times within seconds unless given. */
  readonly retry?: Schedule.Schedule<unknown, E>
}

/**
 * The bus: `publish` and `subscribe` for a group.
 *
 * Each group gets every message of its topics, whenever it began to listen; within a group a message is handled by one
 * subscriber. A key belongs to one partition, and each partition of a group has one reader at a time, by lease.
 */
export class Bus extends Context.Service<
  Bus,
  {
    /** Publishes messages, in their order for each key. The same id again changes nothing; with other content it is an error. */
    readonly publish: (messages: ReadonlyArray<Message>) => Effect.Effect<void, BusError>
    /**
     * Handles the messages of a group until interrupted; each until it succeeded, or until its retries are used up.
     *
     * Then it is parked, and what comes later with its key is parked behind it; other keys go on. A handler that was
     * killed gets its message again, and those that were handled within the last fifth of a second before.
     */
    readonly subscribe: <E, R>(
      group: string,
      subscription: Subscription<E>,
      handler: (message: Message) => Effect.Effect<unknown, E, R>
    ) => Effect.Effect<never, BusError, R>
    /** What a group has parked, in order. */
    readonly parked: (group: string) => Effect.Effect<ReadonlyArray<Parked>, BusError>
    /**
     * Asks for parked messages to be handled again: those of one key, or all; gives the keys.
     *
     * A subscriber of the group does it, now or when there is one: in order, up to the first that fails, and before later
     * messages of the key.
     */
    readonly retry: (
      group: string,
      options?: { readonly key?: string }
    ) => Effect.Effect<ReadonlyArray<string>, BusError>
    /**
     * Gives a parked message up: the group will never handle it, and what came behind it stays parked until `retry`.
     *
     * Fails with an `InvalidRequest` where it is not parked.
     */
    readonly drop: (group: string, id: EventId) => Effect.Effect<void, BusError>
  }
>()("evolvent/Bus") {}

/** The message that a stored event is to others. */
export const fromRecorded = (event: Recorded): Message => ({
  id: event.id,
  key: event.stream,
  category: event.category,
  type: event.type,
  schemaVersion: event.schemaVersion,
  stream: event.stream,
  revision: event.revision,
  data: event.data,
  metadata: event.metadata
})

/** For backends that keep the log of `layer`'s messages in a form of their own. */
export { storedId } from "./internal/busMessage.ts"

/** How a bus is made of the event log. */
export interface LayerOptions {
  /** Into how many parts a group's work is divided, over all of its processes; 8 unless given. */
  readonly partitions?: number
  /**
   * How long messages are kept; for ever unless given. Longer, what a group has yet to handle or has parked, if somebody
   * subscribed to it within that time. Give all processes the same.
   */
  readonly retention?: Duration.Input
}

/**
 * A bus made of the event log: messages are events of streams of its own, groups are processors, and so is their parking.
 *
 * All processes that share the store share the bus. A group that was away for longer than the retention lost what it had not
 * handled, and is told so by a warning; one that begins to listen gets what there is. Throws a RangeError unless
 * `partitions` is a whole number from 1 to 16, and `retention` a time.
 */
export const layer = (options?: LayerOptions): Layer.Layer<Bus, never, EventStore | CheckpointStore> => {
  const partitions = options?.partitions ?? 8
  if (!(Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= slots.count)) {
    const range = `from 1 to ${slots.count}`
    throw new RangeError(`A bus has a whole number of partitions ${range}, but ${partitions} were asked for.`)
  }
  const retention = options?.retention === undefined ? undefined : Duration.fromInputUnsafe(options.retention)
  if (retention !== undefined && !(Duration.toMillis(retention) > 0)) {
    throw new RangeError(`A bus cannot keep messages for ${Duration.toMillis(retention)} milliseconds.`)
  }
  return Layer.effect(
    Bus,
    Effect.gen(function* () {
      const store = yield* EventStore
      const checkpoints = yield* CheckpointStore
      const groups = makeGroups(store, checkpoints, retention)
      if (retention !== undefined && Duration.isFinite(retention)) yield* Effect.forkScoped(groups.run)
      return fromLog(store, checkpoints, partitions, groups)
    })
  )
}
