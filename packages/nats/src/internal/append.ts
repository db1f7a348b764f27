// append: events become one message behind the last of their stream; conflict, repeat and lost answer are one question.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { EventId } from "evolvent/EventId"
import type { Appended, EncodedAppend, EncodedRecorded, Outcome } from "evolvent/EventStore"
import { isMet, repeats } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import { AppendTooLarge, because, InvalidRequest, Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import { isTombstone } from "evolvent/Tombstone"
import { RequestFailed } from "../NatsError.ts"
import { body, endOf, grown, headers, perMessage, tailOf } from "./eventMessage.ts"
import type { EventMessage, Tail } from "./eventMessage.ts"
import { asStoreError } from "./failures.ts"
import type { IdClaims } from "./idClaims.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import { isWrongLast, patiently } from "./jetstream.ts"
import type { Tails } from "./tails.ts"

/** What appends are made with. */
export interface Parts {
  readonly jetstream: JetStream
  readonly log: string
  readonly tails: Tails
  readonly claims: IdClaims
  readonly decode: (message: EventMessage) => ReadonlyArray<EncodedRecorded>
  /** The most bytes that a message may have, headers included, as the server says now. */
  readonly maxMessage: Effect.Effect<number>
}

type Ended = { readonly _tag: "Appended"; readonly result: Appended } | Exclude<Outcome, { readonly _tag: "Appended" }>

/** How often an append without an expectation tries again behind those that were faster. */
const tries = 1000

const underWay = (subject: string): RequestFailed =>
  new RequestFailed({ subject, why: "TimedOut", problem: "the servers are still storing what was sent before" })

const size = (text: string): number => Buffer.byteLength(text)

/** Why events cannot be one message, or undefined. */
export const sizeProblem = (
  { events, stream }: EncodedAppend,
  text: string,
  sent: ReadonlyArray<readonly [string, string]>,
  maxBytes: number
): AppendTooLarge | InvalidRequest | undefined => {
  if (events.length > perMessage) {
    const problem = `the append to ${stream} has ${events.length} events, and a message of NATS holds ${perMessage}`
    return new InvalidRequest({ problem })
  }
  // Headers take a line each, after a first line of their own; the expectation and a batch add theirs.
  const bytes = size(text) + sent.reduce((sum, [name, value]) => sum + name.length + size(value) + 4, 12) + 256
  return bytes <= maxBytes ? undefined : new AppendTooLarge({ stream, bytes, maxBytes })
}

/** Appends to one stream, in its turn. */
export const make = ({ claims, decode, jetstream, log, maxMessage, tails }: Parts) => {
  const failed = asStoreError("append")

  /** What is stored of ids that were given; or that the stream's end was looked up too early, or why they cannot be used. */
  const claimAll = Effect.fnUntraced(function* (
    one: EncodedAppend,
    subject: string,
    tail: Tail | undefined
  ): Effect.fn.Return<Ended | "stale" | undefined, Failure | EventStoreError> {
    const claimed = yield* Effect.forEach(one.events, ({ id }) => claims.claim(id, subject, tail?.sequence ?? 0), {
      concurrency: 64
    })
    const stored = new Map<EventId, EncodedRecorded>()
    let isStale = false
    for (const [i, claim] of claimed.entries()) {
      const id = one.events[i]?.id as EventId
      if (claim._tag === "Stored") for (const event of decode(claim.message)) stored.set(event.id, event)
      if (claim._tag === "Stale") isStale = true
      if (claim._tag === "Elsewhere") {
        const problem = "it was given for an append to another stream, which may still come through"
        return { _tag: "IdReused", index: 0, id, problem }
      }
    }
    const repeated = repeats([one], (id) => stored.get(id))
    if (Result.isFailure(repeated)) return repeated.failure
    const [result] = repeated.success
    return result === undefined ? (isStale ? "stale" : undefined) : { _tag: "Appended", result }
  })

  /** Whether the message behind a tail is the one that was sent. */
  const isMine = (message: EventMessage | undefined, one: EncodedAppend): boolean =>
    message?.header("Nats-Msg-Id") === one.events[0]?.id &&
    message !== undefined &&
    decode(message).every(({ id }, i) => id === one.events[i]?.id)

  /** Sends the message behind a tail; undefined where another message is there. */
  const send = Effect.fnUntraced(function* (
    one: EncodedAppend,
    subject: string,
    tail: Tail | undefined
  ): Effect.fn.Return<Ended | undefined, Failure | EventStoreError> {
    // Starting again from what is stored keeps the time from ever going back along a stream, whatever the clock does.
    const now = Math.max(yield* Clock.currentTimeMillis, tail?.recordedAt ?? 0)
    const text = body(one.events, tail, now)
    const sent = headers(one.events, tail)
    const problem = sizeProblem(one, text, sent, yield* maxMessage)
    if (problem !== undefined) return yield* because("EventStore.append", problem)
    const expected = tail?.sequence ?? 0

    const stored = (sequence: number): Ended => {
      const end = grown(tail, sequence, one.events, now)
      tails.set(subject, end)
      return { _tag: "Appended", result: { revision: end.revision, position: endOf(sequence), repeated: false } }
    }

    // The same bytes with the same expectation may be sent any number of times: one of them is stored at most.
    let times = 0
    const once = Effect.suspend(() => {
      times += 1
      const published = jetstream.publish(subject, text, sent, expected)
      if (times === 1) return published
      // A leader refuses by what its servers have yet to store, too: where nothing is there it may be this very message.
      return Effect.catchIf(published, isWrongLast, (error) =>
        Effect.flatMap(jetstream.next(log, subject, expected + 1), (behind) =>
          Effect.fail(behind === undefined ? underWay(subject) : error)
        )
      )
    })
    const answer = yield* Effect.result(patiently(once))
    if (Result.isSuccess(answer) && !answer.success.duplicate) return stored(answer.success.sequence)
    if (Result.isFailure(answer) && !isWrongLast(answer.failure)) {
      tails.forget(subject)
      return yield* answer.failure
    }
    tails.forget(subject)
    if (Result.isSuccess(answer)) {
      // The server knew the id, of this very message or of any other one, on any subject.
      const known = yield* jetstream.get(log, answer.success.sequence)
      if (known === undefined || known.subject !== subject || !isMine(known, one)) {
        const there = new Map(known === undefined ? [] : decode(known).map((event) => [event.id, event]))
        const repeated = repeats([one], (id) => there.get(id))
        if (Result.isFailure(repeated)) return repeated.failure
        const problem = `the server took the append to ${one.stream} for a repeat of message ${answer.success.sequence}`
        return yield* because("EventStore.append", new Unavailable({ problem }))
      }
      if (times > 1 || one.idsAreNew) return stored(known.sequence)
      const end = tailOf(known)
      const result = { revision: end.revision, position: endOf(known.sequence), repeated: true }
      return { _tag: "Appended", result }
    }
    if (times === 1 && one.idsAreNew) return undefined
    // An answer was lost, or somebody else had the same ids: whatever came behind the tail says which.
    const behind = yield* jetstream.next(log, subject, expected + 1)
    if (behind === undefined || !isMine(behind, one)) return undefined
    return times > 1 ? stored(behind.sequence) : undefined
  })

  return Effect.fnUntraced(
    function* (one: EncodedAppend, subject: string): Effect.fn.Return<Ended, Failure | EventStoreError> {
      const seen = one.events.length === 0 ? undefined : tails.seen(subject)
      let isFresh = seen === undefined
      let tail = seen === undefined ? yield* tails.fresh(subject) : seen.tail
      for (let i = 0; i < tries; i++) {
        // What is left of a stream stays its last, so that it is never seen too early.
        if (tail?.isRemoved === true && !one.events.some(isTombstone)) return { _tag: "Removed", index: 0 }
        if (!one.idsAreNew && one.events.length > 0) {
          const known = yield* claimAll(one, subject, tail)
          if (known === "stale") {
            tail = yield* tails.fresh(subject)
            isFresh = true
            continue
          }
          if (known !== undefined) return known
        }
        if (isMet(one.expected, tail?.revision)) {
          if (one.events.length === 0) {
            const result = { revision: tail?.revision, position: Position.beginning, repeated: false }
            return { _tag: "Appended", result }
          }
          const ended = yield* send(one, subject, tail)
          if (ended !== undefined) return ended
        } else if (isFresh) {
          return { _tag: "Conflict", index: 0, actual: tail?.revision }
        }
        tail = yield* tails.fresh(subject)
        isFresh = true
      }
      const problem = `stream ${one.stream} moved ${tries} times while one append to it was tried`
      return yield* because("EventStore.append", new Unavailable({ problem }))
    },
    Effect.mapError((error) => (error._tag === "EventStoreError" ? error : failed(error)))
  )
}

export type AppendOne = ReturnType<typeof make>
