// Broken caches of recent states and of rows.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const states = "internal/stateCache.ts"
const bounded = "internal/bounded.ts"
const rows = "internal/readModelCache.ts"

const keepingStates: ReadonlyArray<Broken> = [
  [
    "what is older is kept instead of what is newer",
    states,
    "if (present !== undefined && present !== state && isBefore(found, present)) return",
    ""
  ],
  ["two stores have one cache", states, "${numberOf(store)}.", ""],
  [
    "definitions of one name have one cache",
    states,
    ".${numberOf(aggregate.codecs)}.${numberOf(aggregate.evolve)}",
    ""
  ],
  ["a kept state is believed whatever its store has", states, "isClaim: true", "isClaim: false"],
  ["it grows without end", bounded, "entries.size <= capacity && until > now", "until > now"],
  [
    "what is old is given",
    bounded,
    "entry !== undefined && entry.until > now ? entry.value : undefined",
    "entry?.value"
  ],
  ["what was used just now goes first", bounded, "entries.delete(key)\n      entries.set(", "entries.set("]
]

const keepingRows: ReadonlyArray<Broken> = [
  ["a row is kept whatever was promised", rows, "follows && through >= promised(checkpoints, checkpoint)", "follows"],
  ["what was read before an event, and came after it, is kept", rows, "if (!one.isTouched) rows.put", "rows.put"],
  ["rows that were made anew are not read again", rows, "else touchAll()", "else void 0"],
  ["rows of any store are those of this one", rows, "cache?.store === store", "cache !== undefined"],
  ["what an event touches stays", rows, "    rows.remove(key)\n", ""]
]

/** Broken caches. */
export const caches: ReadonlyArray<Mutant> = [
  ...all("states", keepingStates, ["stateCache"]),
  ...all("rows", keepingRows, ["readModelCache"])
]
