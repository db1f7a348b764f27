// transaction: what runs in one transaction, or in a savepoint of the caller's, and says what it was that failed.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Runs an effect in a transaction; `own` is the error of what the transaction itself fails with.
 *
 * On a lost connection the ROLLBACK dies and hides what happened: here it does not, since the server rolls back by itself.
 */
export const inTransaction = <A, E, R, X>(
  sql: PgClient,
  effect: Effect.Effect<A, E, R>,
  own: (error: SqlError) => X
): Effect.Effect<A, E | X, R> =>
  Effect.suspend(() => {
    let ended: Exit.Exit<A, E> | undefined
    const remembered = Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        ended = exit
      })
    )
    return Effect.catchCause(sql.withTransaction(remembered), (cause): Effect.Effect<never, E | X> => {
      if (ended !== undefined && Exit.isFailure(ended)) return Effect.failCause(ended.cause)
      const first = Cause.findFail(cause)
      if (Result.isFailure(first)) return Effect.failCause(first.failure)
      const { error } = first.success
      return Effect.fail(isSqlError(error) ? own(error) : error)
    })
  })
