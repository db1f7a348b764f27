// chaos: kills backends, writing processes and the server, and makes a crash take back positions that were drawn.
import type { PgClient } from "@effect/sql-pg/PgClient"
import type { EmbeddedPostgresError } from "@evolvent/embedded-postgres/EmbeddedPostgresError"
import type { Server } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { storeKey } from "../src/internal/sql/functions/floor.ts"
import type { Child } from "./children.ts"
import type { Random } from "./random.ts"
import type { Watch } from "./watch.ts"

/** What chaos did. */
export interface Kills {
  backends: number
  processes: number
  servers: number
  /** Crashes after which positions that readers had seen as drawn were drawn again. */
  redrawn: number
}

/** What there is to kill. */
export interface Prey {
  readonly server: Server
  readonly sql: PgClient
  readonly watch: Watch
  /** The writing processes; a killed one is replaced in its place. */
  readonly writers: Array<Child>
  readonly replace: (child: Child) => Child
}

// Far more than the 32 that PostgreSQL logs ahead, so that most of them are forgotten.
const draws = 300

const lastDrawn = `SELECT coalesce(pg_sequence_last_value('one.position'), 0)::float8 AS last`

/**
 * Goes on until `isOver`, and finishes what it is at: a server that it stopped comes back. Every kind of kill comes soon,
 * whatever the length of the run.
 */
export const run = (
  prey: Prey,
  random: Random,
  kills: Kills,
  isOver: () => boolean
): Effect.Effect<void, EmbeddedPostgresError> => {
  const { server, sql, watch, writers } = prey

  const backend = Effect.suspend(() =>
    sql.unsafe(
      `SELECT pg_terminate_backend(pid) FROM (
        SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'soak %' ORDER BY pid
          OFFSET ${random.between(0, 20)} LIMIT 1
      ) one`
    )
  ).pipe(
    Effect.map((rows) => {
      kills.backends += rows.length
    }),
    Effect.ignore
  )

  const writer = Effect.suspend(() => {
    const at = random.between(0, writers.length - 1)
    const child = writers[at]
    if (child === undefined) return Effect.void
    return Effect.map(
      Effect.promise(() => child.kill()),
      () => {
        kills.processes += 1
        writers[at] = prey.replace(child)
      }
    )
  })

  const crash = (mode: "fast" | "immediate" | "kill") =>
    watch.away(
      Effect.andThen(
        mode === "kill" ? server.kill : server.stop(mode),
        Effect.andThen(Effect.sleep(random.between(0, 200)), server.restart())
      )
    )

  // While everybody pauses nothing else is killed: what comes back would write.
  let isQuiet = false

  /** Draws positions, and gives them up or holds them; readers have time to look. False where they were flushed. */
  const draw = Effect.fnUntraced(function* (givesUp: boolean) {
    const drawing = sql.withTransaction(
      Effect.gen(function* () {
        yield* sql.unsafe(
          `SELECT pg_advisory_xact_lock_shared(${storeKey("one")}::int,
            coalesce(pg_sequence_last_value('one.position'), 0)::bit(32)::int)::text`
        )
        yield* sql.unsafe(`SELECT count(nextval('one.position')) FROM generate_series(1, ${draws})`)
        return yield* givesUp ? Effect.fail("given up" as const) : Effect.never
      })
    )
    const fiber = yield* Effect.forkChild(Effect.exit(drawing))
    yield* Effect.sleep(100)
    const [drawn] = yield* sql.unsafe<{ readonly lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn")
    yield* Effect.sleep(200)
    const [flushed] = yield* sql.unsafe<{ readonly is: boolean }>(
      `SELECT pg_current_wal_flush_lsn() >= '${drawn?.lsn}'::pg_lsn AS is`
    )
    if (flushed?.is !== true) return true
    yield* Fiber.interrupt(fiber)
    return false
  })

  /** No writer is at anything any more: those that do not come to rest are killed, and what they began is ended. */
  const silence = Effect.gen(function* () {
    const calm = yield* Effect.promise(() => Promise.all(writers.map((child) => child.quiet("pause", 2000))))
    const restless = writers.filter((_, i) => calm[i] !== true)
    yield* Effect.promise(() => Promise.all(restless.map((child) => child.kill())))
    kills.processes += restless.length
    yield* Effect.ignore(
      sql.unsafe(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name IN ('soak layer', 'soak raw') AND state <> 'idle'`
      )
    )
    return restless
  })

  /**
   * Everybody pauses, so that nothing is flushed; positions are drawn; readers look; the server crashes. Then the
   * sequence has forgotten them. Where something was flushed all the same, it draws again.
   */
  const forget = Effect.gen(function* () {
    isQuiet = true
    const restless = yield* silence
    const givesUp = random.chance(0.7)
    for (let left = 6; left > 0 && !(yield* Effect.orElseSucceed(draw(givesUp), () => false)); left--) {
      yield* Effect.sleep(50)
    }
    const last = Effect.map(Effect.retry(sql.unsafe<{ readonly last: number }>(lastDrawn), { times: 5 }), ([row]) =>
      Number(row?.last)
    )
    const before = yield* Effect.orElseSucceed(last, () => 0)
    yield* crash(random.chance(0.5) ? "immediate" : "kill")
    const after = yield* Effect.orElseSucceed(last, () => Infinity)
    if (after < before) kills.redrawn += 1
    isQuiet = false
    for (const [i, child] of writers.entries()) {
      if (restless.includes(child)) writers[i] = prey.replace(child)
      else child.tell("resume")
    }
  })

  const sleep = Effect.fnUntraced(function* (low: number, high: number) {
    for (let left = random.between(low, high); left > 0 && !isOver(); left -= 100) {
      yield* Effect.sleep(Math.min(left, 100))
    }
  })
  const every = <E>(low: number, high: number, effect: Effect.Effect<void, E>) =>
    Effect.gen(function* () {
      yield* sleep(low, high)
      while (!isOver()) {
        yield* effect
        yield* sleep(low, high)
      }
    })
  const servers = Effect.suspend(() => {
    // The rarest first, so that a short run has it too.
    const way =
      kills.servers === 0 || random.chance(0.4) ? forget : crash(random.weighted({ fast: 2, immediate: 4, kill: 4 }))
    return Effect.tap(way, () => Effect.sync(() => (kills.servers += 1)))
  })
  const later = (effect: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => (isQuiet ? Effect.andThen(Effect.sleep(100), later(effect)) : effect))
  const all = [every(2500, 6500, servers), every(250, 1000, later(backend)), every(2500, 6000, later(writer))]
  return Effect.all(all, { concurrency: "unbounded", discard: true })
}
