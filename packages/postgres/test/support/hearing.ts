// hearing: a tail that never looks by itself, so that only a notification can be the reason for what it sees.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { layer as reactivity } from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Database from "../../src/internal/Database.ts"
import * as listener from "../../src/internal/listener.ts"
import * as tails from "../../src/internal/tail.ts"
import * as wakeUps from "../../src/internal/wakeUp.ts"

/** A tail on one road, with its listener on another. */
export interface Hearing {
  readonly seen: () => number
  /** Whether the listener has heard itself. */
  readonly works: () => boolean
}

/** Follows the log of a schema by notifications alone. */
export const hearing = (
  schema: string,
  road: PgClient.PgClientConfig,
  listen: PgClient.PgClientConfig
): Effect.Effect<Hearing, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const never = Duration.days(1)
    const channel = wakeUps.channelOf(schema)
    const db = Database.make(yield* PgClient.make(road).pipe(Effect.provide(reactivity)), schema)
    const wakeUp = yield* wakeUps.make(db, channel)
    let works = false
    const tail = yield* tails.make(db, wakeUp, { min: never, max: never, maxDeaf: never }, (on) =>
      listener.run({
        client: PgClient.makeClient(listen).pipe(Effect.provide(reactivity)),
        channel,
        notify: wakeUp.notify,
        heard: on.heard,
        works: (now) => {
          works = now
          on.works(now)
        }
      })
    )
    // Followed as long as the scope lasts; nobody waits for it here.
    yield* Effect.asVoid(tail.follow)
    return { seen: tail.seen, works: () => works }
  })
