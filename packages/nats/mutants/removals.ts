// Broken removals: tombstones that are not the last, messages that stay, and logs that are not asked.
import type { Mutant } from "./Mutant.ts"

const remove = "internal/remove.ts"
const append = "internal/append.ts"
const message = "internal/eventMessage.ts"
const store = "internal/eventStore.ts"

/** Broken removals. */
export const removals: ReadonlyArray<Mutant> = [
  {
    law: "Removal 1",
    breaks: "a tombstone that stands already is all that there is to a removal",
    by: [
      [
        remove,
        `    const sequence = sequenceOf(ended.result.position)`,
        `    if (last?.header("Nats-Msg-Id") === tombstone.id) return { _tag: "Appended", results: [ended.result] }\n` +
          `    const sequence = sequenceOf(ended.result.position)`
      ]
    ]
  },
  {
    law: "Removal 2",
    breaks: "a tombstone is written where the messages before it cannot go",
    by: [[store, `config["deny_purge"] === true\n          ?`, "false\n          ?"]]
  },
  {
    law: "Removal 3",
    breaks: "a process takes the tombstone that it has written for an event like any other",
    by: [[append, "if (tail?.isRemoved === true && !one.events.some(isTombstone))", "if (false)"]]
  },
  {
    law: "Removal 3",
    breaks: "a tombstone names messages that are gone",
    by: [[message, "tail === undefined || (!isImported && standsAlone(events)) ? [id]", "tail === undefined ? [id]"]]
  }
]
