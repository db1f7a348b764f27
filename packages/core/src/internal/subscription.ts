// A subscription: reads what comes after a cursor, then follows; goes on where it was when a connection was lost.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Driver, EncodedRecorded, EventStore, Page } from "../EventStore.ts"
import * as Errors from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import * as Tombstone from "../Tombstone.ts"
import { decodePage } from "./eventDecoding.ts"
import { lastOf } from "./removal.ts"

/** How many events one page holds. */
const pageSize = 500

// A lost server comes back within seconds or minutes; a subscription waits for it as long as it takes.
const reconnect = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

/** How far a subscription has come: the position, and the last event that it gave. */
interface Cursor {
  after: Position.Position
  last: EncodedRecorded | undefined
}

/** The subscriptions of a driver. */
export const make =
  (driver: Driver): EventStore["Service"]["subscribe"] =>
  (filter, options = {}) => {
    /** Whether an event that was seen and is not there any more was removed: as an old message, or with its stream. */
    const isRemoved = ({
      category,
      position,
      stream
    }: EncodedRecorded): Effect.Effect<boolean, Errors.EventStoreError> =>
      category === "$bus"
        ? Effect.succeed(true)
        : Effect.map(lastOf(driver, stream), (last) => {
            return last !== undefined && last.position > position && Tombstone.isTombstone(last)
          })
    // Shared by the attempts of one subscription, so that a reconnect goes on where it was.
    const follow = Effect.fnUntraced(function* (cursor: Cursor) {
      // Listen first, then read: what is appended in between wakes the next wait.
      const woken = driver.follow === undefined ? yield* driver.listen : Effect.void
      const refuse = Effect.flatMap(driver.newest, (head) =>
        Effect.fail(
          Errors.because("EventStore.subscribe", new Errors.CheckpointAheadOfStore({ after: cursor.after, head }))
        )
      )
      const refuseIfAhead = Effect.flatMap(driver.newest, (head) => (cursor.after <= head ? Effect.void : refuse))
      if (cursor.after > Position.beginning) yield* refuseIfAhead
      // Behind a connection that was lost there may be an older copy of the store that has grown since: what stands where
      // this subscription saw its last event must be that event. Where messages were removed since, nothing stands there.
      if (cursor.last !== undefined) {
        const from = { _tag: "Position", position: cursor.last.position } as const
        const { events } = yield* driver.read({ filter, direction: "forwards", from, limit: 1, follows: true })
        const [there] = events
        const isOther = there !== undefined && there.id !== cursor.last.id
        if (isOther && (there.position === cursor.last.position || !(yield* isRemoved(cursor.last))))
          return yield* refuse
      }
      const wait = Duration.isFinite(Duration.fromInputUnsafe(driver.pollInterval))
        ? Effect.asVoid(Effect.timeoutOption(woken, driver.pollInterval))
        : woken
      const scope = yield* Effect.scope
      const fetch =
        driver.follow === undefined
          ? Effect.suspend(() =>
              driver.read({
                filter,
                direction: "forwards",
                from: { _tag: "Position", position: Position.make(cursor.after + 1) },
                limit: pageSize,
                follows: true
              })
            )
          : yield* driver.follow(filter, cursor.after)
      // What comes next: at first and behind a full page at once, at the end of the log after a wake-up.
      let coming = fetch
      const next: Effect.Effect<Page, Errors.EventStoreError> = Effect.suspend(() =>
        Effect.flatMap(coming, (page) => {
          coming = page.done ? Effect.andThen(wait, fetch) : fetch
          if (page.through === cursor.after) return next
          // The reader is ahead: of an append that is not through yet, or of a store that went back while it waited.
          if (page.through < cursor.after) return Effect.andThen(refuseIfAhead, next)
          cursor.after = page.through
          cursor.last = page.events.at(-1) ?? cursor.last
          const decoded = Effect.sync(() => ({ events: decodePage(page.events), through: page.through }))
          if (page.done) return decoded
          // The next page is on its way while this one is worked on.
          return Effect.flatMap(Effect.forkIn(fetch, scope, { startImmediately: true }), (fiber) => {
            coming = Fiber.join(fiber)
            return decoded
          })
        })
      )
      return Stream.fromEffectRepeat(next)
    })
    return Stream.suspend(() => {
      const cursor: Cursor = { after: options.after ?? Position.beginning, last: undefined }
      return Stream.unwrap(follow(cursor)).pipe(
        Stream.retry(
          Schedule.while(Schedule.setInputType<Errors.EventStoreError>()(reconnect), ({ input }) => input.isRetryable)
        )
      )
    })
  }
