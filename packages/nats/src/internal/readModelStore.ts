// The read model store: a key of the bucket for each row, guarded by its position; lists come from a copy in memory.
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { Unsupported } from "evolvent/EventStoreError"
import {
  ReadModelStore,
  ReadModelStoreError,
  ReadModelTooLarge,
  select,
  UndecodableRow,
  UnstorableRow
} from "evolvent/ReadModelStore"
import type { EncodedRow, Table } from "evolvent/ReadModelStore"
import * as Bucket from "./bucket.ts"
import type { Documents } from "./documents.ts"
import { reasonOf } from "./failures.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import { patiently } from "./jetstream.ts"
import type { Layout } from "./layout.ts"
import * as Copy from "./readModelCopy.ts"
import * as rows from "./readModelRow.ts"
import * as entries from "./readModelRows.ts"
import * as Tables from "./readModelTables.ts"

/** How read models are kept. */
export interface Options {
  /** The most rows of a table that can be listed: so many are kept in memory; 100 000 unless given. */
  readonly maxListedRows?: number
  /** How long the copy of a table stays in memory that nobody lists; 5 minutes unless given. */
  readonly keepCopies?: Duration.Input
}

const failed =
  (operation: string) =>
  (failure: Failure): ReadModelStoreError => {
    const reason = reasonOf(failure)
    return new ReadModelStoreError({
      operation: `ReadModelStore.${operation}`,
      reason: reason._tag === "Unavailable" ? reason : new Unsupported({ feature: `this call: ${failure.message}` })
    })
  }

const because = (operation: string, reason: ReadModelStoreError["reason"]) =>
  new ReadModelStoreError({ operation: `ReadModelStore.${operation}`, reason })

const failing = (operation: string) =>
  Effect.mapError((error: Failure | ReadModelStoreError) =>
    error._tag === "ReadModelStoreError" ? error : failed(operation)(error)
  )

// No token looks like it: this says that the rows before it are gone.
const cleared = "=cleared"

/** The read models of a store. */
export const make = (
  jetstream: JetStream,
  layout: Layout,
  documents: Documents,
  options: Options = {}
): Effect.Effect<ReadModelStore["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const bucket = Bucket.make(jetstream, layout.rows)
    const tables = Tables.make(documents)
    const stored = yield* entries.make(jetstream.client, bucket)
    const maxRows = options.maxListedRows ?? 100_000
    const prefixOf = (place: string): string => `${bucket.prefix}${place}.`

    const copies = yield* RcMap.make({
      lookup: (place: string) => {
        const prefix = prefixOf(place)
        return Copy.open(jetstream, { stream: bucket.stream, prefix, cleared: prefix + cleared, maxRows })
      },
      idleTimeToLive: options.keepCopies ?? "5 minutes"
    })

    /** The last message of a place, which tells how new a copy has to be. */
    const lastOf = (place: string) => jetstream.last(bucket.stream, `${prefixOf(place)}>`)

    /**
     * Reads from where a table stands. That is asked for at the same time as the rows; where it turns out to be elsewhere by
     * now, or where the answer `isOpen` to doubt since a table may have moved and been dropped meanwhile, it is done again.
     */
    const reading = <A>(
      table: Table,
      absent: A,
      read: (place: string) => Effect.Effect<A, Failure | ReadModelStoreError>,
      isOpen: (answer: A) => boolean
    ): Effect.Effect<A, Failure | ReadModelStoreError> =>
      Effect.gen(function* () {
        let place = tables.seen().of(table)
        while (true) {
          const from = place
          const answering = from === undefined ? Effect.succeed(absent) : read(from)
          const [answer, now] = yield* Effect.all([answering, tables.read], { concurrency: 2 })
          place = now.of(table)
          if (place === from && isOpen(answer)) place = (yield* tables.read).of(table)
          if (place === from) return answer
        }
      })

    const readRows = (operation: string, { name }: Table, place: string, keys: ReadonlyArray<string>) =>
      Effect.flatMap(stored.read(place, keys), (found) =>
        Effect.fromResult(
          Result.mapError(found, ({ key, problem }) =>
            because(operation, new UndecodableRow({ projection: name, key, problem }))
          )
        )
      )

    const encodeAll = Effect.fnUntraced(function* ({ name }: Table, batch: ReadonlyArray<EncodedRow>) {
      const { maxPayload } = yield* jetstream.client.server
      const room = { maxPayload, prefix: bucket.prefix.length + Tables.longestPlace + 1 }
      const writings: Array<rows.Writing> = []
      for (const one of batch) {
        const encoded = rows.encode(one, room)
        if (Result.isFailure(encoded)) {
          const problem = encoded.failure
          return yield* because("apply", new UnstorableRow({ projection: name, key: one.key, problem }))
        }
        writings.push(encoded.success)
      }
      return writings
    })

    const tooLarge = ({ name }: Table) => because("list", new ReadModelTooLarge({ projection: name, maxRows }))

    return ReadModelStore.of({
      capabilities: { atomicBatch: false },
      get: (table, keys) => {
        if (keys.length === 0) return Effect.succeed([])
        const distinct = [...new Set(keys)]
        const read = (place: string) => readRows("get", table, place, distinct)
        return failing("get")(reading(table, [], read, (found) => found.length < distinct.length))
      },
      apply: (table, batch) => {
        if (batch.length === 0) return Effect.void
        const apply = Effect.gen(function* () {
          const writings = yield* encodeAll(table, batch)
          while (true) {
            const place = yield* tables.claim(table)
            yield* stored.write(place, writings)
            // What was written to where the table does not stand any more is written again to where it does.
            if ((yield* tables.read).of(table) === place) return
          }
        })
        return failing("apply")(apply)
      },
      list: (table, query) => {
        let hasWaited = false
        const read = (place: string) =>
          Effect.gen(function* () {
            const last = yield* lastOf(place)
            if (last === undefined || last.subject === prefixOf(place) + cleared) return []
            const copy = yield* RcMap.get(copies, place)
            hasWaited = !copy.isAt(last.sequence)
            const found = yield* copy.look(last.sequence, (all) => select(all, query))
            if (Result.isSuccess(found)) return found.success
            if (found.failure._tag === "TooLarge") return yield* tooLarge(table)
            const { key, problem } = found.failure
            return yield* because("list", new UndecodableRow({ projection: table.name, key, problem }))
          }).pipe(Effect.scoped)
        return failing("list")(reading<ReadonlyArray<EncodedRow>>(table, [], read, () => hasWaited))
      },
      drop: (table) => {
        const drop = Effect.gen(function* () {
          const place = (yield* tables.read).of(table)
          if (place === undefined) return
          const last = yield* lastOf(place)
          if (last !== undefined) {
            const subject = prefixOf(place) + cleared
            // Copies hear of this and not of the removal. What is written behind it stays.
            const mark =
              last.subject === subject
                ? last
                : yield* patiently(jetstream.publish(subject, "", [["KV-Operation", "PURGE"]]))
            yield* jetstream.purge(bucket.stream, `${prefixOf(place)}>`, mark.sequence)
          }
          stored.forget(place)
          yield* tables.forget(table, place)
        })
        return failing("drop")(drop)
      },
      swap: (one, other) => failing("swap")(tables.swap(one, other))
    })
  })
