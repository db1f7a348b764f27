// stored: what the stores hold in the end, read by plain SQL, past the library.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { StreamName as Stream } from "evolvent/StreamName"
import * as StreamName from "evolvent/StreamName"
import type { StoreName } from "./workload.ts"

/** An event as it stands in the table. */
export interface StoredEvent {
  readonly id: string
  readonly position: number
  readonly revision: number
  readonly stream: Stream
  readonly category: string
  readonly type: string
  readonly data: string
  readonly time: number
}

/** The whole log of a store by position, and by id. */
export interface Log {
  readonly events: ReadonlyArray<StoredEvent>
  readonly byId: ReadonlyMap<string, StoredEvent>
}

const page = 20_000

/** Reads the whole log of a store. */
export const read = (sql: PgClient, store: StoreName): Effect.Effect<Log, SqlError> =>
  Effect.gen(function* () {
    const events: Array<StoredEvent> = []
    for (;;) {
      const rows = yield* sql.unsafe<StoredEvent>(
        `SELECT id::text, position::float8, revision::float8, stream, category, type, data->>'id' AS data,
          date_part('epoch', recorded_at) AS time
        FROM ${store}.events WHERE position > $1::float8::bigint ORDER BY position LIMIT ${page}`,
        [String(events.at(-1)?.position ?? 0)]
      )
      for (const row of rows) events.push(row)
      if (rows.length < page) return { events, byId: new Map(events.map((event) => [event.id, event])) }
    }
  })

/** What is wrong with a log by itself. */
export interface Faults {
  /** Revisions that are missing, or stand in another order than the positions. */
  holes: number
  inverted: number
  duplicates: number
  /** Events whose content is not that of their id, or whose time lies before that of the one before it. */
  spoiled: number
}

/** Looks through a log; `tell` takes the first faults in words. */
export const check = (log: Log, tell: (problem: string) => void): Faults => {
  const faults: Faults = { holes: 0, inverted: 0, duplicates: log.events.length - log.byId.size, spoiled: 0 }
  const heads = new Map<string, StoredEvent>()
  for (const event of log.events) {
    const before = heads.get(event.stream)
    const expected = (before?.revision ?? -1) + 1
    if (event.revision < expected) {
      faults.inverted += 1
      tell(`${event.stream} has revision ${event.revision} at ${event.position}, after ${expected - 1}`)
    } else if (event.revision > expected) {
      faults.holes += 1
      tell(`${event.stream} has revision ${event.revision} at ${event.position}, but not ${expected}`)
    }
    if (event.data !== event.id || event.category !== StreamName.category(event.stream)) {
      faults.spoiled += 1
      tell(`event ${event.id} at ${event.position} has the content of ${event.data}`)
    }
    if (before !== undefined && event.time < before.time) {
      faults.spoiled += 1
      tell(`${event.stream} goes back in time at revision ${event.revision}`)
    }
    heads.set(event.stream, event)
  }
  return faults
}
