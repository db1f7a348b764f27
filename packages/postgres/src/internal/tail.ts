// tail: how far readers may go. One for each process, kept current while anybody follows the log.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { Database } from "./Database.ts"
import type { WakeUp } from "./wakeUp.ts"

/** How often the tail looks by itself; wake-ups come in between. */
export interface Polling {
  /** At first after something came, then longer and longer. */
  readonly min: Duration.Duration
  readonly max: Duration.Duration
  /** The longest while no notifications arrive from other processes. */
  readonly maxDeaf: Duration.Duration
}

/** How far readers may go. */
export interface Tail {
  /** The greatest position that a reader may pass, as last seen by anybody here; -1 while nobody knows. */
  readonly seen: () => number
  /** The same, looked up now. */
  readonly look: Effect.Effect<number, SqlError>
  /** The same, looked up until it has reached what this process has appended, or a second has gone by. */
  readonly lookForOwn: Effect.Effect<number, SqlError>
  /** This process has appended and committed up to a position. */
  readonly appended: (position: number) => void
  /** Begins to follow; the inner effect waits until `seen` has changed since it last returned. */
  readonly follow: Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
}

// A burst of wake-ups is one look; the first of them is answered at once.
const breath = 4

/** The tail of a store; `listen` hears the other processes and never ends. */
export const make = (
  db: Database,
  wakeUp: WakeUp,
  polling: Polling,
  listen: (on: { readonly heard: () => void; readonly works: (works: boolean) => void }) => Effect.Effect<never>
): Effect.Effect<Tail, never, Scope.Scope> =>
  Effect.gen(function* () {
    // What it runs is part of no trace.
    const fork = yield* Effect.withTracerEnabled(FiberSet.makeRuntime(), false)
    const text = `SELECT safe FROM ${db.schema}.safe_position()`
    const followers = new Set<Queue.Queue<void>>()
    let seen = -1
    let own = 0
    let hears = false
    let running: Fiber.Fiber<unknown> | undefined

    /** Also where it went back: a store that was restored must not be read as if it were the old one. */
    const publish = (safe: number): void => {
      if (safe === seen) return
      seen = safe
      for (const follower of followers) Queue.offerUnsafe(follower, undefined)
    }

    const look = db.run(text, []).pipe(
      Effect.map(([row]) => {
        const safe = Number(row?.[0])
        publish(safe)
        return safe
      }),
      // Behind a lost connection there may be another server.
      Effect.tapError(() => Effect.sync(() => publish(-1)))
    )

    const lookForOwn = Effect.flatMap(look, (safe) => {
      const target = own
      if (safe >= target) return Effect.succeed(safe)
      const again = (pause: number, left: number): Effect.Effect<number, SqlError> =>
        Effect.flatMap(Effect.andThen(Effect.sleep(pause), look), (now) =>
          now >= target || left <= 0 ? Effect.succeed(now) : again(Math.min(pause * 2, 50), left - pause)
        )
      return again(1, 1000)
    })

    const loop = Effect.gen(function* () {
      let pause = Duration.toMillis(polling.min)
      while (true) {
        const before = seen
        const began = performance.now()
        // Whatever it ends with: all who follow wait for this loop.
        yield* Effect.catchCause(look, () => Effect.sync(() => publish(-1)))
        const longest = Duration.toMillis(hears && seen >= 0 ? polling.max : polling.maxDeaf)
        pause = seen === before ? Math.min(pause * 2, longest) : Duration.toMillis(polling.min)
        const woken = yield* Effect.timeoutOption(Queue.take(wakeUp.signals), pause)
        const rest = breath - (performance.now() - began)
        if (woken._tag === "Some" && rest > 0) yield* Effect.sleep(rest)
      }
    })

    // In a fiber of the store's own: who follows may be in a transaction, which this must not be.
    const start = (): void => {
      const heard = () => void Queue.offerUnsafe(wakeUp.signals, undefined)
      const works = (now: boolean) => {
        hears = now
      }
      running = fork(Effect.raceFirst(loop, listen({ heard, works })))
    }

    return {
      seen: () => seen,
      look,
      lookForOwn,
      appended: (position) => {
        own = Math.max(own, position)
        wakeUp.appended()
      },
      follow: Effect.acquireRelease(
        Effect.gen(function* () {
          const queue = yield* Queue.sliding<void>(1)
          followers.add(queue)
          if (running === undefined) start()
          return queue
        }),
        (queue) =>
          Effect.suspend(() => {
            followers.delete(queue)
            const last = running
            if (followers.size > 0 || last === undefined) return Effect.void
            running = undefined
            hears = false
            return Fiber.interrupt(last)
          })
      ).pipe(Effect.map(Queue.take))
    }
  })
