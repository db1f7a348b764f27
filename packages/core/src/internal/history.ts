// A stream's history, in pages: some are asked for while the one before is folded.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as EventFilter from "../EventFilter.ts"
import type { Driver, EventStore, History, HistoryPage } from "../EventStore.ts"
import type * as Errors from "../EventStoreError.ts"
import * as Revision from "../Revision.ts"
import type { StreamName } from "../StreamName.ts"
import { decodePage, historyOf } from "./eventDecoding.ts"
import * as spans from "./spans.ts"

// A page of a history is lean, so it holds more than one of a read. Of a long stream two come at a time, and larger ones:
// store and reader both work.
const firstPage = 1024
const laterPage = 2048
const atATime = 2

type PageOf = NonNullable<Driver["history"]>

/** Takes events of a history, and says whether it wants more of them. */
type Take<E, R> = (history: History) => Effect.Effect<boolean, E, R>

/** What is to be read: from a revision on, up to another, whether that exists or not. */
interface Range {
  readonly stream: StreamName
  readonly from: Revision.Revision
  readonly to: number
}

/** A page that was asked for. */
interface Asked {
  readonly from: Revision.Revision
  readonly size: number
  readonly page: Fiber.Fiber<HistoryPage, Errors.EventStoreError>
}

/** A page of a history, made of a read. */
const ofRead =
  (driver: Driver): PageOf =>
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
        if (!Arr.isReadonlyArrayNonEmpty(page)) return { histories: [], endsAt: undefined }
        return { histories: [historyOf(page)], endsAt: done ? Arr.lastNonEmpty(page).revision : undefined }
      }
    )

const countOf = ({ histories }: HistoryPage): number => histories.reduce((sum, { types }) => sum + types.length, 0)

/** Whether a page begins behind where it was asked for: the stream was removed, and this is its tombstone. */
const isTorn = ({ histories: [first] }: HistoryPage, from: Revision.Revision): boolean =>
  first !== undefined && first.revision !== from

/** Gives what is on a page, until enough was taken. */
const give = <E, R>({ histories }: HistoryPage, take: Take<E, R>): Effect.Effect<boolean, E, R> => {
  const from = (i: number): Effect.Effect<boolean, E, R> => {
    const history = histories[i]
    if (history === undefined) return Effect.succeed(true)
    return Effect.flatMap(take(history), (goesOn) => (goesOn ? from(i + 1) : Effect.succeed(false)))
  }
  return from(0)
}

/** Gives a first page, and then what lies in the range behind it. */
const giveAll = <E, R>(pageOf: PageOf, first: HistoryPage, { from, stream, to }: Range, take: Take<E, R>) =>
  Effect.scopedWith(
    Effect.fnUntraced(function* (scope) {
      let next = from
      let end = first.endsAt === undefined ? undefined : Math.min(to, first.endsAt)
      let width = atATime
      let asked: Array<Asked> = []

      /** Asks for pages until enough of them are on their way; for one only where more may lie behind the end. */
      const askAhead = Effect.fnUntraced(function* () {
        while (asked.length < (end === undefined ? 1 : width) && next <= (end ?? to)) {
          const size = Math.min(laterPage, (end ?? to) + 1 - next)
          const page = yield* Effect.forkIn(pageOf(stream, next, size), scope, { startImmediately: true })
          asked.push({ from: next, size, page })
          next = Revision.make(next + size)
        }
      })

      yield* askAhead()
      let goesOn = yield* give(first, take)
      for (let one = asked.shift(); goesOn && one !== undefined; one = asked.shift()) {
        const page = yield* Fiber.join(one.page)
        const count = countOf(page)
        // Where nothing is before the end, the store is not what it was.
        if (count === 0) return
        if (isTorn(page, one.from)) return void (yield* give(page, take))
        if (end === undefined && page.endsAt !== undefined) end = Math.min(to, page.endsAt)
        if (count < Math.min(one.size, (end ?? to) + 1 - one.from)) {
          // It came short: its events are large, and from here on nobody asks for many of them at a time.
          yield* Fiber.interruptAll(asked.map(({ page }) => page))
          asked = []
          width = 1
          next = Revision.make(one.from + count)
        }
        yield* askAhead()
        goesOn = yield* give(page, take)
      }
    })
  )

/** The histories of a driver. */
export const make = (driver: Driver): EventStore["Service"]["history"] => {
  const pageOf = driver.history ?? ofRead(driver)
  return (stream, take, { from = Revision.next(undefined), limit = Infinity } = {}) => {
    if (limit <= 0) return Effect.void
    // In the fiber that waits for it: most streams are no longer.
    const begin = Effect.flatMap(pageOf(stream, from, Math.min(firstPage, limit)), (first) => {
      const to = from + limit - 1
      const next = Revision.make(from + countOf(first))
      return isTorn(first, from) || next === from || next > Math.min(to, first.endsAt ?? to)
        ? Effect.asVoid(give(first, take))
        : giveAll(pageOf, first, { stream, from: next, to }, take)
    })
    return spans.read(EventFilter.stream(stream), begin)
  }
}
