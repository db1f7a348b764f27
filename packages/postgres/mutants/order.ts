// Broken order: floors that are taken wrongly, and readers that go too far or not far enough.
import type { Edit, Mutant } from "./Mutant.ts"

const safePosition = "internal/sql/functions/safePosition.ts"
const floor = "internal/sql/functions/floor.ts"

const allocated = "allocated := coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0);"
const distance = "allocated + (k.objid::bigint - (allocated & 4294967295) + 6442450944) % 4294967296 - 2147483648"
const visible = "SELECT e.position INTO visible"

const swapped: ReadonlyArray<Edit> = [
  [safePosition, `  ${allocated}\n`, ""],
  [safePosition, distance, "k.objid::bigint"],
  [safePosition, `  ${visible}`, `  ${allocated}\n  ${visible}`]
]

const trusting: Edit = [safePosition, "<> 'read committed'", "= 'never'"]

const looksInOneSnapshot: ReadonlyArray<Edit> = [
  trusting,
  ["internal/readFeed.ts", '_tag === "Some" ? -1 : tail.seen()', "tail.seen()"],
  [
    "internal/readFeed.ts",
    "return yield* isForwards ? forwards(request, place)",
    "return yield* isForwards ? Effect.provideService(sql.withTransaction(forwards(request, place)), SqlClient.BeginTransaction, " +
      '"BEGIN ISOLATION LEVEL REPEATABLE READ")'
  ],
  [
    "internal/readFeed.ts",
    'import * as Result from "effect/Result"',
    'import * as Result from "effect/Result"\nimport * as SqlClient from "effect/sql/SqlClient"'
  ]
]

/** In one statement: the floor is taken with the revision, which comes behind the draw. */
const late = (file: string, floor: string, revision: string): ReadonlyArray<Edit> => [
  [file, floor, floor.replace("${floorLock(schema)}", "1")],
  [file, `${revision},`, `CASE WHEN (\${floorLock(schema)})::text IS NOT NULL THEN ${revision} END,`]
]

