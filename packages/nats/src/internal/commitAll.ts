// commitAll: changes several documents, all or none, also when the process dies in the midst: by two phases.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { Bucket } from "./bucket.ts"
import { never } from "./bucket.ts"
import { encode, newId, written } from "./document.ts"
import type { Stored } from "./document.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import type { Known } from "./lanes.ts"
import { committed, storedOf, verdictOf } from "./settling.ts"

/** A document of a transaction: as it was read, and what it is to become. */
export interface Part {
  readonly key: string
  readonly base: Known
  readonly value: Json | undefined
}

/**
 * First the change is written into each document as one that waits, in the order given, which is the same for everybody.
 * Then a key of the transaction's own says that it is decided, once and for all: who meets a waiting change looks there.
 * Then it is carried out, by this process or by whoever meets it next.
 *
 * Gives the documents as they stand then, undefined those that others changed since; nothing where somebody else was
 * faster: then no document has changed.
 */
export const commitAll = (
  jetstream: JetStream,
  bucket: Bucket,
  parts: ReadonlyArray<Part>
): Effect.Effect<ReadonlyArray<Known | undefined> | undefined, Failure> =>
  Effect.gen(function* () {
    const tx = newId()
    const verdict = verdictOf(tx)
    const prepared: Array<Prepared> = []

    const put = (part: Part, stored: Omit<Stored, "by">, revision: number) => {
      const id = newId()
      const by = written(id, part.base.by)
      return Effect.map(
        bucket.set(part.key, encode({ ...stored, by }), revision, (entry) => storedOf(entry)?.by[0] === id),
        (revision) => (revision === undefined ? undefined : { value: stored.value, revision, by })
      )
    }

    /** Has all documents as they were; they may be so already, since others do it as well. */
    const undo = Effect.suspend(() =>
      Effect.forEach(
        prepared,
        ({ part, revision }) => put(part, { value: part.base.value, pending: undefined }, revision),
        { concurrency: "unbounded", discard: true }
      )
    )

    // Once no document waits for it nobody asks for the verdict any more.
    const forget = Effect.forkDetach(Effect.ignore(jetstream.purge(bucket.stream, bucket.prefix + verdict)))

    for (const part of parts) {
      const waits = { value: part.base.value, pending: { tx, value: part.value } }
      const known = yield* Effect.onError(put(part, waits, part.base.revision), () =>
        // Where the server is away others undo it, when they have waited long enough.
        Effect.ignore(Effect.timeout(undo, "2 seconds"))
      )
      if (known === undefined) {
        yield* undo
        return undefined
      }
      prepared.push({ part, revision: known.revision })
    }

    const decided = yield* bucket.set(verdict, committed, never, ({ value }) => value === committed)
    if (decided === undefined) {
      yield* undo
      yield* forget
      return undefined
    }

    // From here on it has happened, whatever becomes of this process or its connection.
    let isCarriedOut = true
    const documents = yield* Effect.forEach(
      prepared,
      ({ part, revision }) =>
        Effect.catch(put(part, { value: part.value, pending: undefined }, revision), () => {
          isCarriedOut = false
          return Effect.undefined
        }),
      { concurrency: "unbounded" }
    )
    if (isCarriedOut) yield* forget
    return documents
  })

interface Prepared {
  readonly part: Part
  readonly revision: number
}
