// readStream: pages of one stream, in its own order.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { EventFilter } from "evolvent/EventFilter"
import type { EncodedPage, ReadRequest } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import type { Database } from "./Database.ts"
import { toRecorded } from "./rows.ts"
import type { Tail } from "./tail.ts"

type StreamFilter = Extract<EventFilter, { readonly _tag: "Stream" }>

// More than any stream has: where a backward read of all begins.
const beyond = PgTypes.int8(BigInt(Number.MAX_SAFE_INTEGER))

/**
 * Reads a page of a stream.
 *
 * A stream's events become visible in their order, so it is read as it stands. From a position, which is how a follower
 * goes on, it ends where the tail does: followers of all filters move alike.
 */
export const make = ({ run, schema, sql }: Database, tail: Tail) => {
  const from = (start: string) => `SELECT * FROM ${schema}.read_stream($1, ${start}, $3, $4, $5, $6)`
  const byRevision = from("$2::bigint")
  const byPosition = from(`${schema}.revision_at($1, $2::bigint, NULL, $3)`)
  const byTime = from(`${schema}.revision_at($1, NULL, to_timestamp($2::float8 / 1000), $3)`)

  return (
    { direction, follows, from: start, limit }: ReadRequest,
    { stream, types }: StreamFilter
  ): Effect.Effect<EncodedPage, SqlError> => {
    const forwards = direction === "forwards"
    const clips = start?._tag === "Position"
    const [text, place] =
      start?._tag === "Position"
        ? [byPosition, PgTypes.int8(BigInt(start.position))]
        : start?._tag === "Time"
          ? [byTime, PgTypes.float8(start.time)]
          : [
              byRevision,
              start === undefined ? (forwards ? PgTypes.int8(0n) : beyond) : PgTypes.int8(BigInt(start.revision))
            ]
    // A transaction's snapshot may be older than what the tail has seen since: there it looks for itself.
    const safe = !clips
      ? Effect.succeed(undefined)
      : !follows
        ? tail.lookForOwn
        : Effect.flatMap(Effect.serviceOption(sql.transactionService), ({ _tag }) =>
            _tag === "None" && tail.seen() >= start.position ? Effect.succeed(tail.seen()) : tail.look
          )
    return Effect.flatMap(safe, (last) =>
      Effect.map(
        run(text, [
          PgTypes.text(stream),
          place,
          PgTypes.bool(forwards),
          PgTypes.int8(last === undefined ? null : BigInt(last)),
          types === undefined ? noTypes : Result.getOrThrow(PgTypes.array(types, PgTypes.OID.text)),
          PgTypes.int4(limit)
        ]),
        (rows): EncodedPage => {
          const events = rows.map(toRecorded)
          const passed = events.at(-1)?.position ?? Position.beginning
          const done = events.length < limit
          return { events, through: done && forwards && last !== undefined ? Position.make(last) : passed, done }
        }
      )
    )
  }
}

const noTypes = Result.getOrThrow(PgTypes.array(null, PgTypes.OID.text))
