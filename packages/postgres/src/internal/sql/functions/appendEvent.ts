// append_event(): one event in one append, alone; the shortest way in. Hands over to append_one whatever needs a closer look.
import { streamKey, takeFloor } from "./floor.ts"
import { asOwner } from "./rights.ts"

/**
 * `outcome`: 0 stored; 1 conflict, `revision` is the stream's; 3 someone holds the stream; 5 the id is known, look closer.
 *
 * The head is read in a statement of its own after the lock, thus with a snapshot that is younger than the lock.
 * An expected revision that still holds proves that the id is new to this stream, so ids are only looked up where it
 * does not, or where any is expected.
 */
export const appendEvent = (schema: string): string => `
CREATE FUNCTION ${schema}.append_event(
  p_stream text, p_category text, p_expected bigint, p_id uuid, p_type text, p_version int, p_data text, p_metadata text,
  OUT outcome int, OUT revision bigint, OUT "position" bigint
) LANGUAGE plpgsql ${asOwner} SET lock_timeout = '100ms' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  at timestamptz;
  nothing text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(${streamKey(schema, "p_stream")}) THEN outcome := 3; RETURN; END IF;
  SELECT e.revision, e.recorded_at INTO revision, at
    FROM ${schema}.events e WHERE e.stream = p_stream ORDER BY e.revision DESC LIMIT 1;
  revision := coalesce(revision, -1);
  IF p_expected <> revision THEN
    IF EXISTS (SELECT 1 FROM ${schema}.events e WHERE e.id = p_id) THEN outcome := 5; RETURN; END IF;
    IF p_expected >= -1 OR (p_expected = -3 AND revision < 0) THEN
      nothing := ${schema}.refuse_stale(p_stream, p_category, revision);
      outcome := 1;
      RETURN;
    END IF;
  END IF;
  ${takeFloor(schema)}
  "position" := nextval('${schema}.position');
  revision := revision + 1;
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    VALUES ("position", revision, greatest(at, date_trunc('milliseconds', clock_timestamp())), p_id, p_version,
      p_stream, p_category, p_type, p_data::json, p_metadata::json);
  outcome := 0;
END $$`
