// inlineAppend: an append that keeps the read models of its categories in its own transaction.
import type { PgPoolConfig } from "@effect/sql-pg/PgClient"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { decodePage } from "evolvent/EventStore"
import type { Appended, EncodedAppend, Outcome } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import type { Recorded } from "evolvent/EventData"
import { again, settle } from "./appendAlone.ts"
import type { Limits } from "./appendLimits.ts"
import type { Answer, Statements } from "./appendStatements.ts"
import type { Database } from "./Database.ts"
import type { Registry } from "./inlineRegistry.ts"
import { toRecorded } from "./rows.ts"
import { announcement, unaware } from "./sql/functions/refuseUnaware.ts"
import { explain, mayBeStored, sqlState } from "./sqlErrors.ts"
import { inTransaction } from "./transaction.ts"

type Failure = SqlError | EventStoreError

/** What stores some appends, instead of what stores them mostly. */
type Storing = Effect.Effect<Answer, SqlError> | undefined

const texts = (values: ReadonlyArray<string>) => Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text))
const numbers = (values: ReadonlyArray<number>) =>
  Result.getOrThrow(
    PgTypes.array(
      values.map((value) => BigInt(value)),
      PgTypes.OID.int8
    )
  )

const isRetryable = (error: Failure): boolean => (isSqlError(error) ? explain(error).isRetryable : error.isRetryable)

