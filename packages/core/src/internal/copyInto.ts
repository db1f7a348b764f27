// copyInto: events behind those of a store that are the same, page by page; a page of which nobody knows is looked for.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { EventFilter } from "../EventFilter.ts"
import type { EncodedRecorded, EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import * as contentDigest from "./contentDigest.ts"
import { CopyRefused } from "./copyRefused.ts"
import { ofStore } from "./storeDigest.ts"

/** How many events are stored at once, and how many characters of their texts. */
const pageSize = 1000
const pageChars = 4_000_000

// Of a page that did not go through, or whose answer was lost.
const tries = 10

const refused = (reason: CopyRefused["reason"], problem: string) => new CopyRefused({ reason, problem })

const inWords = ({ id, revision, stream, type }: EncodedRecorded): string =>
  `"${type}" at revision ${revision} of stream ${stream} (${id})`

/** Puts pages of events into a store, each behind the last one. */
const pagesInto = (target: EventStore["Service"], filter: EventFilter) => {
  // How far the store is known to hold what was given, and where its log ends.
  let [known, end] = [Position.beginning, Position.beginning]
  let count = 0
  // While the store may hold more of what comes: what was copied before, or what of a page was stored without an answer.
  let isMeeting = true

  const behind = (limit: number) =>
    Stream.runCollect(target.readEncoded(filter, { from: { position: Position.make(known + 1) }, limit }))

  /** What is left of events when those are gone that the store has. */
  const meet = Effect.fnUntraced(function* (events: ReadonlyArray<EncodedRecorded>) {
    end = yield* target.head
    const there = yield* behind(events.length)
    for (const [i, event] of there.entries()) {
      const coming = events[i]
      if (coming !== undefined && contentDigest.isSame(event, coming)) {
        known = event.position
        count += 1
        continue
      }
      const expected = coming === undefined ? "" : `, where ${inWords(coming)} is to be`
      const problem = `the event at position ${event.position} of the store is ${inWords(event)}${expected}`
      return yield* refused("diverged", problem)
    }
    isMeeting = there.length === events.length
    return events.slice(there.length)
  })

  const put = Effect.fnUntraced(function* (
    page: ReadonlyArray<EncodedRecorded>
  ): Effect.fn.Return<void, CopyRefused | EventStoreError> {
    let left = page
    for (let i = 0; ; i++) {
      if (isMeeting) left = yield* meet(left)
      if (left.length === 0) return
      const answer = yield* Effect.result(target.importEncoded({ events: left, behind: end }))
      if (Result.isSuccess(answer)) {
        const outcome = answer.success
        if (outcome._tag === "Imported") {
          known = end = outcome.last
          count += left.length
          return
        }
        if (outcome._tag === "Misplaced") {
          const event = left[outcome.index] as EncodedRecorded
          return yield* refused("misplaced", `${inWords(event)} cannot be stored: ${outcome.problem}`)
        }
        if (i >= tries) return yield* refused("moved", `somebody else has appended to it ${tries} times`)
      } else if (!answer.failure.isRetryable || i >= tries) return yield* answer.failure
      isMeeting = true
      yield* Effect.sleep(Math.min(Result.isSuccess(answer) ? 200 : 2000, 10 * 2 ** i))
    }
  })

  /** Fails where the store holds more than was given. */
  const isAll = Effect.flatMap(
    Effect.suspend(() => behind(1)),
    ([more]) =>
      more === undefined
        ? Effect.void
        : Effect.fail(
            refused(
              "diverged",
              `behind the ${count} events that were to be copied it holds ${inWords(more)} at position ${more.position}`
            )
          )
  )
  return { put, isAll }
}

/** Cuts what comes in chunks of any size into pages that one call takes. */
const paged = (put: (page: ReadonlyArray<EncodedRecorded>) => Effect.Effect<void, CopyRefused | EventStoreError>) => {
  let page: Array<EncodedRecorded> = []
  let chars = 0
  const flush = Effect.suspend(() => {
    const full = page
    page = []
    chars = 0
    return full.length === 0 ? Effect.void : put(full)
  })
  return {
    add: Effect.fnUntraced(function* (events: ReadonlyArray<EncodedRecorded>) {
      for (const event of events) {
        const size = event.data.length + event.metadata.length
        if (page.length >= pageSize || (page.length > 0 && chars + size > pageChars)) yield* flush
        page.push(event)
        chars += size
      }
    }),
    flush
  }
}

/** Copies events into a store, and gives their hash; what the store holds is read back and has it, too. */
export const copyInto = Effect.fnUntraced(function* <E, R>(
  target: EventStore["Service"],
  filter: EventFilter,
  events: Stream.Stream<EncodedRecorded, E, R>,
  tell: {
    readonly copied: (last: EncodedRecorded, count: number) => Effect.Effect<unknown>
    readonly verifying: Effect.Effect<unknown>
  }
): Effect.fn.Return<{ readonly events: number; readonly digest: string }, E | CopyRefused | EventStoreError, R> {
  const digest = contentDigest.make()
  const { isAll, put } = pagesInto(target, filter)
  const { add, flush } = paged((page) =>
    Effect.gen(function* () {
      yield* put(page)
      yield* digest.add(page)
      if (Arr.isReadonlyArrayNonEmpty(page)) yield* tell.copied(Arr.lastNonEmpty(page), digest.count())
    })
  )
  yield* Stream.runForEachArray(events, add)
  yield* flush
  yield* isAll
  const given = { events: digest.count(), digest: yield* digest.value }
  yield* tell.verifying
  const found = yield* ofStore(target, filter)
  if (found.events === given.events && found.digest === given.digest) return given
  const problem =
    found.events === given.events
      ? `its ${found.events} events have the hash ${found.digest}, and those that were copied ${given.digest}`
      : `it holds ${found.events} events, and ${given.events} were copied`
  return yield* refused("differs", problem)
})
