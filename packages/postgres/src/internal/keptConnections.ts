// keptConnections: connections that go from one group of appends to the next without a visit to the pool.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import type { Connection } from "effect/sql/SqlConnection"
import type { Database } from "./Database.ts"

interface Kept {
  readonly connection: Connection
  readonly scope: Scope.Closeable
}

// While appends follow each other; a moment of quiet gives the connections back.
const quiet = 50

/**
 * Runs statements, each on a connection that is kept as long as appends keep coming.
 *
 * Borrowing from the pool and describing the statement to it cost a lone append a tenth of its time. No more connections
 * are kept than groups run at the same time; one that failed is given back at once.
 */
export const make = Effect.fnUntraced(function* ({
  sql
}: Database): Effect.fn.Return<Database["run"], never, Scope.Scope> {
  const fork = yield* FiberSet.makeRuntime()
  let free: Array<Kept> = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let usedAt = 0
  let isClosed = false

  const giveBack = (some: ReadonlyArray<Kept>): Effect.Effect<void> =>
    Effect.forEach(some, ({ scope }) => Scope.close(scope, Exit.void), { discard: true })

  const giveAllBack = (): Effect.Effect<void> => {
    const all = free
    free = []
    return giveBack(all)
  }

  const watch = (): void => {
    timer = undefined
    if (performance.now() - usedAt < quiet) timer = setTimeout(watch, quiet)
    else fork(giveAllBack())
  }

  const take = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Scope.make(), (scope) =>
      restore(Scope.provide(sql.reserve, scope)).pipe(
        Effect.map((connection): Kept => ({ connection, scope })),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
    )
  )

  const use = (kept: Kept, text: string, params: ReadonlyArray<unknown>) =>
    Effect.onExit(kept.connection.executeValues(text, params), (exit) => {
      if (Exit.isFailure(exit) || isClosed) return giveBack([kept])
      usedAt = performance.now()
      free.push(kept)
      timer ??= setTimeout(watch, quiet)
      return Effect.void
    }) as ReturnType<Database["run"]>

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosed = true
      clearTimeout(timer)
      return giveAllBack()
    })
  )

  return (text, params): ReturnType<Database["run"]> =>
    Effect.suspend(() => {
      const kept = free.pop()
      return kept === undefined ? Effect.flatMap(take, (one) => use(one, text, params)) : use(kept, text, params)
    })
})
