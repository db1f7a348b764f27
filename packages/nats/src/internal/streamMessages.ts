// streamMessages: the messages of one stream, from a revision on or back from its end; a few by number, many by a feed.
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { RequestFailed } from "../NatsError.ts"
import type { EventMessage } from "./eventMessage.ts"
import { placeOf } from "./eventMessage.ts"
import * as feed from "./feed.ts"
import type { Failure, JetStream, StoredMessage } from "./jetstream.ts"

/** How many messages are asked for at a time, each by its number. */
const atATime = 16

// Beyond so many messages a feed is faster than sixteen at a time.
const few = 256

/** The messages of the streams of a log. */
export const make = (jetstream: JetStream, log: string) => {
  const byNumbers = (numbers: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<StoredMessage>, Failure> =>
    Effect.map(
      Effect.forEach(numbers, (number) => jetstream.direct(log, number), { concurrency: atATime }),
      (found) => found.flatMap((message) => message ?? [])
    )

  /** A server that lags has them soon; to ask it again and again would keep nobody but it busy. */
  const missing = (subject: string, revision: number) => {
    const problem = `revisions of ${subject} before ${revision} were not there when they were asked for`
    return new RequestFailed({ subject, why: "TimedOut", problem })
  }

  /**
   * The messages from `last` back to the one that holds a revision or further, the newest first; undefined where they would be
   * more than a few. The headers of each sixteenth say where the next sixteen are.
   */
  const back = Effect.fnUntraced(function* (
    last: StoredMessage,
    revision: number,
    most = few
  ): Effect.fn.Return<ReadonlyArray<StoredMessage> | undefined, Failure> {
    const found: Array<StoredMessage> = [last]
    let oldest = last
    while (true) {
      const { before, first } = placeOf(oldest)
      if (first <= revision || before.length === 0) return found
      // As many a message as those that were found hold: a long way is not begun by this one.
      const { count, first: newest } = placeOf(last)
      const held = (newest + count - first) / found.length
      if (found.length + (first - revision) / held > most) return undefined
      // Messages hold one revision at least: no more than these can be wanted.
      const messages = yield* byNumbers(before.slice(0, first - revision))
      if (messages.length === 0) return yield* missing(last.subject, first)
      found.push(...messages)
      const next = messages.at(-1)
      // They are nowhere: whoever asked sees a hole.
      if (next === undefined) return found
      oldest = next
    }
  })

  /** The number of the last message that is before something, 0 where none is; by halves, as what they are asked for grows. */
  const lastBefore = Effect.fnUntraced(function* (
    subject: string,
    last: StoredMessage,
    isBefore: (place: ReturnType<typeof placeOf>) => boolean
  ): Effect.fn.Return<number, Failure> {
    if (isBefore(placeOf(last))) return last.sequence
    let [low, high] = [0, last.sequence]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      const message = yield* jetstream.next(log, subject, middle)
      if (message !== undefined && isBefore(placeOf(message))) low = message.sequence
      else high = middle
    }
    return low
  })

  return {
    back,
    lastBefore,
    /** A feed of the stream's messages from a number on. */
    from: (subject: string, sequence: number): Effect.Effect<feed.Feed, Failure, Scope> =>
      feed.open(jetstream, log, subject, { sequence })
  }
}

export type StreamMessages = ReturnType<typeof make>
export type { EventMessage }
