// A stream's history, in pages: some are asked for while the one before is folded.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventFilter from "../EventFilter.ts"
import type { Driver, EventStore, History, HistoryPage } from "../EventStore.ts"
import type * as Errors from "../EventStoreError.ts"
import * as Revision from "../Revision.ts"
import type { StreamName } from "../StreamName.ts"
import { decodePage, historyOf } from "./eventDecoding.ts"

// A page of a history is lean, so it holds more than one of a read. Of a long stream two come at a time: store and reader
// both work.
const pageSize = 1024
const atATime = 2

type PageOf = NonNullable<Driver["history"]>

/** A page that was asked for. */
interface Asked {
  readonly from: Revision.Revision
  readonly size: number
  readonly page: Effect.Effect<HistoryPage, Errors.EventStoreError>
  readonly drop: Effect.Effect<void>
}

/** A page of a history, made of a read. */
const ofRead =
  (driver: Driver): PageOf =>
  (stream, from, limit) =>
    Effect.flatMap(
      driver.read({
        filter: EventFilter.stream(stream),
        direction: "forwards",
        from: { _tag: "Revision", revision: from },
        limit,
        follows: false
      }),
      ({ done, events }) => {
        const page = decodePage(events)
        if (!Arr.isReadonlyArrayNonEmpty(page)) return Effect.succeed({ histories: [], endsAt: undefined })
        const histories = [historyOf(page)]
        const endsAt = done ? Effect.succeed(Arr.lastNonEmpty(page).revision) : driver.streamRevision(stream)
        return Effect.map(endsAt, (endsAt) => ({ histories, endsAt }))
      }
    )

/** Reads a stream from a revision on, up to where it ends when the first page is read. */
const read = (
  pageOf: PageOf,
  stream: StreamName,
  start: Revision.Revision,
  limit: number,
  scope: Scope.Scope
): Stream.Stream<History, Errors.EventStoreError> => {
  const first = Math.min(pageSize, limit)
  let next = Revision.make(start + first)
  let end = start + limit - 1
  let width = atATime
  let asked: Array<Asked> = []

  /** Asks for pages until enough of them are on their way. */
  const askAhead = Effect.fnUntraced(function* () {
    for (let missing = width - asked.length; missing > 0 && next <= end; missing--) {
      const size = Math.min(pageSize, end + 1 - next)
      const fiber = yield* Effect.forkIn(pageOf(stream, next, size), scope, { startImmediately: true })
      asked.push({ from: next, size, page: Fiber.join(fiber), drop: Fiber.interrupt(fiber) })
      next = Revision.make(next + size)
    }
  })

  const take = Effect.fnUntraced(function* ({ from, page, size }: Asked) {
    const { endsAt, histories } = yield* page
    if (from === start) end = Math.min(end, endsAt ?? -1)
    const read = histories.reduce((sum, { types }) => sum + types.length, 0)
    if (read < Math.min(size, end + 1 - from)) {
      // It came short: its events are large, and from here on nobody asks for many of them at a time.
      yield* Effect.forEach(asked, ({ drop }) => drop, { discard: true })
      asked = []
      width = 1
      next = Revision.make(from + read)
      // Where nothing is before the end, the store is not what it was.
      if (read === 0) end = -1
    }
    yield* askAhead()
    return [histories, Option.fromUndefinedOr(asked.shift())] as const
  })

  // In the fiber that waits for it: most streams need no other.
  return Stream.paginate({ from: start, size: first, page: pageOf(stream, start, first), drop: Effect.void }, take)
}

/** The histories of a driver. */
export const make = (driver: Driver): EventStore["Service"]["history"] => {
  const pageOf = driver.history ?? ofRead(driver)
  return (stream, { from = Revision.next(undefined), limit = Infinity } = {}) =>
    limit <= 0
      ? Stream.empty
      : Stream.unwrap(Effect.map(Effect.scope, (scope) => read(pageOf, stream, from, limit, scope)))
}
