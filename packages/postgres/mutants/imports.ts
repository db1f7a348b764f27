// Broken imports: events that stand elsewhere than in their store, or that may follow anything.
import type { Mutant } from "./Mutant.ts"

const events = "internal/sql/functions/importEvents.ts"
const removeStream = "internal/sql/functions/removeStream.ts"

export const imports: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 13.1",
    breaks: "imported events are recorded when they are imported",
    by: [[events, "u.revision, to_timestamp(u.time / 1000), u.id", "u.revision, clock_timestamp(), u.id"]]
  },
  {
    law: "EventStore 13.1",
    breaks: "imported events draw their positions from the last one on",
    by: [[events, "SELECT drawn[u.o], u.revision", "SELECT drawn[cardinality(drawn) + 1 - u.o], u.revision"]]
  },
  {
    law: "EventStore 13.2",
    breaks: "an import goes behind whatever is there",
    by: [[events, `IF "position" <> p_behind THEN outcome := 1; RETURN; END IF;`, ""]]
  },
  {
    law: "EventStore 13.2",
    breaks: "an imported event has any revision above the last",
    by: [[events, "OR (x.revision <> x.last_revision + 1 AND x.type NOT IN ('$archived', '$deleted')) END", "END"]]
  },
  {
    law: "EventStore 13.2",
    breaks: "an imported event was recorded at any time",
    by: [[events, "OR x.recorded_at < x.last_time\n", "\n"]]
  },
  {
    law: "EventStore 13.2",
    breaks: "an imported stream begins anywhere",
    by: [[events, "THEN x.revision <> 0 AND", "THEN false AND"]]
  },
  {
    law: "EventStore 13.9",
    breaks: "what is left of a removed stream cannot be imported",
    by: [[events, "x.revision <> 0 AND x.type NOT IN ('$archived', '$deleted')", "x.revision <> 0"]]
  },
  {
    law: "EventStore 13.10",
    breaks: "a tombstone stands right behind the last event, or not at all",
    by: [[events, "last_revision + 1 AND x.type NOT IN ('$archived', '$deleted')", "last_revision + 1"]]
  },
  {
    law: "EventStore 13.10",
    breaks: "what an import brought back stays where its removal is asked for again",
    by: [
      [
        removeStream,
        "    DELETE FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision < last.revision;\n",
        ""
      ]
    ]
  }
]
