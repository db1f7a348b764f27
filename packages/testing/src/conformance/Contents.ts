// Contents: what a store holds, as laws look at it.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { History, ReadOptions } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import type { Revision } from "evolvent/Revision"
import type * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"

/** All that a filter finds. */
export const of = (
  filter: EventFilter.EventFilter,
  options?: ReadOptions
): Effect.Effect<ReadonlyArray<Recorded>, EventStoreError, EventStore> =>
  EventStore.use((store) => Stream.runCollect(store.read(filter, options)))

/** All events of a stream. */
export const ofStream = (stream: StreamName.StreamName, options?: ReadOptions) =>
  of(EventFilter.stream(stream), options)

/** The pages of a stream's history, as many as are wanted. */
export const history = (
  stream: StreamName.StreamName,
  options?: { readonly from?: Revision; readonly limit?: number },
  wanted = Infinity
) =>
  Effect.gen(function* () {
    const pages: Array<History> = []
    const take = (page: History) => Effect.sync(() => pages.push(page) < wanted)
    yield* (yield* EventStore).history(stream, take, options)
    return pages
  })

/** A stream holds the events of these numbers, and nothing else. */
export const are = (did: string, stream: StreamName.StreamName, numbers: ReadonlyArray<number>) =>
  Effect.flatMap(ofStream(stream), (events) =>
    Check.equal(`${did}: the numbers of the events now in the stream`, Fresh.numbers(events), numbers)
  )
