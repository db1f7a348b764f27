// A stream's history, in pages: each is asked for while the one before is folded.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as EventFilter from "../EventFilter.ts"
import type { Driver, EventStore, History } from "../EventStore.ts"
import type * as Errors from "../EventStoreError.ts"
import * as Revision from "../Revision.ts"
import { decodePage, historyOf } from "./eventDecoding.ts"
import { pages } from "./readAhead.ts"
import type { Step } from "./readAhead.ts"

/** How many events one page holds: more than a page of a read, since it is lean. */
const historySize = 1024

/** What is left to read of a stream. */
interface Remaining {
  readonly from: Revision.Revision
  readonly left: number
  readonly end: Revision.Revision | undefined
  readonly isFirst: boolean
}

/** A page of a history, made of a read. */
const ofRead =
  (driver: Driver): NonNullable<Driver["history"]> =>
  (stream, from, limit) =>
    Effect.map(
      driver.read({
        filter: EventFilter.stream(stream),
        direction: "forwards",
        from: { _tag: "Revision", revision: from },
        limit,
        follows: false
      }),
      ({ done, events }) => {
        const page = decodePage(events)
        return { history: Arr.isReadonlyArrayNonEmpty(page) ? historyOf(page) : undefined, done }
      }
    )

/** The histories of a driver. */
export const make = (driver: Driver): EventStore["Service"]["history"] => {
  const pageOf = driver.history ?? ofRead(driver)
  return (stream, options = {}) => {
    const { from = Revision.next(undefined), limit = Infinity } = options
    if (limit <= 0) return Stream.empty
    const fetch = Effect.fnUntraced(function* ({
      end,
      from,
      isFirst,
      left
    }: Remaining): Effect.fn.Return<Step<History, Remaining>, Errors.EventStoreError> {
      const size = Math.min(left, historySize)
      const bounds = end === undefined && !isFirst
      const [page, last] = yield* Effect.all(
        [pageOf(stream, from, size), bounds ? driver.streamRevision(stream) : Effect.succeed(end)],
        { concurrency: 2 }
      )
      const { done, history } = page
      if (history === undefined) return [[], Option.none()]
      const { length } = history.types
      const next = Revision.make(from + length)
      const isLast = done || left <= length || (last !== undefined && next > last)
      if (isLast) return [[history], Option.none()]
      return [[history], Option.some({ from: next, left: left - length, end: last, isFirst: false })]
    })
    return pages({ from, left: limit, end: undefined, isFirst: true }, fetch)
  }
}
