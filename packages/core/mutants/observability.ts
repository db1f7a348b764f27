// Broken ways of counting and of tracing.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const counts = "internal/counts.ts"
const spans = "internal/spans.ts"
const run = "internal/processorRun.ts"
const traced = "fiber.cache.tracer !== undefined && fiber.cache.tracerEnabled"

const counting: ReadonlyArray<Broken> = [
  ["repeats count as new", counts, "if (repeated || events.length === 0) return", "if (events.length === 0) return"],
  ["conflicts are not counted", counts, 'outcome._tag === "Conflict"', "outcome._tag.length === 0"],
  ["seconds are milliseconds", counts, "Number(nanos) / 1e9", "Number(nanos) / 1e6"],
  [
    "only what was written is timed",
    counts,
    "  metrics.appendSeconds.updateUnsafe(",
    '  if (outcome._tag === "Appended") metrics.appendSeconds.updateUnsafe('
  ],
  ["a hit is a miss", counts, "(isHit ? metrics.snapshotHits", "(!isHit ? metrics.snapshotHits"],
  ["the first decision is a retry", "internal/execute.ts", "if (++attempts > 1)", "if (++attempts > 0)"],
  ["the first attempt is a retry", "internal/retryEvents.ts", "if (attempts > 1) triedAgain()", "triedAgain()"],
  ["every lease was another's", run, "taken.filter((lease) => seen.delete(slotIn(lease)))", "taken"],
  [
    "its own leases were another's",
    run,
    "if (holder !== undefined && holder !== me.holder)",
    "if (holder !== undefined)"
  ],
  ["what is tried again is parked", "internal/processorParking.ts", 'change.type === "Parked" && ', ""],
  [
    "an event counts once for each of its keys",
    "internal/processorWorker.ts",
    "counts.handled(steps.filter(({ recorded }, i) => recorded !== steps[i - 1]?.recorded).length)",
    "counts.handled(steps.length)"
  ],
  ["the lag is in milliseconds", "Metrics.ts", "Duration.toSeconds(lag.age)", "Duration.toMillis(lag.age)"],
  ["nothing ever stopped", "Metrics.ts", "stopped === undefined ? 0 : 1", "0"],
  ["series without end", "internal/metrics.ts", "series.size >= mostSeries", "series.size < 0"]
]

const tracing: ReadonlyArray<Broken> = [
  ["spans are made for nobody", spans, traced, "fiber.cache.tracerEnabled"],
  ["spans are made where tracing is off", spans, traced, "fiber.cache.tracer !== undefined"],
  [
    "a rejection is a failure",
    "internal/executeTraced.ts",
    "error instanceof EventStoreError ||",
    "error !== undefined ||"
  ],
  ["a conflict is a rejection", "internal/executeTraced.ts", "error instanceof WrongExpectedRevision ||", ""],
  ["a page is part of what surrounded the start", spans, "root: true,", "root: false,"],
  ["a page is linked to nothing", spans, "links: linksOf(steps)", "links: []"],
  [
    "handlers' spans hold data",
    spans,
    '(includesData ? { "evolvent.event.data": textOf(event.data) } : {})',
    '{ "evolvent.event.data": textOf(event.data) }'
  ],
  [
    "commands' spans hold data",
    spans,
    '(includesData ? { "evolvent.command.data": textOf(command) } : {})',
    '{ "evolvent.command.data": textOf(command) }'
  ],
  [
    "appends' spans hold data",
    spans,
    '(includesData ? { "evolvent.event.data": textOf(events.map(({ data }) => data)) } : {})',
    '{ "evolvent.event.data": textOf(events.map(({ data }) => data)) }'
  ],
  [
    "what is the library's own has spans",
    spans,
    "first === undefined || StreamName.isSystemCategory(first.stream)",
    "first === undefined"
  ],
  ["what is detached has a trace", "Metadata.ts", "  if (surroundings === nothing) return nothing\n", ""],
  [
    "a log line tells what was passed over",
    "internal/processorWorker.ts",
    "const passedOver = ({ problem, recorded: { id, stream } }: Step)",
    "const passedOver = ({ problem, recorded: { data: { text: id }, stream } }: Step)"
  ]
]

/** Broken observability. */
export const observability: ReadonlyArray<Mutant> = [
  ...all("metrics", counting, ["metrics"]),
  ...all("traces", tracing, ["tracing", "logs"])
]
