// readFeed: pages of all streams or of some categories, in the order of positions, as far as the tail lets them.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { EventFilter } from "evolvent/EventFilter"
import type { EncodedPage, ReadRequest } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import type { Database, Values } from "./Database.ts"
import { plannedAt } from "./plannedAt.ts"
import { toRecorded } from "./rows.ts"
import { readFeed } from "./sql/readFeed.ts"
import type { Tail } from "./tail.ts"

// A page looks at this many positions at most, so that a filter that matches little does not hold up a connection.
const window = 100_000

const list = (values: ReadonlyArray<string> | null): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text))

/** What a statement asks of the filter: categories, whether the library's own, types, types by category, whole categories. */
const argumentsOf = (filter: Exclude<EventFilter, { readonly _tag: "Stream" }>): ReadonlyArray<PgTypes.Parameter> => {
  if (filter._tag === "All")
    return [list(null), PgTypes.bool(filter.system), list(filter.types ?? null), list(null), list(null)]
  const names = [...new Set(filter.categories.map(({ category }) => category))]
  const whole = new Set(filter.categories.filter(({ types }) => types === undefined).map(({ category }) => category))
  const typed = filter.categories.filter(({ category }) => !whole.has(category))
  // With one category its types are enough; a category that is wanted whole has no list of types to be tested by.
  if (names.length === 1) {
    return [
      list(names),
      PgTypes.bool(true),
      list(whole.size > 0 ? null : typed.flatMap(({ types }) => types ?? [])),
      list(null),
      list(null)
    ]
  }
  const keys = typed.flatMap(({ category, types = [] }) => types.map((type) => `${category}-${type}`))
  return [list(names), PgTypes.bool(true), list(null), list(typed.length === 0 ? null : keys), list([...whole])]
}

/** Reads a page of a feed. */
export const make = ({ run, schema, sql }: Database, tail: Tail) => {
  const texts = {
    forwards: { all: readFeed(schema, "all", "forwards"), some: readFeed(schema, "some", "forwards") },
    backwards: { all: readFeed(schema, "all", "backwards"), some: readFeed(schema, "some", "backwards") }
  }
  const positionAt = `SELECT ${schema}.position_at(to_timestamp($1::float8 / 1000), $2)`
  const next = `SELECT e.position::float8 FROM ${schema}.events e WHERE e.position > $1 ORDER BY e.position LIMIT 1`
  const previous = `SELECT e.position::float8 FROM ${schema}.events e WHERE e.position < $1 ORDER BY e.position DESC LIMIT 1`

  // A transaction's snapshot may be older than what the tail has seen since: there every page looks for itself, which
  // is refused where the isolation is stricter.
  const known = Effect.map(Effect.serviceOption(sql.transactionService), ({ _tag }) =>
    _tag === "Some" ? -1 : tail.seen()
  )

  // A hole in the positions may be wider than any window: it is passed in one step.
  const neighbour = (query: string, position: number) =>
    Effect.map(run(query, [PgTypes.int8(BigInt(position))]), ([row]) =>
      row === undefined ? undefined : Number(row[0])
    )

  const rows = (low: number, high: number, { direction, filter, limit }: ReadRequest) =>
    high < low || filter._tag === "Stream"
      ? Effect.succeed<ReadonlyArray<Values>>([])
      : run(plannedAt(Math.max(high, tail.seen()), texts[direction][filter._tag === "All" ? "all" : "some"]), [
          PgTypes.int8(BigInt(low)),
          PgTypes.int8(BigInt(high)),
          ...argumentsOf(filter),
          PgTypes.int4(limit)
        ])

  const forwards = Effect.fnUntraced(function* (request: ReadRequest, low: number) {
    const { follows, limit } = request
    const seen = yield* known
    // Who follows takes what the tail knows. Another reader looks for itself, once it comes near.
    const isFresh = follows ? seen < low : seen < low + limit
    const safe = !isFresh ? seen : yield* follows ? tail.look : tail.lookForOwn
    let high = Math.min(safe, low + window - 1)
    const events = (yield* rows(low, high, request)).map(toRecorded)
    const isFull = events.length === limit
    // What is safe is the position of an event, so there is one.
    if (events.length === 0 && high < safe) high = ((yield* neighbour(next, high)) ?? high + 1) - 1
    const through = Position.make(isFull ? (events.at(-1)?.position ?? high) : high < low ? safe : high)
    return { events, through, done: !isFull && high >= safe && (isFresh || follows) }
  })

  const backwards = Effect.fnUntraced(function* (request: ReadRequest, from: number) {
    const { limit } = request
    const seen = yield* known
    const high = Math.min(from, seen > from ? seen : yield* tail.lookForOwn)
    let low = Math.max(1, high - window + 1)
    const events = (yield* rows(low, high, request)).map(toRecorded)
    const isFull = events.length === limit
    if (events.length === 0 && low > 1) low = ((yield* neighbour(previous, low)) ?? 0) + 1
    const through = Position.make(isFull ? (events.at(-1)?.position ?? low) : Math.max(0, Math.min(low, high)))
    return { events, through, done: !isFull && low <= 1 }
  })

  return Effect.fnUntraced(function* (request: ReadRequest): Effect.fn.Return<EncodedPage, SqlError> {
    const { direction, from } = request
    const isForwards = direction === "forwards"
    let place: number = isForwards ? 1 : Number.MAX_SAFE_INTEGER
    if (from?._tag === "Position") place = from.position
    if (from?._tag === "Time") {
      const [row] = yield* run(positionAt, [PgTypes.float8(from.time), PgTypes.bool(isForwards)])
      const found = row?.[0] ?? null
      if (found === null) return { events: [], through: Position.beginning, done: true }
      place = Number(found)
    }
    return yield* isForwards ? forwards(request, place) : backwards(request, place)
  })
}
