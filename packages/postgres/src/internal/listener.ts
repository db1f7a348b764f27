// listener: the connection that hears other processes' wake-ups, kept up, and tried before it is relied on.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"

// A server that restarts is back soon, and one that stays away is not to be pestered.
const firstPause = 100
const longestPause = 5000

/** What a listener needs, and whom it tells. */
export interface Listener {
  /** A client on a connection of its own, which it may keep for itself. */
  readonly client: Effect.Effect<PgClient, SqlError, Scope.Scope>
  readonly channel: string
  /** Sends a notification on the road that wake-ups take. */
  readonly notify: Effect.Effect<unknown, SqlError>
  /** A notification came, or the connection is new, and something may have been missed. */
  readonly heard: () => void
  /** Whether notifications arrive; behind a pooler that shares sessions they do not. */
  readonly works: (works: boolean) => void
}

/**
 * Listens for as long as it is not interrupted.
 *
 * LISTEN succeeds behind a transaction pooler too, where nothing ever arrives: so a first notification is sent over the
 * road of all others, and until one was heard the listener does not count as working.
 */
export const run = ({ channel, client, heard, notify, works }: Listener): Effect.Effect<never> => {
  let pause = firstPause
  let isWarned = false
  const session = Effect.gen(function* () {
    const sql = yield* client
    const notifications = yield* sql.listen(channel)
    heard()
    yield* notify
    const first = yield* Effect.timeoutOption(Queue.take(notifications), "2 seconds")
    if (first._tag === "Some") works(true)
    else if (!isWarned) {
      isWarned = true
      yield* Effect.logWarning(
        `No NOTIFY arrives on channel "${channel}": is there a pooler in transaction mode in between? Other processes' ` +
          `events are found by polling. Give \`listen\` a direct connection, or set it to false.`
      )
    }
    pause = firstPause
    return yield* Effect.forever(Effect.map(Queue.take(notifications), () => (works(true), heard())))
  })
  const attempt = Effect.catchCause(Effect.scoped(session), () =>
    Effect.suspend(() => {
      works(false)
      heard()
      const now = pause
      pause = Math.min(pause * 2, longestPause)
      return Effect.sleep(now)
    })
  )
  return Effect.forever(attempt)
}
