// groups: handle the messages of the bus, in two groups that both reading processes share, and write down each.
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { Bus } from "evolvent/Bus"
import { open, type GroupLine } from "./journal.ts"
import type { Random } from "./random.ts"
import { numberOf, topic } from "./workload.ts"

export const groups = ["fast", "slow"] as const

/** The journal of a process's groups. */
export const fileOf = (folder: string, process: string): string => path.join(folder, `groups ${process}.ndjson`)

/** Handles messages until it is interrupted; `handled` is told of each. */
export const run = (
  bus: Bus["Service"],
  file: string,
  random: Random,
  handled: (group: string, key: string, n: number) => void
): Effect.Effect<void> => {
  const write = open<GroupLine>(file)
  const one = (group: (typeof groups)[number]) =>
    bus
      .subscribe(group, { topics: [{ category: topic }] }, (message) =>
        Effect.suspend(() => {
          const { key } = message
          const n = numberOf(message)
          if (n === undefined) {
            write({ finding: `group "${group}" was given ${message.id} of "${key}" with another content` })
            return Effect.void
          }
          write({ group, key, n, at: performance.timeOrigin + performance.now() })
          handled(group, key, n)
          return group === "slow" && random.chance(0.05) ? Effect.sleep(random.between(1, 10)) : Effect.void
        })
      )
      .pipe(Effect.catch((error) => Effect.sync(() => write({ finding: `group "${group}" ended: ${error.message}` }))))
  return Effect.all(groups.map(one), { concurrency: "unbounded", discard: true })
}
