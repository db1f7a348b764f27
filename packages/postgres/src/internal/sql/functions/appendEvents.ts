// Many appends of one event each, at known revisions of different streams, in one statement and one commit.
import { flushed, floorLock, streamKey } from "./floor.ts"
import { now } from "./now.ts"
import { asOwner } from "./rights.ts"
import { isTombstone } from "./tombstone.ts"

/**
 * Stores of these events those that go behind their expected revisions (-1: as the first of their streams), and leaves out
 * those whose stream someone holds, or that is not where it is expected.
 *
 * What one event is stored by, for many: the same order of lock, floor, head and position, and the same proof. Whoever
 * appends to one of these streams between the snapshot and the lock makes the whole statement fail on the unique index;
 * then its members go one by one.
 */
const insert = (schema: string, lists: string): string => `
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    SELECT nextval('${schema}.position'::regclass), u.expected + 1, greatest(head.recorded_at, floor.now),
      u.id, u.version, u.stream, split_part(u.stream, '-', 1), u.type, u.data::json, u.metadata::json
    FROM (
      SELECT ${floorLock(schema)}, ${flushed}, ${now} AS now OFFSET 0
    ) floor
    CROSS JOIN unnest(${lists}) u(stream, expected, id, type, version, data, metadata)
    LEFT JOIN LATERAL (
      SELECT e.revision, e.recorded_at, e.type FROM ${schema}.events e WHERE e.stream = u.stream ORDER BY e.revision DESC LIMIT 1
    ) head ON true
    WHERE pg_try_advisory_xact_lock(${streamKey(schema, "u.stream")}) AND coalesce(head.revision, -1) = u.expected
      AND NOT ${isTombstone("head.type")}`

/** For each append the position of its event when it was stored, else null; ids that someone else stores are waited for, briefly. */
export const appendEvents = (schema: string): string => `
CREATE FUNCTION ${schema}.append_events(
  p_streams text[], p_expected bigint[], p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[]
) RETURNS float8[] LANGUAGE plpgsql ${asOwner} SET lock_timeout = '100ms' SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  positions float8[];
BEGIN
  WITH stored AS (
    ${insert(schema, "p_streams, p_expected, p_ids, p_types, p_versions, p_data, p_metadata")}
      RETURNING id, position
  )
  SELECT array_agg(s.position ORDER BY u.place) INTO positions
    FROM unnest(p_ids) WITH ORDINALITY u(id, place) LEFT JOIN stored s ON s.id = u.id;
  RETURN positions;
END $$`

/**
 * The same as a statement, a row with id and position for each that was stored: for those who may write to the table, and for
 * ids that nobody else has, since it would wait for them. Parameters as above.
 */
export const insertEvents = (schema: string): string => `${insert(schema, "$1, $2, $3, $4, $5, $6, $7")}
    RETURNING id, position::float8`
