// Broken caches of recent states and of rows.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const states = "internal/stateCache.ts"
const bounded = "internal/bounded.ts"
const rows = "internal/readModelCache.ts"
const execute = "internal/execute.ts"

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
  [
    "what was loaded is believed by its place",
    "internal/load.ts",
    "at === position && id === from.lastEvent",
    "at === position"
  ],
  [
    "the last event is the first of its page",
    "internal/load.ts",
    "lastEvent = types.length === 1 ? id : undefined",
    "lastEvent = id"
  ],
  [
    "what was loaded is kept without its last event",
    states,
    "if (revision === undefined || lastEvent !== undefined) return",
    "if (revision !== -1) return"
  ],
  [
    "a stale state is a conflict of the caller's",
    execute,
    'known = known === "guessed" ? "stale" : "passed"',
    'known = "passed"'
  ],
  [
    "what throws on a stale state fails its command",
    execute,
    "isMet(task.expected, revision) ? attempted(() => aggregate.decide(command, state)) : undefined",
    "isMet(task.expected, revision) ? aggregate.decide(command, state) : undefined"
  ],
  [
    "what throws on a stale state fails its command where it has an id",
    execute,
    'known === "guessed" ? attempted(() => aggregate.decide(command, loaded.state)) : undefined',
    'known === "guessed" ? aggregate.decide(command, loaded.state) : undefined'
  ],
  [
    "a command fails though its events are stored",
    execute,
    "attempted(() => ({ state: afterwards(aggregate, before, data) }))",
    "{ state: afterwards(aggregate, before, data) }"
  ],
  [
    "a kept state forgets the last try at a snapshot",
    "internal/snapshot.ts",
    "{ ...since, snapshot: revision, takenAt: now, bytes: 0 }",
    "since"
  ],
  ["it grows without end", bounded, "entries.size <= capacity && until > now", "until > now"],
  ["what is old is given", bounded, "if (entry.until <= now) return undefined", ""],
  ["what was put just now goes first", bounded, "entries.delete(key)\n      entries.set(key, {", "entries.set(key, {"],
  [
    "what was put longest ago goes first, however it is used",
    bounded,
    "entries.delete(key)\n      if (entry",
    "if (entry"
  ]
]

const keepingRows: ReadonlyArray<Broken> = [
  ["a row is kept whatever was promised", rows, "follows && through >= promised(checkpoints, checkpoint)", "follows"],
  ["what was read before an event, and came after it, is kept", rows, "if (!one.isTouched) rows.put", "rows.put"],
  ["any checkpoint store promises", rows, " && cache.checkpoints === checkpoints", ""],
  ["a retired row stays", "internal/readModelRemade.ts", ' || type === "RowsDropped") &&', ") &&"],
  [
    "rows are said to be dropped before they are",
    "internal/rebuildEnds.ts",
    'type: "Retired", data: { id } })\n',
    'type: "Retired", data: { id } })\n    yield* record.write(store, projection, "whatever", { type: "RowsDropped", data: { id } })\n    if (id.length > 0) return yield* rows.drop(projection.table)\n'
  ],
  ["rows that were made anew are not read again", rows, "else touchAll()", "else void 0"],
  ["rows of any store are those of this one", rows, "cache?.store === store", "cache !== undefined"],
  ["what an event touches stays", rows, "    rows.remove(key)\n", ""]
]

/** Broken caches. */
export const caches: ReadonlyArray<Mutant> = [
  ...all("states", keepingStates, ["stateCache"]),
  ...all("rows", keepingRows, ["readModelCache"])
]
