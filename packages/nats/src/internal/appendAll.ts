// appendAll: appends to several streams as one atomic batch of messages; all of them are stored, or none is.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { EventId } from "evolvent/EventId"
import type { Appended, Driver, EncodedAppend, EncodedRecorded, Outcome } from "evolvent/EventStore"
import { isMet, repeats } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import { because, Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import { sizeProblem } from "./append.ts"
import type { Parts } from "./append.ts"
import * as atomicBatch from "./atomicBatch.ts"
import type { BatchMessage } from "./atomicBatch.ts"
import { body, endOf, grown, headers } from "./eventMessage.ts"
import type { Tail } from "./eventMessage.ts"
import { asStoreError } from "./failures.ts"
import type { Failure } from "./jetstream.ts"
import { isWrongLast } from "./jetstream.ts"
import type { make as makeTurns } from "./turns.ts"

const tries = 100

/** A batch was refused or lost: the server has too many open ones, or has thrown this one away. */
const isTransient = (error: Failure): boolean =>
  error.isRetryable || (error._tag === "ApiError" && (error.number === 10210 || error.number === 10176))

/** Appends to several streams, each in its turn. */
export const make = ({ claims, decode, jetstream, log, maxMessage, tails }: Parts) => {
  const failed = asStoreError("appendAll")

  const known = Effect.fnUntraced(function* (
    appends: ReadonlyArray<EncodedAppend>,
    subjects: ReadonlyArray<string>,
    ends: ReadonlyArray<Tail | undefined>
  ): Effect.fn.Return<Exclude<Outcome, { readonly _tag: "Conflict" }> | "stale" | undefined, Failure> {
    const stored = new Map<EventId, EncodedRecorded>()
    let isStale = false
    for (const [index, { events, idsAreNew }] of appends.entries()) {
      if (idsAreNew) continue
      for (const { id } of events) {
        const claim = yield* claims.claim(id, subjects[index] ?? "", ends[index]?.sequence ?? 0)
        if (claim._tag === "Stored") for (const event of decode(claim.message)) stored.set(event.id, event)
        if (claim._tag === "Stale") isStale = true
        if (claim._tag === "Elsewhere") {
          const problem = "it was given for an append to another stream, which may still come through"
          return { _tag: "IdReused", index, id, problem }
        }
      }
    }
    const repeated = repeats(appends, (id) => stored.get(id))
    if (Result.isFailure(repeated)) return repeated.failure
    const results = repeated.success.flatMap((one) => one ?? [])
    if (results.length === 0) return isStale ? "stale" : undefined
    // Those that bring no events are where they were.
    return {
      _tag: "Appended",
      results: repeated.success.map(
        (one, i): Appended => one ?? { revision: ends[i]?.revision, position: Position.beginning, repeated: false }
      )
    }
  })

  /** Sends the batch until it is known what became of it; undefined where a stream had moved. */
  const send = Effect.fnUntraced(function* (
    appends: ReadonlyArray<EncodedAppend>,
    subjects: ReadonlyArray<string>,
    ends: ReadonlyArray<Tail | undefined>
  ): Effect.fn.Return<ReadonlyArray<Appended> | undefined, Failure | EventStoreError> {
    const clock = yield* Clock.currentTimeMillis
    const max = yield* maxMessage
    const batch: Array<BatchMessage> = []
    const places: Array<{ readonly i: number; readonly now: number }> = []
    for (const [i, one] of appends.entries()) {
      if (one.events.length === 0) continue
      const now = Math.max(clock, ends[i]?.recordedAt ?? 0)
      const message = {
        subject: subjects[i] ?? "",
        body: body(one.events, ends[i], now),
        headers: headers(one.events, ends[i]),
        expectedLast: ends[i]?.sequence ?? 0
      }
      const problem = sizeProblem(one, message.body, message.headers, max)
      if (problem !== undefined) return yield* because("EventStore.appendAll", problem)
      batch.push(message)
      places.push({ i, now })
    }

    const stored = (first: number): ReadonlyArray<Appended> => {
      const sequences = new Map(places.map(({ i, now }, n) => [i, { now, sequence: first + n }]))
      return appends.map((one, i): Appended => {
        const place = sequences.get(i)
        if (place === undefined) return { revision: ends[i]?.revision, position: Position.beginning, repeated: false }
        const end = grown(ends[i], place.sequence, one.events, place.now)
        tails.set(subjects[i] ?? "", end)
        return { revision: end.revision, position: endOf(place.sequence), repeated: false }
      })
    }

    const [first] = batch
    if (first === undefined) return stored(0)
    let wasLost = false
    for (let i = 0; i < tries; i++) {
      const answer = yield* Effect.result(atomicBatch.publish(jetstream, batch))
      if (Result.isSuccess(answer)) return stored(answer.success)
      const error = answer.failure
      // A known id is one of ours, from a batch whose answer was lost, or somebody else's: the stream says which.
      if (isWrongLast(error) || (error._tag === "ApiError" && error.number === 10201)) {
        if (!wasLost && isWrongLast(error)) return undefined
        const behind = yield* Effect.forEach(
          batch,
          ({ expectedLast, subject }) => jetstream.next(log, subject, expectedLast + 1),
          { concurrency: 16 }
        )
        const at = behind.findIndex((message) => message !== undefined)
        const id = appends[places[at]?.i ?? 0]?.events[0]?.id
        if (at >= 0 && behind[at]?.header("Nats-Msg-Id") === id) return stored((behind[at]?.sequence ?? 0) - at)
        // A leader refuses by what its servers have yet to store, too: where nothing is there it may be this very batch.
        if (at >= 0 || !wasLost) return undefined
        yield* Effect.sleep(20 + Math.random() * 20 * i)
        continue
      }
      if (!isTransient(error)) return yield* error
      wasLost ||= error._tag === "RequestFailed" && error.why === "TimedOut"
      yield* Effect.sleep(20 + Math.random() * 20 * i)
    }
    return yield* because("EventStore.appendAll", new Unavailable({ problem: "the server takes no more batches now" }))
  })

  const all = Effect.fnUntraced(
    function* (
      appends: ReadonlyArray<EncodedAppend>,
      subjects: ReadonlyArray<string>
    ): Effect.fn.Return<Outcome, Failure | EventStoreError> {
      for (let i = 0; i < tries; i++) {
        // One of several streams is stale easily, and a batch costs far more than a look.
        const ends = yield* Effect.forEach(subjects, (subject) => tails.fresh(subject), { concurrency: 16 })
        const before = yield* known(appends, subjects, ends)
        if (before === "stale") continue
        if (before !== undefined) return before
        const removed = ends.findIndex((end) => end?.isRemoved === true)
        if (removed >= 0) return { _tag: "Removed", index: removed }
        const index = appends.findIndex((one, at) => !isMet(one.expected, ends[at]?.revision))
        if (index >= 0) return { _tag: "Conflict", index, actual: ends[index]?.revision }
        const results = yield* send(appends, subjects, ends)
        if (results !== undefined) return { _tag: "Appended", results }
        for (const subject of subjects) tails.forget(subject)
      }
      const problem = `its streams moved ${tries} times while it was tried`
      return yield* because("EventStore.appendAll", new Unavailable({ problem }))
    },
    Effect.mapError((error) => (error._tag === "EventStoreError" ? error : failed(error)))
  )

  return (
    appends: ReadonlyArray<EncodedAppend>,
    subjects: ReadonlyArray<string>,
    inTurn: ReturnType<typeof makeTurns>
  ): ReturnType<Driver["append"]> =>
    // In the order of their names, so that two of them do not wait for each other.
    [...subjects].sort().reduceRight((effect, subject) => inTurn(subject, effect), all(appends, subjects))
}
