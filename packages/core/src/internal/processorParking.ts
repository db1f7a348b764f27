// processorParking: the events that a processor has set aside, as a stream of its own: what is parked, retried, dropped.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Json } from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type { EventStore } from "../EventStore.ts"
import { because, InvalidRequest } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import * as Revision from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import type { Entry } from "./parkedEntry.ts"
import * as news from "./parkedNews.ts"

export { entryOf, inWords } from "./parkedEntry.ts"
export type { Entry }

const untilKnown = {
  while: ({ isRetryable }: EventStoreError) => isRetryable,
  schedule: Schedule.upTo(Schedule.exponential("10 millis"), { times: 5 })
}

/** What becomes of parked events, as it is stored. */
type Change =
  | { readonly type: "Parked" | "FailedAgain"; readonly data: Entry }
  | { readonly type: "RetryRequested"; readonly data: { readonly key: string } }
  | { readonly type: "Handled" | "Dropped"; readonly data: { readonly key: string; readonly eventId: EventId.EventId } }

/** The entries of each key, in their order, and the keys that somebody wants to be tried again. */
export interface State {
  readonly entries: Map<string, Map<EventId.EventId, Entry>>
  readonly requested: Set<string>
  /** How often an event was parked for a key and then handled or dropped. */
  readonly settled: Map<string, number>
  /** What was given up for good. */
  readonly dropped: Set<string>
}

const emptyState = (): State => ({ entries: new Map(), requested: new Set(), settled: new Map(), dropped: new Set() })

/** What an event is parked as for a key. */
export const settledKey = ({ eventId, key }: Pick<Entry, "eventId" | "key">): string => `${eventId} ${key}`

const evolve = ({ dropped, entries, requested, settled }: State, change: Change): void => {
  const { key } = change.data
  switch (change.type) {
    case "Parked": {
      const ofKey = entries.get(key) ?? new Map<EventId.EventId, Entry>()
      entries.set(key, ofKey.set(change.data.eventId, change.data))
      return
    }
    case "FailedAgain": {
      requested.delete(key)
      const ofKey = entries.get(key)
      if (ofKey?.has(change.data.eventId) === true) ofKey.set(change.data.eventId, change.data)
      return
    }
    case "RetryRequested":
      if (entries.has(key)) requested.add(key)
      return
    case "Handled":
    case "Dropped": {
      const ofKey = entries.get(key)
      if (ofKey?.delete(change.data.eventId) !== true) return
      settled.set(settledKey(change.data), (settled.get(settledKey(change.data)) ?? 0) + 1)
      if (change.type === "Dropped") dropped.add(settledKey(change.data))
      if (ofKey.size !== 0) return
      entries.delete(key)
      requested.delete(key)
    }
  }
}

// Only this module writes these streams, in the shapes above.
const changeOf = ({ data, type }: Recorded): Change => ({ type, data }) as unknown as Change

/** The stream of what a processor has set aside. */
export const streamOf = (checkpoint: string): Effect.Effect<StreamName.StreamName, EventStoreError> =>
  Effect.mapError(Effect.fromResult(StreamName.fromParts("$parked", checkpoint)), (reason) =>
    because("Processor.parked", reason)
  )

/** Appends a change; who happens to be around is no part of it. */
const append = (
  store: EventStore["Service"],
  stream: StreamName.StreamName,
  { data, type }: Change,
  id?: EventId.EventId
) =>
  Metadata.detached(
    store.append(stream, [{ type, data: data as unknown as Json, ...(id === undefined ? {} : { id }) }])
  ).pipe(
    // "any" never conflicts.
    Effect.catchTag("WrongExpectedRevision", Effect.die),
    // The event was parked before, for another reason.
    Effect.catchTag("EventIdReused", () => Effect.undefined),
    Effect.tap(() => Effect.sync(() => news.tell(stream)))
  )

/** How much of the stream of a processor is known here. */
interface Known {
  state: State
  last: Pick<Recorded, "id" | "revision"> | undefined
}

// Only what is new is read again: who waits for a processor looks here each time.
const knownOf = new WeakMap<EventStore["Service"], Map<string, Known>>()

const known = (store: EventStore["Service"], checkpoint: string): Known => {
  const all = knownOf.get(store) ?? new Map<string, Known>()
  knownOf.set(store, all)
  const found = all.get(checkpoint) ?? { state: emptyState(), last: undefined }
  all.set(checkpoint, found)
  return found
}

/** What is parked now. */
export const read = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  checkpoint: string
): Effect.fn.Return<State, EventStoreError> {
  const filter = EventFilter.stream(yield* streamOf(checkpoint))
  const here = known(store, checkpoint)
  const { last } = here
  const from = last === undefined ? {} : { from: { revision: last.revision } }
  let events = yield* Stream.runCollect(store.read(filter, from))
  // What was the last one is not there any more: the store went back to what it was before.
  if (last !== undefined && events[0]?.id !== last.id) {
    events = yield* Stream.runCollect(store.read(filter))
    here.state = emptyState()
    here.last = undefined
  }
  for (const event of events) {
    if (here.last !== undefined && event.revision <= here.last.revision) continue
    evolve(here.state, changeOf(event))
    here.last = event
  }
  return here.state
})