/** Broken floors and looks. */
export const order: ReadonlyArray<Mutant> = [
  { law: "Order 1", breaks: "swap: a reader looks at the locks before the last position", by: swapped },
  {
    law: "Order 1",
    breaks: "late: append_event draws before it takes its floor",
    by: [
      [
        "internal/sql/functions/appendEvent.ts",
        "CASE WHEN concat(${floorLock(schema)}, ${flushed}) IS NOT NULL THEN nextval('${schema}.position'::regclass) END",
        "CASE WHEN concat(nextval('${schema}.position'::regclass), ${floorLock(schema)}) IS NOT NULL THEN currval('${schema}.position') END"
      ]
    ]
  },
  {
    law: "Order 2",
    breaks: "late: append_one draws before it takes its floor",
    by: [
      ["internal/sql/functions/appendOne.ts", "    ${takeFloor(schema)}\n", ""],
      ["internal/sql/functions/appendOne.ts", "  EXCEPTION WHEN", "    ${takeFloor(schema)}\n  EXCEPTION WHEN"]
    ]
  },
  {
    law: "Order 3",
    breaks: "late: append_group draws before it takes its floor",
    by: [
      ["internal/sql/functions/appendGroup.ts", "  ${takeFloor(schema)}\n", ""],
      [
        "internal/sql/functions/appendGroup.ts",
        "INTO drawn FROM generate_series(1, events);",
        "INTO drawn FROM generate_series(1, events);\n  ${takeFloor(schema)}"
      ]
    ]
  },
  {
    law: "Order 12",
    breaks: "late: append_events draws before it takes its floor",
    by: late("internal/sql/functions/appendEvents.ts", "SELECT ${floorLock(schema)}, ", "u.expected + 1")
  },
  { law: "Order 1", breaks: "onesnap: a reader looks and reads in one snapshot", by: looksInOneSnapshot },
  {
    law: "Order 1",
    breaks: "floors are taken in the key space of one integer",
    by: [
      [
        floor,
        "pg_advisory_xact_lock_shared(${storeKey(schema)}::int, coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0)::bit(32)::int)",
        "pg_advisory_xact_lock_shared((${storeKey(schema)}::bigint << 32) + coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0))"
      ]
    ]
  },
  {
    law: "Order 1",
    breaks: "a read goes as far as it likes",
    by: [["internal/readFeed.ts", "let high = Math.min(safe, low + window - 1)", "let high = low + window - 1"]]
  },
  {
    law: "Order 4",
    breaks: "append_one takes no floor",
    by: [["internal/sql/functions/appendOne.ts", "    ${takeFloor(schema)}\n", ""]]
  },
  {
    law: "Order 4",
    breaks: "append_group takes no floor",
    by: [["internal/sql/functions/appendGroup.ts", "  ${takeFloor(schema)}\n", ""]]
  },
  {
    law: "Order 4",
    breaks: "append_event takes no floor",
    by: [["internal/sql/functions/appendEvent.ts", "concat(${floorLock(schema)}, ${flushed})", "concat(${flushed})"]]
  },
  {
    law: "Order 4",
    breaks: "append_events takes no floor",
    by: [["internal/sql/functions/appendEvents.ts", "SELECT ${floorLock(schema)}, ", "SELECT "]]
  },
  {
    law: "Order 4",
    breaks: "a floor is held to the end of the session",
    by: [[floor, "pg_advisory_xact_lock_shared(${", "pg_advisory_lock_shared(${"]]
  },
  {
    law: "Order 4",
    breaks: "a reader stands on the highest floor, not on the lowest",
    by: [[safePosition, `min(${distance})`, `max(${distance})`]]
  },
  {
    law: "Order 5",
    breaks: "a pristine sequence has no last position, and its first append no floor",
    by: [
      [
        floor,
        "coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0)",
        "pg_sequence_last_value('${schema}.position'::regclass)"
      ]
    ]
  },
  {
    law: "Order 6",
    breaks: "the floor is taken before it is known that there is something to append",
    by: [
      [
        "internal/sql/functions/appendOne.ts",
        "  SELECT e.revision, e.recorded_at, e.type INTO",
        "  ${takeFloor(schema)}\n  SELECT e.revision, e.recorded_at, e.type INTO"
      ]
    ]
  },
  {
    law: "Order 6",
    breaks: "a reader goes by the oldest transaction that runs, anywhere on the server",
    by: [
      [
        safePosition,
        "WHERE e.position <= least(allocated, lowest)",
        "WHERE e.xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint AND e.position <= least(allocated, lowest)"
      ]
    ]
  },
  {
    law: "Order 7",
    breaks: "locks of other databases count",
    by: [
      [
        safePosition,
        "\n      AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())",
        ""
      ]
    ]
  },
  {
    law: "Order 7",
    breaks: "locks in the key space of one integer count",
    by: [[safePosition, "AND k.objsubid = 2 ", ""]]
  },
  {
    law: "Order 7",
    breaks: "exclusive locks count",
    by: [[safePosition, "AND k.mode = 'ShareLock' ", ""]]
  },
  {
    law: "Order 8",
    breaks: "the floors of other stores count",
    by: [[safePosition, "\n      AND k.classid = ${storeKey(schema)}", ""]]
  },
  {
    law: "Order 9",
    breaks: "the low 32 bits of a floor are taken for the whole",
    by: [[safePosition, distance, "k.objid::bigint"]]
  },
  {
    law: "Order 9",
    breaks: "a floor is sought among the positions of the same upper half only",
    by: [[safePosition, distance, "(allocated >> 32 << 32) + k.objid::bigint"]]
  },
  {
    law: "Order 9",
    breaks: "a floor is a signed number",
    by: [[safePosition, distance, "(allocated >> 32 << 32) + k.objid::int"]]
  },
  {
    law: "Order 10",
    breaks: "a reader goes on from the ceiling, not from the greatest visible position",
    by: [[safePosition, "safe := coalesce(visible, 0);", "safe := least(allocated, lowest);"]]
  },
  {
    law: "Order 11",
    breaks: "a look in an old snapshot is answered",
    by: [trusting]
  },
  {
    law: "Order 11",
    breaks: "in a transaction a read goes by what the tail has seen since",
    by: [["internal/readFeed.ts", '_tag === "Some" ? -1 : tail.seen()', "tail.seen()"]]
  }
]
