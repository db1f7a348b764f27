// Broken ways of telling who did what, what led to what, and how things once were.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const search = "internal/auditSearch.ts"
const tree = "internal/auditTree.ts"
const forest = "internal/auditForest.ts"
const between = "internal/between.ts"
const load = "internal/projectionLoad.ts"

const auditing: ReadonlyArray<Broken> = [
  ["one of what is asked for is enough", "Audit.ts", "asked.every(", "asked.some("],
  ["what was recorded right then is left out", between, "millis <= most", "millis < most"],
  [
    "times follow positions",
    between,
    "from?.time === undefined && to?.time === undefined ? ended : Stream.filter(ended, recordedWithin(from, to))",
    "ended"
  ],
  [
    "the conversation is the cause",
    search,
    "        wanted = one.metadata.causationId",
    "        wanted = one.metadata.correlationId"
  ],
  ["effects of effects are not found", search, "          ids.add(one.id)\n", ""],
  [
    "all that is said later in a conversation is an effect",
    search,
    "causationId !== undefined && ids.has(causationId)",
    "conversationOf(one) === conversation"
  ],
  ["what a limit leaves out is not said", search, "hasMore.effects = true", "return false"],
  ["effects of the causes are orphans", tree, "  for (const { id } of causes) lost.delete(id)\n", ""],
  [
    "an orphan is who has a cause outside of the conversation",
    tree,
    'read(filter, range, "backwards", search.absent(lost).goesOn)',
    'read(filter, before(event, range), "backwards", search.absent(lost).goesOn)'
  ],
  ["a cause that is not there is not named", tree, "missing: hasMoreCauses ? undefined : wanted", "missing: undefined"],
  [
    "events are in the order that they come in",
    forest,
    "[...events].sort((a, b) => a.position - b.position)",
    "events"
  ],
  ["an event that comes twice is in it twice", forest, "    if (nodes.has(event.id)) continue\n", ""],
  ["stored text goes to the terminal as it is", "internal/auditRender.ts", "escaped(line(event))", "line(event)"]
]

const asItWas: ReadonlyArray<Broken> = [
  ["as of any position is as of now", load, "at === undefined ? {} : { to: at }", "{}"],
  ["rows that nobody asked for are given", load, "filter(([key]) => wanted.has(key))", "filter(() => true)"],
  [
    "streams of one row are folded one after the other",
    load,
    "all.flat().sort((a, b) => a.position - b.position)",
    "all.flat()"
  ]
]

/** Broken audits. */
export const audits: ReadonlyArray<Mutant> = [
  ...all("audit", auditing, ["Audit.test", "auditSearch", "auditTree"]),
  ...all("audit", asItWas, ["projectionLoad"])
]
