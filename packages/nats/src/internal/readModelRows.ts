// readModelRows: reads and writes the rows of a table, many at a time; each is written only if none of a later position is there.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { EncodedRow } from "evolvent/ReadModelStore"
import type { NatsClient } from "../NatsClient.ts"
import type { Bucket, Entry } from "./bucket.ts"
import { never } from "./bucket.ts"
import type { Failure } from "./jetstream.ts"
import * as names from "./names.ts"
import { decode } from "./readModelRow.ts"
import type { Writing } from "./readModelRow.ts"

/** How many requests are on their way at a time; more brings nothing. */
const atATime = 64

/** Of how many rows it is remembered what was there. */
const remembered = 50_000

/** What was found under a key: a revision to expect, and the position that must not be undercut. */
interface Seen {
  readonly revision: number
  readonly position: number
}

const unwritten: Seen = { revision: never, position: -1 }

/** A row that is none of ours. */
export interface Foreign {
  readonly key: string
  readonly problem: string
}

/** The rows of a bucket, by the place of their table and their key. */
const rowsOf = (bucket: Bucket) => {
  // May be out of date at any time: nothing is decided by it but what to expect, which the server checks.
  const seen = new Map<string, Seen>()
  const remember = (at: string, what: Seen): void => {
    seen.delete(at)
    if (seen.size >= remembered) {
      const [oldest] = seen.keys()
      if (oldest !== undefined) seen.delete(oldest)
    }
    seen.set(at, what)
  }

  const rowOf = (key: string, entry: Entry) => decode(key, { header: entry.header, text: () => entry.value ?? "" })

  const positionOf = (entry: Entry): number => {
    // Whatever else stands there is not in the way of a row.
    const found = rowOf("", entry)
    return Result.isSuccess(found) ? (found.success?.position ?? -1) : -1
  }

  const look = (at: string): Effect.Effect<Seen, Failure> =>
    Effect.map(bucket.get(at), (entry) =>
      entry === undefined ? unwritten : { revision: entry.revision, position: positionOf(entry) }
    )

  const writeOne = (place: string) =>
    Effect.fnUntraced(function* ({ headers, position, token, value }: Writing): Effect.fn.Return<void, Failure> {
      const at = `${place}.${token}`
      // An answer that was lost is asked for again; the same row at the same position is as good as mine.
      const isMine = (entry: Entry): boolean => entry.value === value && positionOf(entry) === position
      let there = seen.get(at) ?? unwritten
      let isFresh = false
      while (true) {
        if (there.position <= position) {
          const revision = yield* bucket.set(at, value, there.revision, isMine, headers)
          if (revision !== undefined) return remember(at, { revision, position })
        } else if (isFresh) return remember(at, there)
        // Nobody is refused by what may be out of date.
        there = yield* look(at)
        isFresh = true
      }
    })

  return {
    /** The rows of some keys that are there, removed ones too, as the leader has them. */
    read: (
      place: string,
      keys: ReadonlyArray<string>
    ): Effect.Effect<Result.Result<ReadonlyArray<EncodedRow>, Foreign>, Failure> => {
      // No row has a key that cannot be written.
      const known = keys.flatMap((key) => {
        const token = names.token(key)
        const length = bucket.prefix.length + place.length + 1
        return Result.isFailure(token) || length + token.success.length > names.longestSubject
          ? []
          : [{ key, at: `${place}.${token.success}` }]
      })
      const found: Array<EncodedRow> = []
      let foreign: Foreign | undefined
      const readOne = ({ at, key }: { readonly at: string; readonly key: string }) =>
        Effect.map(bucket.get(at), (entry) => {
          if (entry === undefined) return remember(at, unwritten)
          const row = rowOf(key, entry)
          if (Result.isFailure(row)) foreign = { key, problem: row.failure }
          else if (row.success !== undefined) found.push(row.success)
          remember(at, { revision: entry.revision, position: positionOf(entry) })
        })
      return Effect.map(Effect.forEach(known, readOne, { concurrency: atATime, discard: true }), () =>
        foreign === undefined ? Result.succeed(found) : Result.fail(foreign)
      )
    },
    /** Writes rows, except where one of a later position stands. */
    write: (place: string, rows: ReadonlyArray<Writing>): Effect.Effect<void, Failure> =>
      Effect.forEach(rows, writeOne(place), { concurrency: atATime, discard: true }),
    forgetAll: (): void => seen.clear(),
    /** Forgets what was found in a table. */
    forget: (place: string): void => {
      for (const at of seen.keys()) if (at.startsWith(`${place}.`)) seen.delete(at)
    }
  }
}

/** The rows of a bucket; what was found is forgotten where the connection broke, since a server may have lost what it said. */
export const make = (client: NatsClient["Service"], bucket: Bucket) =>
  Effect.suspend(() => {
    const { forgetAll, ...rows } = rowsOf(bucket)
    return Effect.as(client.onReconnect(forgetAll), rows)
  })
