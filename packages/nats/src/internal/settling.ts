// settling: reads documents, and finds out what has become of a change that somebody left undecided in one.
import * as Effect from "effect/Effect"
import { RequestFailed } from "../NatsError.ts"
import type { Bucket, Entry } from "./bucket.ts"
import { never } from "./bucket.ts"
import { decode, nothing } from "./document.ts"
import type { Stored } from "./document.ts"
import type { Failure } from "./jetstream.ts"
import type { Known } from "./lanes.ts"

/** The key under which stands what has become of a transaction. */
export const verdictOf = (tx: string): string => `tx.${tx}`

/** What stands there once a transaction is decided; nothing before. */
export const committed = "committed"
const aborted = "aborted"

/** What an entry of the bucket holds; undefined where it is no document. */
export const storedOf = (entry: Entry | undefined): Stored | undefined =>
  entry?.value === undefined ? nothing : decode(entry.value)

/** A document as it counts now; `undecided` is the transaction that may yet change it. */
interface Found extends Known {
  readonly undecided: string | undefined
}

// Who has not decided by then died or hangs. A living one that was only slow begins anew.
const patience = 2000

export const make = (bucket: Bucket) => {
  /** Reads a document; whoever writes it at that revision settles what is pending in it. */
  const look = (key: string): Effect.Effect<Found, Failure> =>
    Effect.flatMap(bucket.get(key), (entry) => weigh(key, entry))

  const weigh = (key: string, entry: Entry | undefined): Effect.Effect<Found, Failure> => {
    const stored = storedOf(entry)
    if (stored === undefined) {
      const problem = "what stands there is no document of evolvent; nobody else may write to this bucket"
      return Effect.fail(new RequestFailed({ subject: bucket.prefix + key, why: "Refused", problem }))
    }
    const revision = entry?.revision ?? never
    const { by, pending, value } = stored
    if (pending === undefined) return Effect.succeed({ value, revision, by, undecided: undefined })
    return Effect.flatMap(bucket.get(verdictOf(pending.tx)), (verdict) => {
      if (verdict?.value === committed) {
        return Effect.succeed({ value: pending.value, revision, by, undecided: undefined })
      }
      if (verdict?.value === aborted) return Effect.succeed({ value, revision, by, undecided: undefined })
      // A verdict goes when it was carried out everywhere: only where the document still waits there was none.
      return Effect.flatMap(bucket.get(key), (again) =>
        again?.revision === revision
          ? Effect.succeed({ value, revision, by, undecided: pending.tx })
          : weigh(key, again)
      )
    })
  }

  /** Reads a document that nobody is about to change; decides against whoever takes too long about it. */
  const settled = (key: string): Effect.Effect<Known, Failure> =>
    Effect.gen(function* () {
      let waited: { readonly tx: string; readonly since: number } | undefined
      while (true) {
        const found = yield* look(key)
        const { undecided } = found
        if (undecided === undefined) return found
        if (waited?.tx !== undecided) waited = { tx: undecided, since: performance.now() }
        if (performance.now() - waited.since > patience) {
          // Where that is too late it was decided: the next look tells how.
          yield* bucket.set(verdictOf(undecided), aborted, never, ({ value }) => value === aborted)
        } else yield* Effect.sleep(5 + Math.random() * 20)
      }
    })

  return { look, settled }
}
