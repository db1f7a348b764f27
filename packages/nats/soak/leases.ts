// leases: hold a lease each and move its checkpoint step by step, one process against the other, and write down each step.
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { CheckpointStore, Lease } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { open, type LeaseLine } from "./journal.ts"
import type { Random } from "./random.ts"

/** What the leases are of. */
export const names = ["soak-lease-0", "soak-lease-1", "soak-lease-2"] as const

/** How long a lease is, in milliseconds. */
export const duration = 1000

/** The journal of a process's leases. */
export const fileOf = (folder: string, process: string): string => path.join(folder, `leases ${process}.ndjson`)

/** Takes leases, moves checkpoints, gives leases back now and then, until it is interrupted. */
export const run = (
  checkpoints: CheckpointStore["Service"],
  file: string,
  process: string,
  random: Random
): Effect.Effect<void> => {
  const write = open<LeaseLine>(file)

  const hold = Effect.fnUntraced(function* (name: string, lease: Lease) {
    let renewed = performance.now()
    const { token } = lease
    for (let left = random.between(50, 600); left > 0; left--) {
      const { position: from } = yield* checkpoints.load(name)
      const to = Position.make(from + 1)
      write({ k: "try", name, to, token })
      // Whoever finds it moved by somebody else tries again, so that nothing but his lease holds him back.
      const isMoved = yield* checkpoints.advance({ name, from, to, lease }).pipe(
        Effect.as(true),
        Effect.catchTag("CheckpointMoved", () => Effect.succeed(false))
      )
      if (isMoved) write({ k: "ok", name, to, token })
      // Not before the step: who was stopped for longer than his lease shall try to go on with it.
      if (performance.now() - renewed > duration / 3) {
        yield* checkpoints.renew(lease)
        renewed = performance.now()
      }
      yield* Effect.sleep(random.between(1, 15))
    }
    yield* checkpoints.release(lease)
  })

  const one = (name: string) =>
    Effect.forever(
      checkpoints.acquire(name, `${process} ${name}`, duration).pipe(
        Effect.flatMap((lease) => hold(name, lease)),
        Effect.catch((error) =>
          Effect.sync(() => {
            if (error._tag === "CheckpointStoreError" && !error.isRetryable) write({ finding: error.message })
          })
        ),
        Effect.andThen(Effect.sleep(random.between(20, 200)))
      )
    )
  return Effect.all(names.map(one), { concurrency: "unbounded", discard: true })
}
