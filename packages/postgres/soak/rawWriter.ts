// rawWriter: transactions by hand on the shipped functions, and on their single steps, with a pause wherever one can be.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import { make as statementsOf, type Answer } from "../src/internal/appendStatements.ts"
import * as Database from "../src/internal/Database.ts"
import { storeKey, streamKey } from "../src/internal/sql/functions/floor.ts"
import type { Planned, Stored, WriterLine } from "./journal.ts"
import type { Random } from "./random.ts"
import { encoded, idsOf, stores, streamOf, type StoreName } from "./workload.ts"

/** What the writers of one process share. */
export interface Shared {
  readonly sql: PgClient
  readonly write: (line: WriterLine) => void
  readonly nextOp: () => number
}

const resultOf = (answer: Answer | undefined): Stored => {
  if (answer?._tag !== "Appended") return null
  const [result] = answer.results
  return result === undefined ? null : { revision: result.revision ?? -1, position: result.position }
}

/** One transaction after the other. */
export const make = ({ nextOp, sql, write }: Shared, random: Random): Effect.Effect<void> => {
  const databases = { one: Database.make(sql, "one"), two: Database.make(sql, "two") }
  const statements = { one: statementsOf(databases.one), two: statementsOf(databases.two) }

  // Mostly short, now and then long enough for readers to look several times.
  const pause = Effect.suspend(() => Effect.sleep(random.chance(0.1) ? random.between(50, 400) : random.between(0, 15)))

  const plan = (): Planned => ({
    stream: streamOf(random),
    expected: random.weighted({ any: 80, noStream: 10, streamExists: 10 }),
    ids: idsOf(random, random.between(1, 3)),
    undone: random.chance(0.2)
  })

  /** What append_one does, step by step, with time in between. */
  const bySteps = (store: StoreName, { ids, stream }: Planned): Effect.Effect<Stored, SqlError> => {
    const { run, schema } = databases[store]
    return Effect.gen(function* () {
      yield* run(`SELECT pg_advisory_xact_lock(${streamKey(schema, "$1")})::text`, [stream])
      yield* pause
      const [last] = yield* run(
        `SELECT revision::float8 FROM ${schema}.events WHERE stream = $1 ORDER BY revision DESC LIMIT 1`,
        [stream]
      )
      yield* pause
      yield* run(
        `SELECT pg_advisory_xact_lock_shared(${storeKey(schema)}::int,
          coalesce(pg_sequence_last_value('${schema}.position'), 0)::bit(32)::int)::text`,
        []
      )
      let revision = Number(last?.[0] ?? -1)
      let position = 0
      for (const { category, event } of ids.flatMap((id) => {
        const { category, events } = encoded(stream, "any", [id])
        return events.map((event) => ({ category, event }))
      })) {
        yield* pause
        const [drawn] = yield* run(`SELECT nextval('${schema}.position')::float8`, [])
        position = Number(drawn?.[0])
        revision += 1
        yield* pause
        yield* run(
          `INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
            SELECT $1::float8::bigint, $2::float8::bigint, greatest(date_trunc('milliseconds', clock_timestamp()),
              (SELECT max(recorded_at) FROM ${schema}.events WHERE stream = $3)), $4::uuid, 1, $3, $5, $6, $7::text::json, '{}'::json`,
          [String(position), String(revision), stream, event.id, category, event.type, event.data]
        )
      }
      return { revision, position }
    })
  }

  const step = (store: StoreName, append: Planned, steps: boolean): Effect.Effect<Stored, SqlError> => {
    const bare = steps
      ? bySteps(store, append)
      : Effect.map(statements[store].one(encoded(append.stream, append.expected, append.ids), true), resultOf)
    if (!append.undone) return bare
    const undone = Effect.andThen(bare, Effect.andThen(pause, Effect.fail("undone" as const)))
    return Effect.catch(sql.withTransaction(undone), (failure) =>
      failure === "undone" ? Effect.succeed<Stored>(null) : Effect.fail(failure)
    )
  }

  /** Several appends of one transaction by the function for groups, or for all or none. */
  const together = (store: StoreName, appends: ReadonlyArray<Planned>, all: boolean) => {
    const sorted = appends.map(({ expected, ids, stream }) => encoded(stream, expected, ids))
    return all
      ? Effect.map(statements[store].all(sorted), (answer): ReadonlyArray<Stored> =>
          answer._tag === "Appended"
            ? answer.results.map(({ position, revision }) => ({ revision: revision ?? -1, position }))
            : appends.map(() => null)
        )
      : Effect.map(statements[store].group(sorted), (answers) => answers.map(resultOf))
  }

  return Effect.suspend(() => {
    const store = random.chance(0.8) ? stores[0] : stores[1]
    const way = random.weighted({ one: 40, steps: 35, group: 15, all: 10 })
    const single = way === "one" || way === "steps"
    const drawn = Array.from({ length: random.between(1, 3) }, plan)
    // The function for groups wants the appends of a stream side by side; one of each is enough.
    const appends = single
      ? drawn.map((one) => (way === "steps" ? { ...one, expected: "any" as const } : one))
      : drawn
          .filter((one, i) => drawn.findIndex(({ stream }) => stream === one.stream) === i)
          .map((one) => ({ ...one, undone: false }))
    const rollsBack = random.chance(0.2)
    const op = nextOp()
    write({ k: "try", op, store, kind: way === "steps" ? "steps" : "functions", appends })
    const body = Effect.gen(function* () {
      const results: Array<Stored> = []
      if (single) {
        for (const append of appends) {
          results.push(yield* step(store, append, way === "steps"))
          yield* pause
        }
      } else results.push(...(yield* together(store, appends, way === "all")))
      yield* pause
      if (rollsBack) return yield* Effect.fail("rolled back" as const)
      write({ k: "commit", op, results })
      return results
    })
    return Effect.map(Effect.exit(sql.withTransaction(body)), (exit) => {
      if (Exit.isSuccess(exit)) write({ k: "ok", op, results: exit.value })
      else if (rollsBack) write({ k: "no", op, why: "rolled back" })
    })
  })
}
