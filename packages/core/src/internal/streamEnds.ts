// streamEnds: where the streams of a copy end, whether they are whole, and reading on until nothing of them went missing.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "../EventFilter.ts"
import type { EncodedRecorded, EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Position } from "../Position.ts"
import * as StreamName from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import { mayBegin } from "./importing.ts"

/** Where the last event of a stream stands. */
export interface End extends Pick<EncodedRecorded, "revision" | "position" | "recordedAt"> {
  /** Whether all events before it are there. */
  readonly isWhole: boolean
}

/** The ends of the streams of a copy, as far as it was read. */
export type Ends = Map<StreamName.StreamName, End>

/** Why an event cannot stand behind what a copy has of its stream before it, or undefined. */
const problemOf = (event: EncodedRecorded, last: End | undefined, mayHaveHoles: boolean): string | undefined => {
  const { category, recordedAt, revision, stream, type } = event
  if (last === undefined) return mayBegin(event) ? undefined : `stream ${stream} begins at revision ${revision}`
  // What was appended since the copy was made before went with the removal.
  const isLeft = Tombstone.isTombstone({ type }) && revision > last.revision
  if (revision !== last.revision + 1 && !(mayHaveHoles && isLeft)) {
    return `revision ${revision} of stream ${stream} comes behind ${last.revision}`
  }
  if (!last.isWhole && !isLeft && !StreamName.isSystemCategory(category)) {
    return `stream ${stream} goes on at revision ${revision}, and events before that are missing: they came back since`
  }
  return recordedAt < last.recordedAt
    ? `revision ${revision} of stream ${stream} was recorded before the one that it comes behind`
    : undefined
}

/** Takes an event of a copy into account; why it cannot be one, or undefined. */
export const take = (ends: Ends, event: EncodedRecorded, mayHaveHoles = true): string | undefined => {
  const last = ends.get(event.stream)
  const problem = problemOf(event, last, mayHaveHoles)
  if (problem !== undefined) return problem
  const { position, recordedAt, revision } = event
  const isWhole = revision === 0 || (last?.isWhole === true && revision === last.revision + 1)
  ends.set(event.stream, { position, recordedAt, revision, isWhole })
  return undefined
}

const tombstonesOf = (filter: EventFilter.EventFilter): EventFilter.EventFilter =>
  filter._tag === "Categories"
    ? { ...filter, categories: filter.categories.map(({ category }) => ({ category, types: Tombstone.types })) }
    : { ...filter, types: Tombstone.types }

/** A stream that was removed before all of it was read: its tombstone's revision stands further behind than it should. */
interface Torn {
  readonly stream: StreamName.StreamName
  readonly revision: number
}

const tornOf = (
  store: EventStore["Service"],
  filter: EventFilter.EventFilter,
  ends: Ends
): Effect.Effect<ReadonlyArray<Torn>, EventStoreError> =>
  Stream.runCollect(
    Stream.filter(store.readEncoded(tombstonesOf(filter)), ({ revision, stream }) => {
      const end = ends.get(stream)
      return end !== undefined && end.revision < revision - 1
    })
  )

/** How the events of a copy are read. */
export interface Reading<E> {
  readonly store: EventStore["Service"]
  readonly filter: EventFilter.EventFilter
  /** Of the streams of which the copy has events already. */
  readonly ends: Ends
  readonly after: Position
  readonly read: (after: Position) => Stream.Stream<EncodedRecorded, E | EventStoreError>
  readonly fail: (problem: string) => Effect.Effect<never, E>
  /** Whether a tombstone may stand for what is missing before it; else a copy that needs one fails. */
  readonly mayHaveHoles: boolean
  /** Whether the copy ends before the store does: then a stream that is there is not torn. */
  readonly isPart?: boolean
}

/**
 * The events that a store has behind a position, read until no stream is left of which the tombstone is still to come.
 *
 * A read ends where the log ended when it began: of a stream that is removed meanwhile it gives what it came to, and nothing
 * says so but the tombstone behind its end.
 */
export const untilWhole = <E>({
  after,
  ends,
  fail,
  filter,
  isPart = false,
  mayHaveHoles,
  read,
  store
}: Reading<E>): Stream.Stream<EncodedRecorded, E | EventStoreError> => {
  let last = after
  const isGone = ({ stream }: Torn) =>
    Effect.map(
      Stream.runCollect(store.readEncoded(EventFilter.stream(stream), { limit: 1 })),
      ([first]) => !isPart || first?.revision !== 0
    )
  const onePass = Stream.suspend(() =>
    Stream.mapArrayEffect(read(last), (events) =>
      Effect.suspend(() => {
        for (const event of events) {
          const problem = take(ends, event, mayHaveHoles)
          if (problem !== undefined) return fail(problem)
          last = event.position
        }
        return Effect.succeed(events)
      })
    )
  )
  const rest = (before: number): Stream.Stream<EncodedRecorded, E | EventStoreError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const [first] = yield* Effect.filter(yield* tornOf(store, filter, ends), isGone)
        if (first === undefined) return Stream.empty
        const end = ends.get(first.stream)?.revision
        const problem = `stream ${first.stream} was removed at revision ${first.revision} while it was copied, and ends at ${end}`
        if (!mayHaveHoles || last === before) return yield* fail(problem)
        const now = last
        return Stream.concat(
          onePass,
          Stream.suspend(() => rest(now))
        )
      })
    )
  return Stream.concat(
    onePass,
    Stream.suspend(() => rest(-1))
  )
}