/** One at a time for each of some keys. */
const gates = () => {
  const open = new Map<string, { readonly gate: Semaphore.Semaphore; users: number }>()
  return <A, E, R>(keys: ReadonlyArray<string>, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    // In one order for everybody, so that nobody waits in a circle.
    [...new Set(keys)].toSorted().reduceRight(
      (inner, key) =>
        Effect.suspend(() => {
          const here = open.get(key) ?? { gate: Semaphore.makeUnsafe(1), users: 0 }
          open.set(key, here)
          here.users += 1
          return Effect.ensuring(
            here.gate.withPermit(inner),
            Effect.sync(() => {
              here.users -= 1
              if (here.users === 0) open.delete(key)
            })
          )
        }),
      effect
    )
}

/**
 * Appends and folds what was stored into the rows of each projection that the database names: all of it, or nothing.
 *
 * The caller's transaction takes it in as a savepoint, so that events never stay there without their rows. Otherwise it
 * is a transaction of its own, repeated with the same ids where that may help.
 */
export const make = (db: Database, statements: Statements, registry: Registry, limits: Limits) => {
  const { run, schema, sql } = db
  const announce = `SELECT set_config('${announcement}', $1, true), a.inline, a.held FROM ${schema}.announce_inline($2, $3) a`
  const stored = `SELECT r.* FROM unnest($1::text[], $2::bigint[], $3::bigint[]) u(stream, low, n)
    CROSS JOIN LATERAL ${schema}.read_stream(u.stream, u.low, true, NULL, NULL, u.n::int) r ORDER BY r.position`
  const { maxConnections = 10 }: PgPoolConfig = sql.config
  const room = Semaphore.makeUnsafe(Math.max(1, Math.floor(maxConnections * 0.6)))
  const waiters = limits.waiters === 0 ? undefined : Semaphore.makeUnsafe(limits.waiters)
  const oneByOne = gates()

  /** What an append has stored just now, with the places that the database gave it. */
  const storedBy = (
    appends: ReadonlyArray<EncodedAppend>,
    results: ReadonlyArray<Appended>
  ): Effect.Effect<ReadonlyArray<Recorded>, SqlError> => {
    const written = appends.flatMap(({ events: { length }, stream }, i) => {
      const result = results[i]
      // A repeat wrote nothing now; whoever wrote it has kept its rows.
      return length === 0 || result?.revision === undefined || result.repeated
        ? []
        : [{ stream, low: result.revision - length + 1, length }]
    })
    if (written.length === 0) return Effect.succeed([])
    const params = [
      texts(written.map(({ stream }) => stream)),
      numbers(written.map(({ low }) => low)),
      numbers(written.map(({ length }) => length))
    ]
    return Effect.map(run(stored, params), (rows) => decodePage(rows.map(toRecorded)))
  }

  /** One attempt, in the transaction of the surroundings; undefined where somebody else holds the stream. */
  const within = Effect.fnUntraced(function* (
    appends: ReadonlyArray<EncodedAppend>,
    waits: boolean,
    announced: string,
    storing: Storing
  ): Effect.fn.Return<Outcome | undefined, Failure> {
    const [only] = appends
    const single = only !== undefined && appends.length === 1
    const [row] = yield* run(announce, [
      PgTypes.text(announced),
      texts([...new Set(appends.map(({ category }) => category))]),
      PgTypes.text(single && !waits ? only.stream : null)
    ])
    const [, inline, held] = row as unknown as readonly [string, ReadonlyArray<string>, boolean]
    if (!held) return undefined
    const attempt = storing ?? (single ? statements.one(only, true) : statements.all(appends))
    const outcome = yield* settle(statements, appends, attempt, { retry: false })
    if (outcome._tag !== "Appended" || inline.length === 0) return outcome
    const events = yield* storedBy(appends, outcome.results)
    for (const checkpoint of events.length === 0 ? [] : inline) {
      // What is not known here the database has refused already.
      yield* registry.get(checkpoint)?.keep(events) ?? Effect.void
    }
    return outcome
  })

  const alone = (appends: ReadonlyArray<EncodedAppend>, storing: Storing): Effect.Effect<Outcome, Failure> => {
    let announced = registry.announcement()
    const attempt = (waits: boolean) =>
      Effect.suspend(() =>
        inTransaction(sql, within(appends, waits, (announced = registry.announcement()), storing), identity)
      )
    // A projection that was registered here since then may be the one that the database asks for.
    const knowsMore = (error: Failure) =>
      isSqlError(error) && sqlState(error) === unaware && announced !== registry.announcement()
    const pause = Effect.suspend(() => Effect.sleep(1 + Math.random() * 19))
    // Who waits for a stranger's stream does so with few others: they must not take all of the pool.
    const waiting: Effect.Effect<Outcome, Failure> = Effect.flatMap(
      waiters === undefined
        ? Effect.andThen(pause, room.withPermit(attempt(false)))
        : waiters.withPermit(attempt(true)),
      (outcome) => (outcome === undefined ? waiting : Effect.succeed(outcome))
    )
    const once: Effect.Effect<Outcome, Failure> =
      appends.length > 1
        ? waiting
        : Effect.flatMap(room.withPermit(attempt(false)), (outcome) =>
            outcome === undefined ? waiting : Effect.succeed(outcome)
          )
    return Effect.suspend(() => {
      let doubtful = false
      return once.pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            doubtful ||= isSqlError(error) && mayBeStored(error)
          })
        ),
        Effect.retry({ schedule: again, while: (error) => isRetryable(error) || knowsMore(error) }),
        // What is stored already is nobody else's where an earlier attempt of this very call may have stored it.
        Effect.map((outcome) =>
          doubtful && outcome._tag === "Appended"
            ? { ...outcome, results: outcome.results.map((result) => ({ ...result, repeated: false })) }
            : outcome
        )
      )
    })
  }

  return (appends: ReadonlyArray<EncodedAppend>, storing?: Storing): Effect.Effect<Outcome, Failure> =>
    Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
      Option.isSome(transaction)
        ? Effect.flatMap(
            inTransaction(sql, within(appends, true, registry.announcement(), storing), identity),
            (outcome) =>
              outcome === undefined ? Effect.die("a stream that was waited for is not held") : Effect.succeed(outcome)
          )
        : oneByOne(
            appends.map(({ stream }) => stream),
            alone(appends, storing)
          )
    )
}
