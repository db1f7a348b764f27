// watch: notes how far readers could have gone, and when the server was away, so that stalls can be told from outages.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import { stores, type StoreName } from "./workload.ts"

/** At time `t` everything up to `position` was committed, and nothing of it was in flight. */
export interface Sample {
  readonly t: number
  readonly position: number
}

/** What was seen of the stores from outside. */
export interface Watch {
  readonly samples: Readonly<Record<StoreName, ReadonlyArray<Sample>>>
  readonly outages: ReadonlyArray<{ readonly from: number; to: number }>
  /** Runs what takes the server away and brings it back. */
  readonly away: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Looks until it is interrupted. */
  readonly run: Effect.Effect<void>
}

/**
 * The greatest position that readers may pass, found in another way than the store finds it: only the writers of the
 * soak, known by their application's name, can hold anybody up.
 */
const passable = (schema: StoreName) => `
  SELECT max(e.position)::float8 AS position FROM ${schema}.events e WHERE e.position <= coalesce((
    SELECT min(k.objid::bigint) FROM pg_locks k JOIN pg_stat_activity a ON a.pid = k.pid
    WHERE k.locktype = 'advisory' AND k.objsubid = 2 AND k.mode = 'ShareLock' AND a.application_name LIKE 'soak %'
      AND k.classid = '${schema}.position'::regclass::oid AND a.datname = current_database()
  ), 9007199254740991)`

/** Watches the stores of a client. */
export const make = (sql: PgClient): Watch => {
  const samples: Record<StoreName, Array<Sample>> = { one: [], two: [] }
  const outages: Array<{ readonly from: number; to: number }> = []
  const look = Effect.forEach(stores, (store) =>
    Effect.map(sql.unsafe<{ readonly position: number | null }>(passable(store)), ([row]) => {
      const position = Number(row?.position ?? 0)
      if (position > (samples[store].at(-1)?.position ?? 0)) samples[store].push({ t: Date.now(), position })
    })
  )
  return {
    samples,
    outages,
    away: (effect) =>
      Effect.suspend(() => {
        const outage = { from: Date.now(), to: Infinity }
        outages.push(outage)
        return Effect.ensuring(
          effect,
          Effect.sync(() => {
            outage.to = Date.now()
          })
        )
      }),
    run: Effect.forever(Effect.andThen(Effect.ignore(look), Effect.sleep(100)))
  }
}

/** How many milliseconds between two times the server was there. */
export const up = (outages: Watch["outages"], from: number, to: number): number => {
  let away = 0
  for (const outage of outages) away += Math.max(0, Math.min(to, outage.to) - Math.max(from, outage.from))
  return Math.max(0, to - from - away)
}
