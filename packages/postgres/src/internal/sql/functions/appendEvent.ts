// One event in one append, alone; the shortest way in. Hands over to append_one whatever needs a closer look.
import { flushed, floorLock, streamKey } from "./floor.ts"
import { now } from "./now.ts"
import { asOwner } from "./rights.ts"
import { isTombstone } from "./tombstone.ts"

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
 * Stores an event as the first of its stream, or behind a revision; stores nothing when someone holds the stream, or it is not
 * where it is expected. append_one finds out which.
 *
 * One statement, in this order: the stream's lock, the floor, the position. Its snapshot is older than the lock: who has
 * appended in between is met by the unique index. Nothing is stored behind a tombstone. That the expectation holds proves that the id is new to the stream.
 */
const insert = (schema: string, names: Names) => {
  const { data, expected, id, metadata, stream, type, version } = names
  const locks = `pg_try_advisory_xact_lock(${streamKey(schema, stream)})`
  // Of a CASE the condition comes first, wherever it stands.
  const position = `CASE WHEN concat(${floorLock(schema)}, ${flushed}) IS NOT NULL THEN nextval('${schema}.position'::regclass) END`
  const event = (revision: string, recordedAt: string) => `
    INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
      SELECT ${position}, ${revision}, ${recordedAt},
        ${id}, ${version}, ${stream}, split_part(${stream}, '-', 1), ${type}, ${data}::json, ${metadata}::json`
  return {
    first: `${event("0", now)}
      WHERE ${locks} AND NOT EXISTS (SELECT FROM ${schema}.events e WHERE e.stream = ${stream})`,
    next: `${event(`${expected} + 1`, `greatest(head.recorded_at, ${now})`)}
      FROM (
        SELECT e.revision, e.recorded_at, e.type FROM ${schema}.events e WHERE e.stream = ${stream} ORDER BY e.revision DESC LIMIT 1
      ) head
      WHERE head.revision = ${expected} AND NOT ${isTombstone("head.type")} AND ${locks}`
  }
}

/** The position of the event when it was stored, else null; an id that someone else stores is waited for, briefly. */
export const appendEvent = (schema: string): string => {
  const { first, next } = insert(schema, {
    stream: "p_stream",
    expected: "p_expected",
    id: "p_id",
    type: "p_type",
    version: "p_version",
    data: "p_data",
    metadata: "p_metadata"
  })
  return `
CREATE FUNCTION ${schema}.append_event(
  p_stream text, p_expected bigint, p_id uuid, p_type text, p_version int, p_data text, p_metadata text
) RETURNS float8 LANGUAGE plpgsql ${asOwner} SET lock_timeout = '100ms' SET enable_seqscan = off AS $$
DECLARE
  stored bigint;
BEGIN
  IF p_expected < 0 THEN ${first}
      RETURNING position INTO stored;
  ELSE ${next}
      RETURNING position INTO stored;
  END IF;
  RETURN stored;
END $$`
}

/**
 * The same as statements, a row with the position where it was stored: for those who may write to the table, and for ids that
 * nobody else has, since they would wait for those. Parameters: $1 stream, $2 id, $3 type, $4 version, $5 data, $6 metadata,
 * and $7, behind which revision.
 */
export const insertEvent = (schema: string): { readonly first: string; readonly next: string } => {
  const { first, next } = insert(schema, {
    stream: "$1",
    id: "$2",
    type: "$3",
    version: "$4",
    data: "$5",
    metadata: "$6",
    expected: "$7"
  })
  return { first: `${first} RETURNING position::float8`, next: `${next} RETURNING position::float8` }
}
