// holdAll: holds all slots of a processor for a moment; whoever works on them finishes what it has begun, lets go and waits.
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { CheckpointStore, Lease } from "../CheckpointStore.ts"
import * as EventId from "../EventId.ts"
import * as slots from "./slots.ts"

/** Somebody does not let go of its slots. */
export class NotAlone extends Data.TaggedError("NotAlone")<{ readonly problem: string }> {}

const leaseFor = Duration.seconds(10)

/** Runs an effect with the leases of all slots, in their order. */
export const holdAll = <A, E>(
  checkpoints: CheckpointStore["Service"],
  checkpoint: string,
  patience: Duration.Input,
  effect: (leases: ReadonlyArray<Lease>) => Effect.Effect<A, E>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const holder = yield* EventId.generate
      const names = slots.namesOf(checkpoint)
      const held = new Map<string, Lease>()
      const attend = checkpoints.attend(checkpoint, { holder, partitions: 0 }, leaseFor)
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.andThen(checkpoints.release([...held.values()]), checkpoints.leave(checkpoint, holder)))
      )
      const changed = yield* checkpoints.watch(checkpoint, "lease")
      const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
      while (true) {
        const others = (yield* attend).filter((member) => member.partitions === 0 && member.holder < holder)
        // Somebody else was first: two that each hold a part would wait for each other.
        if (others.length > 0) {
          yield* checkpoints.release([...held.values()])
          held.clear()
          if ((yield* Clock.currentTimeMillis) > until) {
            const problem = "somebody else rebuilds it; try again"
            return yield* new NotAlone({ problem })
          }
          yield* Effect.timeoutOption(changed, "100 millis")
          continue
        }
        const wanted = names.filter((one) => !held.has(one))
        for (const lease of yield* checkpoints.acquireAll(wanted, holder, leaseFor)) held.set(lease.name, lease)
        if (held.size === names.length) break
        if (held.size > 0) yield* checkpoints.renew([...held.values()])
        const holders = yield* checkpoints.holders(wanted)
        if (holders.includes("inline")) {
          const problem = "appends keep it themselves; give it to its processor first, by Postgres.endInline"
          return yield* new NotAlone({ problem })
        }
        if ((yield* Clock.currentTimeMillis) > until) {
          const other = holders.find((one) => one !== undefined)
          return yield* new NotAlone({ problem: `${other} does not let go of its part of the work; try again` })
        }
        yield* Effect.timeoutOption(changed, "100 millis")
      }
      const keep = Effect.forever(
        Effect.andThen(
          Effect.sleep(Duration.divideUnsafe(leaseFor, 4)),
          Effect.andThen(attend, checkpoints.renew([...held.values()]))
        )
      )
      return yield* Effect.raceFirst(effect(names.flatMap((one) => held.get(one) ?? [])), keep)
    })
  )
