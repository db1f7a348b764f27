// The law of what is counted of appends: what was written, once, and what was refused.
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Metrics from "evolvent/Metrics"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Counted from "./Counted.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

const counted = law(
  "EventStore 14.1 events are counted by category when they are written, repeats not at all, conflicts by themselves",
  Counted.alone(
    Effect.gen(function* () {
      const store = yield* EventStore
      const [category, other] = [yield* Fresh.name("Counted"), yield* Fresh.name("Counted")]
      const [id, second] = [yield* EventId.generate, yield* EventId.generate]
      const stream = StreamName.make(category, "1")
      const known = [
        { id, type: "A", data: { n: 1 } },
        { id: second, type: "A", data: { n: 2 } }
      ]
      yield* store.append(stream, known, { expected: "noStream" })
      yield* store.append(StreamName.make(other, "1"), [{ type: "B", data: { text: "é" } }])
      const repeat = yield* store.append(stream, known, { expected: "noStream" })
      yield* Check.equal("appended the same events again", repeat.repeated, true)
      const late = store.append(stream, [{ type: "A", data: {} }], { expected: "noStream" })
      yield* Check.refused("appended to a stream that is there", late, "WrongExpectedRevision")
      yield* store.append(stream, [])
      const found = yield* Effect.all({
        events: Counted.count(Metrics.appendedEvents, "category", category),
        others: Counted.count(Metrics.appendedEvents, "category", other),
        characters: Counted.count(Metrics.appendedBytes, "category", category),
        conflicts: Counted.count(Metrics.appendConflicts, "category", category),
        appends: Effect.map(Metric.value(Metrics.appendSeconds), (state) => state.count)
      })
      yield* Check.equal("looked at the metrics", found, {
        events: 2,
        others: 1,
        characters: 2 * ('{"n":1}'.length + "{}".length),
        conflicts: 1,
        appends: 5
      })
    })
  )
)

/** The laws of what is counted. */
export const counting = [counted]
