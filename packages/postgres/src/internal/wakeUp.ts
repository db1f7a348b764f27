// wakeUp: says that something was appended, to this process at once and to the others by NOTIFY, without data.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { Database } from "./Database.ts"

/** The channel of a store: what a schema's name leaves of the 63 bytes is enough. */
export const channelOf = (schema: string): string => `evolvent_${schema}`

// However fast appends follow each other, the other processes are woken this often at most: whoever was woken looks again
// by itself for a while.
const pause = "100 millis"

/** What wakes those who follow the log. */
export interface WakeUp {
  /** Something was appended and committed; the others learn it soon. */
  readonly appended: () => void
  /** Wakes the others now, on the road of all wake-ups. */
  readonly notify: Effect.Effect<unknown, SqlError>
  /** Takes wake-ups, one for however many came since the last. */
  readonly signals: Queue.Queue<void>
}

/**
 * The wake-ups of a process.
 *
 * NOTIFY runs beside the appends, in a statement of its own: within their transactions it would make every commit of the
 * database wait in line. One that is lost delays readers until they poll, and nothing else.
 */
export const make = Effect.fnUntraced(function* (
  db: Database,
  channel: string
): Effect.fn.Return<WakeUp, never, Scope.Scope> {
  const signals = yield* Queue.sliding<void>(1)
  // What it runs is part of no trace.
  const fork = yield* Effect.withTracerEnabled(FiberSet.makeRuntime(), false)
  let isNotifying = false
  let isDue = false

  // Nothing in it needs to be on the disk, and appends would wait while it is brought there.
  const text = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, '')"
  const notify = db.run(text, [PgTypes.text(channel)])
  const notifyWhileDue: Effect.Effect<void> = Effect.suspend(() => {
    isDue = false
    return Effect.ignore(notify).pipe(
      Effect.andThen(Effect.sleep(pause)),
      Effect.andThen(Effect.suspend(() => (isDue ? notifyWhileDue : Effect.void)))
    )
  })

  return {
    notify,
    signals,
    appended: () => {
      Queue.offerUnsafe(signals, undefined)
      isDue = true
      if (isNotifying) return
      isNotifying = true
      fork(
        Effect.ensuring(
          notifyWhileDue,
          Effect.sync(() => {
            isNotifying = false
          })
        )
      )
    }
  }
})
