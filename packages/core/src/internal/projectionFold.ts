// Folds stored events into the rows of a projection: all at once, or as a stream of changes.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Position } from "../Position.ts"
import type { Projection } from "../Projection.ts"
import type { Tagged } from "./eventCodec.ts"
import { undecodable } from "./load.ts"
import * as todaysEvents from "./todaysEvents.ts"

/** A change of one row: what it is after the event at `position`, undefined when that removed it. */
export interface Change<Row> {
  readonly key: string
  readonly row: Row | undefined
  readonly position: Position
}

type Source<E, R> = Iterable<Recorded> | Stream.Stream<Recorded, E, R>

const toStream = <E, R>(source: Source<E, R>): Stream.Stream<Recorded, E, R> =>
  Stream.isStream(source) ? source : Stream.fromIterable(source)

/**
 * The read model that a projection makes of stored events: rows by key.
 *
 * The events may be any Iterable or Stream, most often `store.read(projection.filter)`; those that the projection does
 * not handle are passed over. This is what a read model means: whatever `Processor.projection` keeps equals it. With
 * `from` it goes on from rows that earlier events gave.
 */
export const fold = <Name extends string, Row, Index extends string, E = never, R = never>(
  projection: Projection<Name, Row, Index>,
  events: Source<E, R>,
  from?: ReadonlyMap<string, NoInfer<Row>>
): Effect.Effect<ReadonlyMap<string, Row>, E | EventStoreError, R> =>
  Effect.suspend(() => {
    const rows = new Map<string, Row>(from)
    const change = applier(projection, (key) => rows.get(key))
    return Stream.runForEachArray(toStream(events), (page) => {
      for (const event of page) {
        const failure = change(event, (key, row) => {
          if (row === undefined) rows.delete(key)
          else rows.set(key, row)
        })
        if (failure !== undefined) return Effect.fail(failure)
      }
      return Effect.void
    }).pipe(Effect.as(rows))
  })

/** The changes that stored events make to a read model, in order: rows as they become, and as they go. */
export const scan = <Name extends string, Row, Index extends string, E = never, R = never>(
  projection: Projection<Name, Row, Index>,
  events: Source<E, R>
): Stream.Stream<Change<Row>, E | EventStoreError, R> =>
  Stream.suspend(() => {
    const rows = new Map<string, Row>()
    const change = applier(projection, (key) => rows.get(key))
    const changesOf = (page: ReadonlyArray<Recorded>): Effect.Effect<ReadonlyArray<Change<Row>>, EventStoreError> => {
      const changes: Array<Change<Row>> = []
      for (const event of page) {
        const failure = change(event, (key, row) => {
          const before = rows.get(key)
          if (row === undefined) rows.delete(key)
          else rows.set(key, row)
          if (before !== row) changes.push({ key, row, position: event.position })
        })
        if (failure !== undefined) return Effect.fail(failure)
      }
      return Effect.succeed(changes)
    }
    return Stream.chunks(toStream(events)).pipe(Stream.mapEffect(changesOf), Stream.flattenIterable)
  })

/** What one stored event does: decoded once, handed to the row of each of its keys. Gives the error of what cannot be decoded. */
export const applier = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  current: (key: string) => Row | undefined
) => {
  const handles = EventFilter.predicate(projection.filter)
  const decode = decoder(projection)
  return (event: Recorded, set: (key: string, row: Row | undefined) => void): EventStoreError | undefined => {
    if (!handles(event)) return undefined
    const decoded = decode(event)
    if (Result.isFailure(decoded)) return decoded.failure
    for (const today of decoded.success) {
      for (const key of projection.keys(today)) set(key, projection.step(current(key), today))
    }
    return undefined
  }
}

/** Decodes the events of a projection's sources to those of today that it handles. */
export const decoder = ({
  from,
  handles,
  name,
  removals
}: Pick<Projection<string, unknown, string>, "from" | "handles" | "name" | "removals">) => {
  const decode = todaysEvents.decoder(
    from.map((aggregate, i) => ({ aggregate, types: [...(handles[i]?.types ?? []), ...removals] }))
  )
  return (event: Recorded): Result.Result<ReadonlyArray<Recorded<Tagged>>, EventStoreError> => {
    const decoded = decode(event)
    return Result.isSuccess(decoded)
      ? Result.succeed(decoded.success)
      : Result.fail(undecodable(`Projection "${name}"`, event, decoded.failure))
  }
}
