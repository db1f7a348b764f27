// The log: events, the sequence of their positions, and the functions that append to and read from it.
import { appendAll } from "../sql/functions/appendAll.ts"
import { appendEvent } from "../sql/functions/appendEvent.ts"
import { appendEvents } from "../sql/functions/appendEvents.ts"
import { appendGroup } from "../sql/functions/appendGroup.ts"
import { appendOne } from "../sql/functions/appendOne.ts"
import { positionAt } from "../sql/functions/positionAt.ts"
import { readHistory } from "../sql/functions/readHistory.ts"
import { readStream } from "../sql/functions/readStream.ts"
import { refuseStale } from "../sql/functions/refuseStale.ts"
import { revisionAt } from "../sql/functions/revisionAt.ts"
import { takenBack } from "../sql/functions/rights.ts"
import { safePosition } from "../sql/functions/safePosition.ts"

/**
 * Names compare byte by byte (COLLATE "C"), whatever the server's locale is and becomes. `json` keeps the text as it was
 * written: numbers of any size, every escape.
 */
export const statements = (schema: string): ReadonlyArray<string> => [
  `CREATE SEQUENCE ${schema}.position AS bigint CACHE 1`,
  `CREATE TABLE ${schema}.events (
    position bigint NOT NULL,
    revision bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    id uuid NOT NULL,
    schema_version int NOT NULL,
    stream text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream_revision UNIQUE (stream, revision),
    CONSTRAINT events_id UNIQUE (id)
  )`,
  ...functions(schema),
  ...takenBack(functions(schema))
]

const functions = (schema: string): ReadonlyArray<string> => [
  refuseStale(schema),
  appendEvent(schema),
  appendEvents(schema),
  appendOne(schema),
  appendGroup(schema),
  appendAll(schema),
  safePosition(schema),
  readHistory(schema),
  readStream(schema),
  revisionAt(schema),
  positionAt(schema)
]
