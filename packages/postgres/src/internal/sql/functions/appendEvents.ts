// append_events(): many appends of one event each, at known revisions of different streams, in one statement and one commit.
import { floorLock, streamKey, untilFlushed } from "./floor.ts"
import { asOwner } from "./rights.ts"

/**
 * For each append the position of its event when it was stored behind its expected revision (-1: as the first of its
 * stream), else null: someone holds the stream, it is not where it is expected, or the id is known.
 *
 * append_event, for many: the same order of lock, floor, head and position, and the same proof. Whoever appends to one of
 * these streams between the snapshot and the lock makes the whole statement fail on the unique index; then its members go
 * one by one.
 */
export const appendEvents = (schema: string): string => `
CREATE FUNCTION ${schema}.append_events(
  p_streams text[], p_expected bigint[], p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[]
) RETURNS float8[] LANGUAGE plpgsql ${asOwner} SET lock_timeout = '100ms' SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  now_ timestamptz := date_trunc('milliseconds', clock_timestamp());
  positions float8[];
  nothing text;
BEGIN
  ${untilFlushed}
  WITH stored AS (
    INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
      SELECT nextval('${schema}.position'), u.expected + 1, greatest(head.recorded_at, now_),
        u.id, u.version, u.stream, split_part(u.stream, '-', 1), u.type, u.data::json, u.metadata::json
      FROM (SELECT ${floorLock(schema)} OFFSET 0) floor
      CROSS JOIN unnest(p_streams, p_expected, p_ids, p_types, p_versions, p_data, p_metadata)
        u(stream, expected, id, type, version, data, metadata)
      LEFT JOIN LATERAL (
        SELECT e.revision, e.recorded_at FROM ${schema}.events e WHERE e.stream = u.stream ORDER BY e.revision DESC LIMIT 1
      ) head ON true
      WHERE pg_try_advisory_xact_lock(${streamKey(schema, "u.stream")}) AND coalesce(head.revision, -1) = u.expected
      RETURNING id, position
  )
  SELECT array_agg(s.position ORDER BY u.place) INTO positions
    FROM unnest(p_ids) WITH ORDINALITY u(id, place) LEFT JOIN stored s ON s.id = u.id;
  RETURN positions;
END $$`
