// judge: compares what came out on the other side of the bus with the log on PostgreSQL.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { lines, tail, type Line } from "./journal.ts"
import { fold, packed, type Shipment } from "./orders.ts"

/** What was found; all but the first three must be nothing. */
export interface Verdict {
  readonly events: number
  /** Messages that the audit handled, and how many of these it had handled before: at least once means that it may. */
  handled: number
  again: number
  /** Committed, and never handled. */
  missed: number
  /** Handled before one that stands before it in its stream. */
  reordered: number
  /** Handled, and not in the log. */
  invented: number
  /** Revisions that are not there, or events that are there without having been brought. */
  spoiled: number
  /** Rows of shipping that are not what the fold of the log gives. */
  wrongRows: number
  /** Set aside, though nothing was wrong with any message. */
  parked: number
}

interface Event {
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly type: string
  readonly weight: number
}

const page = 20_000

/** Reads the log by plain SQL, past the library, and gives it to `take` in its order. */
const read = (sql: PgClient, take: (event: Event) => void): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    let last = 0
    for (;;) {
      const rows = yield* sql.unsafe<Event & { readonly position: number }>(
        `SELECT id::text, stream, revision::float8, type, coalesce((data->>'weight')::float8, 0) AS weight, position::float8
        FROM evolvent.events WHERE category = 'Order' AND position > $1::float8::bigint ORDER BY position LIMIT ${page}`,
        [String(last)]
      )
      rows.forEach(take)
      last = rows.at(-1)?.position ?? last
      if (rows.length < page) return
    }
  })

/** Judges it. */
export const judge = Effect.fnUntraced(function* (
  sql: PgClient,
  events: number,
  files: ReadonlyArray<string>,
  parked: number,
  tell: (problem: string) => void
) {
  const ids = new Map<string, Array<string>>()
  const shipments = new Map<string, Shipment>()
  const verdict: Verdict = {
    events,
    handled: 0,
    again: 0,
    missed: 0,
    reordered: 0,
    invented: 0,
    spoiled: 0,
    wrongRows: 0,
    parked
  }
  let stored = 0
  yield* read(sql, ({ id, revision, stream, type, weight }) => {
    const of = ids.get(stream) ?? []
    ids.set(stream, of)
    stored += 1
    if (of.length !== revision) {
      verdict.spoiled += 1
      tell(`${stream} has revision ${revision} where ${of.length} was due`)
    }
    of.push(tail(id))
    if (type === packed) shipments.set(stream, fold(shipments.get(stream), weight))
  })
  if (stored !== events) {
    verdict.spoiled += Math.abs(stored - events)
    tell(`${stored} events are stored, and ${events} were acknowledged`)
  }

  // Two processes may have had the same key, one after the other.
  const handled: Array<Line> = []
  yield* Effect.promise(async () => {
    for (const file of files) for await (const line of lines(file)) handled.push(line)
  })
  handled.sort((one, other) => one.at - other.at)
  verdict.handled = handled.length
  const next = new Map<string, number>()
  for (const { id, revision, stream } of handled) {
    const due = next.get(stream) ?? 0
    if (ids.get(stream)?.[revision] !== id) {
      verdict.invented += 1
      tell(`the audit handled ${id} as revision ${revision} of ${stream}`)
    } else if (revision < due) verdict.again += 1
    else {
      if (revision > due) {
        verdict.reordered += 1
        tell(`the audit handled revision ${revision} of ${stream} where ${due} was due`)
      }
      next.set(stream, revision + 1)
    }
  }
  for (const [stream, { length }] of ids) {
    const has = next.get(stream) ?? 0
    if (has === length) continue
    verdict.missed += length - has
    tell(`the audit came to revision ${has - 1} of ${stream}, which ends at ${length - 1}`)
  }

  const rows = yield* sql.unsafe<{ readonly orders: string; readonly count: number; readonly chain: number }>(
    "SELECT orders, count, chain::float8 FROM shipments"
  )
  const found = new Map(rows.map((row) => [row.orders, row]))
  for (const stream of new Set([...shipments.keys(), ...found.keys()])) {
    const [row, due] = [found.get(stream), shipments.get(stream)]
    if (row?.count === due?.count && row?.chain === due?.chain) continue
    verdict.wrongRows += 1
    tell(`the shipments of ${stream} are ${row?.count}, ${row?.chain}; the fold gives ${due?.count}, ${due?.chain}`)
  }
  if (parked > 0) tell(`${parked} messages are parked`)
  return verdict
})
