// append_event(): one event in one append, alone; the shortest way in. Hands over to append_one whatever needs a closer look.
import { floorLock, streamKey, untilFlushed } from "./floor.ts"
import { asOwner } from "./rights.ts"

/**
 * The position of the event when it was stored behind revision `p_expected` (-1: as the first of its stream), else null:
 * someone holds the stream, it is not where it is expected, or the id is known. append_one finds out which.
 *
 * One statement, in this order: the stream's lock, the floor, the head, the position. Its snapshot is older than the lock:
 * who has appended in between is met by the unique index. That the expectation holds proves that the id is new to the stream.
 */
export const appendEvent = (schema: string): string => `
CREATE FUNCTION ${schema}.append_event(
  p_stream text, p_expected bigint, p_id uuid, p_type text, p_version int, p_data text, p_metadata text
) RETURNS float8 LANGUAGE plpgsql ${asOwner} SET lock_timeout = '100ms' SET enable_seqscan = off AS $$
DECLARE
  stored bigint;
  nothing text;
BEGIN
  ${untilFlushed}
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    SELECT nextval('${schema}.position'), p_expected + 1, greatest(head.recorded_at, date_trunc('milliseconds', clock_timestamp())),
        p_id, p_version, p_stream, split_part(p_stream, '-', 1), p_type, p_data::json, p_metadata::json
    FROM (
      SELECT ${floorLock(schema)} WHERE pg_try_advisory_xact_lock(${streamKey(schema, "p_stream")}) OFFSET 0
    ) locked
    LEFT JOIN LATERAL (
      SELECT e.revision, e.recorded_at FROM ${schema}.events e WHERE e.stream = p_stream ORDER BY e.revision DESC LIMIT 1
    ) head ON true
    WHERE coalesce(head.revision, -1) = p_expected
    RETURNING position INTO stored;
  RETURN stored;
END $$`
