// chaos: kills both servers and the processes on both sides of the bus, at moments that a seed chooses.
import type { Server as PostgresServer } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import type { Server as NatsServer } from "@evolvent/nats-server/NatsServer"
import * as Effect from "effect/Effect"
import type { Worker } from "./processes.ts"

/** What was killed. */
export interface Kills {
  postgres: number
  nats: number
  relays: number
  shipping: number
}

/** What there is to kill. */
export interface Prey {
  readonly postgres: PostgresServer
  readonly nats: NatsServer
  readonly workers: Array<Worker>
  readonly replace: (worker: Worker) => Worker
  readonly kills: Kills
  /** A number from 0 up to, not including, 1. */
  readonly random: () => number
  readonly isOver: () => boolean
  /** Shipping is killed only while there is much to do: whoever takes its leases over waits for ten seconds. */
  readonly isWriting: () => boolean
}

/** Goes on until it is over, and finishes what it is at: a server that was stopped comes back. */
export const run = (prey: Prey) => {
  const { isOver, isWriting, kills, nats, postgres, random, replace, workers } = prey
  const between = (low: number, high: number) => low + random() * (high - low)
  // The first comes soon, so that a short run has it too. Then there is time to come back, and to get on: on a small
  // machine both take seconds.
  const every = <E>(low: number, high: number, step: Effect.Effect<void, E>) =>
    Effect.gen(function* () {
      let left = between(low, high) / 4
      while (true) {
        for (; left > 0 && !isOver(); left -= 50) yield* Effect.sleep(50)
        if (isOver()) return
        yield* step
        left = between(low, high)
      }
    })

  const killPostgres = Effect.gen(function* () {
    kills.postgres += 1
    yield* random() < 0.5 ? postgres.kill : postgres.stop("immediate")
    yield* Effect.sleep(between(0, 300))
    yield* postgres.restart()
  })
  const killNats = Effect.gen(function* () {
    kills.nats += 1
    yield* nats.kill
    yield* Effect.sleep(random() < 0.2 ? between(500, 2500) : between(0, 300))
    yield* nats.start
  })
  const killWorker = (role: Worker["task"]["role"], counted: "relays" | "shipping") =>
    Effect.promise(async () => {
      const places = workers.flatMap(({ task }, at) => (task.role === role ? [at] : []))
      const at = places[Math.floor(random() * places.length)]
      const worker = workers[at ?? -1]
      if (at === undefined || worker === undefined || !(role === "relay" || isWriting())) return
      await worker.kill()
      kills[counted] += 1
      workers[at] = replace(worker)
    })
  return Effect.all(
    [
      every(10_000, 25_000, killPostgres),
      every(8000, 20_000, killNats),
      every(10_000, 25_000, killWorker("relay", "relays")),
      every(8000, 25_000, killWorker("shipping", "shipping"))
    ],
    { concurrency: "unbounded", discard: true }
  )
}
