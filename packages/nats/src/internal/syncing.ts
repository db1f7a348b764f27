// syncing: how often a server writes what it has acknowledged to the disk, as its monitoring says.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** At once, after so many milliseconds at most, or nobody knows. */
export type Syncing = "always" | number | "unknown"

const Answer = Schema.Struct({
  config: Schema.Struct({
    sync_interval: Schema.optionalKey(Schema.Number),
    sync_always: Schema.optionalKey(Schema.Boolean)
  })
})
const decode = Schema.decodeUnknownOption(Answer)

// Servers before 2.10 have no such setting, and do it every two minutes.
const before = 120_000
const nanos = 1_000_000

/** Asks the monitoring at an address. */
export const look = (monitorUrl: string | undefined): Effect.Effect<Syncing> =>
  monitorUrl === undefined
    ? Effect.succeed("unknown")
    : Effect.tryPromise(async (signal) => {
        const answer = await fetch(new URL("/jsz?config=true", monitorUrl), { signal })
        return (await answer.json()) as unknown
      }).pipe(
        Effect.timeout("5 seconds"),
        Effect.map((found): Syncing => {
          const decoded = Option.getOrUndefined(decode(found))
          if (decoded === undefined) return "unknown"
          const { sync_always: always = false, sync_interval: interval = before * nanos } = decoded.config
          return always ? "always" : interval / nanos
        }),
        Effect.catchCause(() => Effect.succeed<Syncing>("unknown"))
      )
