// keptConnections: connections that go from one group of appends to the next without a visit to the pool.
import type { PgPoolConfig } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import type { Connection } from "effect/sql/SqlConnection"
import type { Database } from "./Database.ts"

interface Kept {
  readonly connection: Connection
  readonly scope: Scope.Closeable
  /** When it goes back to the pool, whatever is still to do: others may be waiting for it. */
  readonly until: number
}

// Some dozens of appends, and as long as nobody notices who waits for a connection.
const longest = 50

// With so few, each that is kept is missed.
const few = 3

/**
 * Runs statements, each on a connection that is kept for a moment, since more of them may follow.
 *
 * Borrowing from the pool and describing the statement to it cost a lone append a tenth of its time. One that failed is
 * given back at once.
 */
export const make = Effect.fnUntraced(function* ({
  run,
  sql
}: Database): Effect.fn.Return<Database["run"], never, Scope.Scope> {
  const { maxConnections = 10 }: PgPoolConfig = sql.config
  if (maxConnections <= few) return run
  const fork = yield* FiberSet.makeRuntime()
  let free: Array<Kept> = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false

  const giveBack = (some: ReadonlyArray<Kept>): Effect.Effect<void> =>
    Effect.forEach(some, ({ scope }) => Scope.close(scope, Exit.void), { discard: true })

  const giveAllBack = (): Effect.Effect<void> => {
    const all = free
    free = []
    return giveBack(all)
  }

  const keep = (kept: Kept): void => {
    free.push(kept)
    timer ??= setTimeout(() => {
      timer = undefined
      fork(giveAllBack())
    }, longest)
  }

  const take = (restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
    Effect.flatMap(Scope.make(), (scope) =>
      restore(Scope.provide(sql.reserve, scope)).pipe(
        Effect.map((connection): Kept => ({ connection, scope, until: performance.now() + longest })),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
    )

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosed = true
      clearTimeout(timer)
      return giveAllBack()
    })
  )

  const use = (
    one: Kept,
    text: string,
    params: ReadonlyArray<unknown>,
    restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) =>
    Effect.onExit(restore(one.connection.executeValues(text, params)), (exit) => {
      if (Exit.isFailure(exit) || isClosed || performance.now() > one.until) return giveBack([one])
      keep(one)
      return Effect.void
    }) as ReturnType<Database["run"]>

  // Nobody may be interrupted between the taking and what gives it back.
  return (text, params) =>
    Effect.uninterruptibleMask((restore) => {
      const kept = free.pop()
      return kept === undefined
        ? Effect.flatMap(take(restore), (one) => use(one, text, params, restore))
        : use(kept, text, params, restore)
    })
})
