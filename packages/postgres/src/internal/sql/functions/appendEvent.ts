// One event in one append, alone; the shortest way in. Hands over to append_one whatever needs a closer look.
import { flushed, floorLock, streamKey } from "./floor.ts"
import { now } from "./now.ts"
import { asOwner } from "./rights.ts"

/** What an event is stored by. */
interface Names {
  readonly stream: string
  readonly expected: string
  readonly id: string
  readonly type: string
  readonly version: string
  readonly data: string
  readonly metadata: string
}

/**
 * Stores an event behind a revision (-1: as the first of its stream); stores nothing when someone holds the stream, or it
 * is not where it is expected. append_one finds out which.
 *
 * One statement, in this order: the stream's lock, the floor, the head, the position. Its snapshot is older than the lock:
 * who has appended in between is met by the unique index. That the expectation holds proves that the id is new to the stream.
 */
const insert = (schema: string, { data, expected, id, metadata, stream, type, version }: Names): string => `
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    SELECT nextval('${schema}.position'), ${expected} + 1, greatest(head.recorded_at, ${now}),
        ${id}, ${version}, ${stream}, split_part(${stream}, '-', 1), ${type}, ${data}::json, ${metadata}::json
    FROM (
      SELECT ${floorLock(schema)}, ${flushed} WHERE pg_try_advisory_xact_lock(${streamKey(schema, stream)}) OFFSET 0
    ) locked
    LEFT JOIN LATERAL (
      SELECT e.revision, e.recorded_at FROM ${schema}.events e WHERE e.stream = ${stream} ORDER BY e.revision DESC LIMIT 1
    ) head ON true
    WHERE coalesce(head.revision, -1) = ${expected}`

/** The position of the event when it was stored, else null; an id that someone else stores is waited for, briefly. */
export const appendEvent = (schema: string): string => `
CREATE FUNCTION ${schema}.append_event(
  p_stream text, p_expected bigint, p_id uuid, p_type text, p_version int, p_data text, p_metadata text
) RETURNS float8 LANGUAGE plpgsql ${asOwner} SET lock_timeout = '100ms' SET enable_seqscan = off AS $$
DECLARE
  stored bigint;
BEGIN
  ${insert(schema, {
    stream: "p_stream",
    expected: "p_expected",
    id: "p_id",
    type: "p_type",
    version: "p_version",
    data: "p_data",
    metadata: "p_metadata"
  })}
    RETURNING position INTO stored;
  RETURN stored;
END $$`

/**
 * The same as a statement, a row with the position where it was stored: for those who may write to the table, and for ids that
 * nobody else has, since it would wait for them. Parameters as above.
 */
export const insertEvent = (schema: string): string => `${insert(schema, {
  stream: "$1",
  expected: "$2",
  id: "$3",
  type: "$4",
  version: "$5",
  data: "$6",
  metadata: "$7"
})}
    RETURNING position::float8`
