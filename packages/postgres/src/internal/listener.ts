// listener: the connection that hears other processes' wake-ups, kept up, and tried before it is relied on.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"

const reconnect = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/** What a listener tells. */
export interface Listener {
  /** A notification came, or the connection is new, and something may have been missed. */
  readonly heard: () => void
  /** Whether notifications arrive; behind a pooler that shares sessions they do not. */
  readonly works: (works: boolean) => void
}

/**
 * Listens for as long as it is not interrupted.
 *
 * LISTEN succeeds behind a transaction pooler too, where nothing ever arrives: so a first notification is sent over the
 * same road, and until one was heard the listener does not count as working.
 */
export const run = (
  client: Effect.Effect<PgClient, SqlError, Scope.Scope>,
  channel: string,
  { heard, works }: Listener
): Effect.Effect<never> => {
  const session = Effect.gen(function* () {
    const sql = yield* client
    const notifications = yield* sql.listen(channel)
    heard()
    yield* sql.notify(channel, "")
    const first = yield* Effect.timeoutOption(Queue.take(notifications), "2 seconds")
    if (first._tag === "None") {
      yield* Effect.logWarning(
        `No NOTIFY arrives on channel "${channel}": is there a pooler in transaction mode in between? Other processes' ` +
          `events are found by polling. Give \`listen\` a direct connection, or set it to false.`
      )
    } else works(true)
    return yield* Effect.forever(Effect.map(Queue.take(notifications), () => (works(true), heard())))
  })
  return Effect.scoped(session).pipe(
    Effect.tapCause(() => Effect.sync(() => (works(false), heard()))),
    Effect.retry(reconnect),
    Effect.orDie
  )
}
