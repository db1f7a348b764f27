// between: the events of a part of the log, from one place to another, both included; a place is a position or a time.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import type { ReadOptions } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Position } from "../Position.ts"

/** A place in the log. */
export type Place =
  | { readonly position: Position; readonly time?: never }
  | { readonly time: DateTime.Utc; readonly position?: never }

/** A part of the log: from the beginning and up to what is stored now, unless said. */
export interface Range {
  /** From this place on, included. */
  readonly from?: Place
  /** Up to this place, included. */
  readonly to?: Place
}

type Direction = NonNullable<ReadOptions["direction"]>

/**
 * The events of a filter between two places, in either direction.
 *
 * With a time exactly those that were recorded then or later, or earlier. Positions nearly follow time, but not quite:
 * clocks are set, and transactions end late. So what is behind the last event of that time is not read, and what lies
 * before it is looked at one by one.
 */
export const between = (
  filter: EventFilter.EventFilter,
  { from, to }: Range,
  direction: Direction = "forwards"
): Stream.Stream<Recorded, EventStoreError, EventStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const store = yield* EventStore
      const [start, end] = direction === "forwards" ? [from, to] : [to, from]
      const last = end?.time === undefined ? end?.position : yield* lastOf(store, end.time, direction)
      if (end !== undefined && last === undefined) return Stream.empty
      const events = store.read(filter, start === undefined ? { direction } : { direction, from: start })
      const ended = last === undefined ? events : Stream.takeWhile(events, notBehind(last, direction))
      return from?.time === undefined && to?.time === undefined ? ended : Stream.filter(ended, recordedWithin(from, to))
    })
  )

/** The position of the last event, in a direction, that lies within a time; undefined where there is none. */
const lastOf = (store: EventStore["Service"], time: DateTime.Utc, direction: Direction) => {
  const back = direction === "forwards" ? "backwards" : "forwards"
  // Of all events, for that is found at once, wherever those of the filter are.
  const found = store.read(EventFilter.all({ system: true }), { direction: back, from: { time }, limit: 1 })
  return Effect.map(Stream.runHead(found), (event) => Option.getOrUndefined(event)?.position)
}

const notBehind =
  (last: Position, direction: Direction) =>
  ({ position }: Recorded): boolean =>
    direction === "forwards" ? position <= last : position >= last

const recordedWithin = (from: Place | undefined, to: Place | undefined) => {
  const least = from?.time === undefined ? -Infinity : DateTime.toEpochMillis(from.time)
  const most = to?.time === undefined ? Infinity : DateTime.toEpochMillis(to.time)
  return ({ recordedAt }: Recorded): boolean => {
    const millis = DateTime.toEpochMillis(recordedAt)
    return millis >= least && millis <= most
  }
}
