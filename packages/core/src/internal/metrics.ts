// metrics: what is counted and measured, each metric once, and its series for a category or a processor.
import * as Metric from "effect/Metric"

/** A metric whose series differ in one label; every value of the label has a series of its own. */
export interface Family<in Input, out State> {
  /** The metric without its label: what its series have in common. */
  readonly metric: Metric.Metric<Input, State>
  /** The series of a value of the label. */
  readonly of: (value: string) => Metric.Metric<Input, State>
}

// Series are kept for ever, by the registry and by whoever scrapes it: an application has fewer aggregates and processors.
const mostSeries = 10_000

/** What all values beyond the first ten thousand share. */
export const other = "(other)"

/** Each series is a metric of its own: one that is shared computes its key anew whenever the label changes. */
export const family = <Input, State>(
  make: (attributes: Metric.Metric.Attributes) => Metric.Metric<Input, State>,
  label: string
): Family<Input, State> => {
  const series = new Map<string, Metric.Metric<Input, State>>()
  return {
    metric: make({}),
    of: (value) => {
      const known = series.get(value)
      if (known !== undefined) return known
      if (series.size >= mostSeries && value !== other) return series.get(other) ?? add(other)
      return add(value)
    }
  }

  function add(value: string): Metric.Metric<Input, State> {
    const made = make({ [label]: value })
    series.set(value, made)
    return made
  }
}

/** What a metric is called, in which unit (as UCUM writes it), and what it says. */
interface Named {
  readonly id: string
  readonly unit: string
  readonly description: string
}

// The unit travels as an attribute, which exporters take for what it is: OTLP as the unit, Prometheus not at all.
const counter =
  ({ description, id, unit }: Named) =>
  (attributes: Metric.Metric.Attributes): Metric.Counter<number> =>
    Metric.counter(id, { description, attributes: { unit, ...attributes }, incremental: true })

const gauge =
  ({ description, id, unit }: Named) =>
  (attributes: Metric.Metric.Attributes): Metric.Gauge<number> =>
    Metric.gauge(id, { description, attributes: { unit, ...attributes } })

/** From half a millisecond to ten seconds. */
const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const groupSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]

export const appendSeconds: Metric.Histogram<number> = Metric.histogram("evolvent_append_seconds", {
  description: "How long appends took, from the call to the answer, conflicts among them",
  attributes: { unit: "s" },
  boundaries: seconds
})

export const appendGroupSize: Metric.Histogram<number> = Metric.histogram("evolvent_append_group_size", {
  description: "How many appends one commit gathered",
  attributes: { unit: "{append}" },
  boundaries: groupSizes
})

export const appendedEvents = family(
  counter({ id: "evolvent_appended_events_total", unit: "{event}", description: "Events appended" }),
  "category"
)

export const appendedBytes = family(
  counter({
    id: "evolvent_appended_bytes_total",
    unit: "By",
    description: "Data and metadata of the events appended, as UTF-16 counts them"
  }),
  "category"
)

export const appendConflicts = family(
  counter({
    id: "evolvent_append_conflicts_total",
    unit: "{append}",
    description: "Appends refused because the stream was not where they expected it"
  }),
  "category"
)

export const commandRetries = family(
  counter({
    id: "evolvent_command_retries_total",
    unit: "{attempt}",
    description: "Commands decided again after a conflict"
  }),
  "category"
)

export const snapshotHits = family(
  counter({
    id: "evolvent_snapshot_hits_total",
    unit: "{load}",
    description: "Loads that began at a snapshot, where snapshots are on"
  }),
  "category"
)

export const snapshotMisses = family(
  counter({
    id: "evolvent_snapshot_misses_total",
    unit: "{load}",
    description: "Loads that found no usable snapshot, where snapshots are on"
  }),
  "category"
)

/** Of which cache: "state" is that of recent states, "rows" that of read models. */
export const cacheHits = family(
  counter({ id: "evolvent_cache_hits_total", unit: "{lookup}", description: "What a cache had" }),
  "cache"
)

export const cacheMisses = family(
  counter({ id: "evolvent_cache_misses_total", unit: "{lookup}", description: "What a cache did not have" }),
  "cache"
)

export const processorEvents = family(
  counter({ id: "evolvent_processor_events_total", unit: "{event}", description: "Events handled" }),
  "processor"
)

export const processorRetries = family(
  counter({
    id: "evolvent_processor_retries_total",
    unit: "{attempt}",
    description: "Attempts at events that had failed before"
  }),
  "processor"
)

export const processorParked = family(
  counter({ id: "evolvent_processor_parked_total", unit: "{event}", description: "Events set aside" }),
  "processor"
)

export const processorTakeovers = family(
  counter({
    id: "evolvent_processor_takeovers_total",
    unit: "{lease}",
    description: "Leases taken that another runner was seen with: it died, ended or gave them away"
  }),
  "processor"
)

export const processorLagEvents = family(
  gauge({
    id: "evolvent_processor_lag_events",
    unit: "{event}",
    description: "Events that are not handled yet, at most"
  }),
  "processor"
)

export const processorLagSeconds = family(
  gauge({
    id: "evolvent_processor_lag_seconds",
    unit: "s",
    description: "Age of the oldest event that is not handled yet"
  }),
  "processor"
)

export const processorParkedNow = family(
  gauge({ id: "evolvent_processor_parked_events", unit: "{event}", description: "Events that are set aside now" }),
  "processor"
)

export const processorStopped = family(
  gauge({ id: "evolvent_processor_stopped", unit: "1", description: "1 where it stopped, else 0" }),
  "processor"
)

export const storeHead: Metric.Gauge<number> = gauge({
  id: "evolvent_store_head_position",
  unit: "1",
  description: "The position of the last event that readers may pass"
})({})