/** The event of an entry, found by its place; undefined where it is not there any more. */
export const eventOf = (
  store: EventStore["Service"],
  { eventId, revision, stream }: Entry
): Effect.Effect<Recorded | undefined, EventStoreError> =>
  Effect.map(Stream.runCollect(store.read(EventFilter.stream(stream), { from: { revision }, limit: 1 })), ([there]) =>
    there?.id === eventId ? there : undefined
  )

/** Asks whoever runs a processor to try parked events again; says which keys that concerns. */
export const request = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  checkpoint: string,
  key: string | undefined
): Effect.fn.Return<ReadonlyArray<string>, EventStoreError> {
  const { entries } = yield* read(store, checkpoint)
  const keys = [...entries.keys()].filter((one) => key === undefined || one === key)
  const stream = yield* streamOf(checkpoint)
  yield* Effect.forEach(keys, (one) => append(store, stream, { type: "RetryRequested", data: { key: one } }), {
    discard: true
  })
  return keys
})

/** Gives a parked event up, for all of its keys. */
export const drop = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  checkpoint: string,
  eventId: EventId.EventId
): Effect.fn.Return<void, EventStoreError> {
  const { entries } = yield* read(store, checkpoint)
  const keys = [...entries].filter(([, ofKey]) => ofKey.has(eventId)).map(([key]) => key)
  if (keys.length === 0) {
    const problem = `event ${eventId} is not parked by "${checkpoint}"; see Processor.parked`
    return yield* because("Processor.drop", new InvalidRequest({ problem }))
  }
  const stream = yield* streamOf(checkpoint)
  yield* Effect.forEach(keys, (key) => append(store, stream, { type: "Dropped", data: { key, eventId } }), {
    discard: true
  })
})

/** What a runner knows of its parked events, while it runs. */
export interface Parking {
  /** Reads all of it. */
  readonly load: Effect.Effect<void, EventStoreError>
  /** Begins to listen; the inner effect waits until this process appended something since it last returned. */
  readonly listen: Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
  /** Reads and takes in what was appended since, by anyone. */
  readonly news: Effect.Effect<ReadonlyArray<Recorded>, EventStoreError>
  readonly isEmpty: () => boolean
  readonly has: (key: string) => boolean
  /** Whether an event was parked for a key and is through: handled when it was tried again, or given up. */
  readonly isSettled: (one: Pick<Entry, "eventId" | "key">) => boolean
  readonly entriesOf: (key: string) => ReadonlyArray<Entry>
  /** The keys that somebody wants to be tried again. */
  readonly requested: () => ReadonlyArray<string>
  readonly park: (entry: Entry) => Effect.Effect<void, EventStoreError>
  readonly failedAgain: (entry: Entry) => Effect.Effect<void, EventStoreError>
  readonly handled: (entry: Entry) => Effect.Effect<void, EventStoreError>
  /** Has a key tried again. */
  readonly request: (key: string) => Effect.Effect<void, EventStoreError>
}

/** The parked events of a processor, as its runner sees them. */
export const make = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  checkpoint: string,
  parkedOne: () => void = () => undefined
): Effect.fn.Return<Parking, EventStoreError> {
  const stream = yield* streamOf(checkpoint)
  let state = emptyState()
  let known: Revision.Revision | undefined
  // What this runner wrote itself is known before it comes back.
  let own = new Set<EventId.EventId>()

  const take = (event: Recorded): void => {
    if (known !== undefined && event.revision <= known) return
    known = event.revision
    if (!own.delete(event.id)) evolve(state, changeOf(event))
  }

  const write = (change: Change, given?: EventId.EventId): Effect.Effect<void, EventStoreError> =>
    Effect.flatMap(given === undefined ? EventId.generate : Effect.succeed(given), (id) =>
      Effect.map(append(store, stream, change, id), (appended) => {
        if (appended === undefined || own.has(id)) return
        if (change.type === "Parked" && !appended.repeated) parkedOne()
        own.add(id)
        evolve(state, change)
      })
    )

  return {
    load: Effect.suspend(() => {
      state = emptyState()
      known = undefined
      own = new Set()
      return Stream.runForEach(store.read(EventFilter.stream(stream)), (event) => Effect.sync(() => take(event)))
    }),
    listen: news.listen(stream),
    news: Effect.suspend(() => {
      const from = known === undefined ? {} : { from: { revision: Revision.next(known) } }
      return Effect.tap(Stream.runCollect(store.read(EventFilter.stream(stream), from)), (events) =>
        Effect.sync(() => events.forEach(take))
      )
    }),
    isEmpty: () => state.entries.size === 0,
    has: (key) => state.entries.has(key),
    isSettled: (one) => state.settled.size > 0 && state.settled.has(settledKey(one)),
    entriesOf: (key) => [...(state.entries.get(key)?.values() ?? [])],
    requested: () => [...state.requested],
    // Parking it again after a crash parks nothing twice.
    park: (data) => {
      const times = state.settled.get(settledKey(data)) ?? 0
      const parked = write({ type: "Parked", data }, EventId.derive(`${stream} ${data.key}`, data.eventId, times))
      // One without an answer may come later, when the event was handled: it is said until it is known to be there.
      return Effect.retry(parked, untilKnown)
    },
    failedAgain: (data) => write({ type: "FailedAgain", data }),
    handled: ({ eventId, key }) => write({ type: "Handled", data: { key, eventId } }),
    // Not known before it comes back: that is what wakes who tries it.
    request: (key) => Effect.asVoid(append(store, stream, { type: "RetryRequested", data: { key } }))
  }
})
