// tails: where streams end, as far as this process has seen it; a stale one costs a conflict, never a wrong answer.
import * as Effect from "effect/Effect"
import type { Failure, JetStream } from "./jetstream.ts"
import { tailOf } from "./eventMessage.ts"
import type { Tail } from "./eventMessage.ts"

// About 200 bytes each.
const most = 20_000

/** The tails of the streams of a log, by subject; undefined where a stream has no events. */
export const make = (jetstream: JetStream, log: string) => {
  const seen = new Map<string, Tail | undefined>()

  const set = (subject: string, tail: Tail | undefined): void => {
    // The one that was set longest ago goes.
    seen.delete(subject)
    if (seen.size >= most) for (const oldest of seen.keys()) if (seen.delete(oldest)) break
    seen.set(subject, tail)
  }

  /** Asks the leader. */
  const fresh = (subject: string): Effect.Effect<Tail | undefined, Failure> =>
    Effect.map(jetstream.last(log, subject), (message) => {
      const tail = message === undefined ? undefined : tailOf(message)
      set(subject, tail)
      return tail
    })

  return {
    fresh,
    set,
    forget: (subject: string): void => void seen.delete(subject),
    /** The one that was seen last, or undefined where none was. */
    seen: (subject: string): { readonly tail: Tail | undefined } | undefined =>
      seen.has(subject) ? { tail: seen.get(subject) } : undefined
  }
}

export type Tails = ReturnType<typeof make>
