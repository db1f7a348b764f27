// Counted: metrics of a law's own, which nothing else moves, and what they say.
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

/** Runs an effect, and whatever it starts, with metrics of its own. */
export const alone: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

/** What the series of a label says. */
export const count = (metric: Metric.Counter<number>, label: string, value: string): Effect.Effect<number> =>
  Effect.map(Metric.value(Metric.withAttributes(metric, { [label]: value })), (state) => state.count)
