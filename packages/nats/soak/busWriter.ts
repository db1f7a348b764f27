// busWriter: publishes messages of keys of its own in their order, some of them again, and writes down what was acknowledged.
import * as Effect from "effect/Effect"
import type { Bus } from "evolvent/Bus"
import type { WriterLine } from "./journal.ts"
import type { Random } from "./random.ts"
import { messageOf } from "./workload.ts"

const patience = 20

// Only what was published lately is published again: a server remembers ids for a while.
const lately = 20

/** One operation of a publisher after the other; `name` begins its keys, which no other publisher has. */
export const make = (
  bus: Bus["Service"],
  write: (line: WriterLine) => void,
  isStopped: () => boolean,
  name: string,
  random: Random
): Effect.Effect<unknown> => {
  const keys = Array.from({ length: 3 }, (_, i) => ({ key: `${name} ${i}`, next: 0, given: 0 }))
  const done: Array<{ readonly key: string; readonly n: number }> = []

  const fresh = Effect.suspend(() => {
    const at = random.between(0, keys.length - 1)
    const one = keys[at]
    if (one === undefined) return Effect.void
    const { key, next } = one
    const to = next + random.between(0, 3)
    const messages = Array.from({ length: to - next + 1 }, (_, i) => messageOf(key, next + i))
    write({ k: "publish", key, from: next, to })
    const began = performance.now()
    const again = (left: number): Effect.Effect<void> =>
      Effect.matchEffect(bus.publish(messages), {
        onSuccess: () =>
          Effect.sync(() => {
            write({ k: "published", key, to, ms: Math.round(performance.now() - began) })
            one.next = to + 1
            done.push({ key, n: to })
            if (done.length > lately) done.shift()
          }),
        onFailure: (error) => {
          if (!error.isRetryable) write({ k: "finding", problem: error.message })
          else if (left > 0 && !isStopped()) {
            for (let n = next; n <= to; n++) write({ k: "again", key, n })
            return Effect.andThen(Effect.sleep(random.between(50, 400)), again(left - 1))
          }
          // Nobody knows how many of them are there: nothing more of this key.
          one.given += 1
          keys[at] = { key: `${name} ${at}.${one.given}`, next: 0, given: one.given }
          return Effect.void
        }
      })
    return again(patience)
  })

  const repeated = Effect.suspend(() => {
    const [first, ...rest] = done
    if (first === undefined) return Effect.void
    const { key, n } = random.pick([first, ...rest])
    write({ k: "again", key, n })
    return Effect.catch(bus.publish([messageOf(key, n)]), (error) =>
      Effect.sync(() => {
        if (!error.isRetryable) write({ k: "finding", problem: error.message })
      })
    )
  })

  return Effect.suspend((): Effect.Effect<unknown> => (random.chance(0.15) ? repeated : fresh))
}
