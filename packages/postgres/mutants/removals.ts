// Broken removals: appends behind a tombstone by each of the ways in, streams that go under another's nose, or not whole.
import type { Mutant } from "./Mutant.ts"

const event = "internal/sql/functions/appendEvent.ts"
const events = "internal/sql/functions/appendEvents.ts"
const one = "internal/sql/functions/appendOne.ts"
const group = "internal/sql/functions/appendGroup.ts"
const remove = "internal/sql/functions/removeStream.ts"
const restore = "internal/sql/functions/restoreStream.ts"
const rows = "internal/historyRows.ts"

const lock = `  nothing := pg_advisory_xact_lock(\${streamKey(schema, "p_stream")});\n`

/** Broken removals, and streams that come back otherwise. */
export const removals: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 12.2",
    breaks: "one event that expects the tombstone is stored behind it",
    by: [[event, ` AND NOT \${isTombstone("head.type")}`, ""]]
  },
  {
    law: "Removal 2",
    breaks: "several events at once that expect tombstones are stored behind them",
    by: [[events, `\n      AND NOT \${isTombstone("head.type")}`, ""]]
  },
  {
    law: "EventStore 12.2",
    breaks: "an append of several events is stored behind a tombstone",
    by: [[one, `IF \${isTombstone("last_type")} THEN`, "IF false THEN"]]
  },
  {
    law: "EventStore 12.2",
    breaks: "a group is stored behind a tombstone",
    by: [[group, "ELSIF removed[i] THEN outcomes[i] := 6;", ""]]
  },
  {
    law: "EventStore 12.2",
    breaks: "a removed stream among several is left out of an append to all",
    by: [[group, " OR 6 = ANY (outcomes)", ""]]
  },
  {
    law: "EventStore 12.1",
    breaks: "the last event of a stream stays beside its tombstone",
    by: [[remove, "e.revision <= p_expected", "e.revision < p_expected"]]
  },
  {
    law: "Removal 3",
    breaks: "what is removed is kept elsewhere",
    by: [
      [
        remove,
        "\n  DELETE FROM ${schema}.events e WHERE",
        "\n  CREATE TABLE IF NOT EXISTS ${schema}.bin AS SELECT e.data::text FROM ${schema}.events e WHERE e.stream = p_stream;\n" +
          "  DELETE FROM ${schema}.events e WHERE"
      ]
    ]
  },
  {
    law: "EventStore 12.4",
    breaks: "where a stream ends is no matter to its removal",
    by: [[remove, "IF revision <> p_expected OR revision < 0 THEN", "IF revision < 0 THEN"]]
  },
  {
    law: "Removal 1",
    breaks: "a removal takes no floor",
    by: [[remove, "  ${takeFloor(schema)}\n", ""]]
  },
  {
    law: "EventStore 12.1",
    breaks: "a page of a history by row begins where it was asked for, whatever it holds",
    by: [[rows, "first[1] === null || first[4] === null", "first[1] === null"]]
  },
  {
    law: "EventStore 12.6",
    breaks: "what comes back has new positions",
    by: [[restore, "SELECT u.place, u.o - 1", `SELECT nextval('\${schema}.position'::regclass), u.o - 1`]]
  },
  {
    law: "EventStore 12.6",
    breaks: "two that bring a stream back at a time stand in each other's way",
    by: [[restore, lock, ""]]
  }
]
