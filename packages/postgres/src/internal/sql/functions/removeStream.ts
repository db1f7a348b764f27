// remove_stream(): a tombstone takes the place of all events of a stream.
import { takeFloor, streamKey } from "./floor.ts"
import { now } from "./now.ts"
import { asOwner } from "./rights.ts"

/**
 * `outcome`: 0 removed, and the tombstone stands at `revision` and `position`; 1 the stream does not end at `p_expected`, and
 * `revision` says where it does, -1 for a stream without events. A tombstone with this id is the one that was asked for.
 *
 * It is the owner's, and granted to nobody: what happened stays, unless a person decides otherwise.
 */
export const removeStream = (schema: string): string => `
CREATE FUNCTION ${schema}.remove_stream(
  p_stream text, p_category text, p_expected bigint, p_id uuid, p_type text, p_version int, p_data text, p_metadata text,
  OUT outcome int, OUT revision bigint, OUT "position" bigint
) LANGUAGE plpgsql ${asOwner} SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  last record;
  nothing text;
BEGIN
  nothing := pg_advisory_xact_lock(${streamKey(schema, "p_stream")});
  SELECT e.revision, e.recorded_at, e.id, e.position INTO last
    FROM ${schema}.events e WHERE e.stream = p_stream ORDER BY e.revision DESC LIMIT 1;
  IF last.id = p_id THEN
    DELETE FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision < last.revision;
    outcome := 0;
    revision := last.revision;
    "position" := last.position;
    RETURN;
  END IF;
  revision := coalesce(last.revision, -1);
  IF revision <> p_expected OR revision < 0 THEN outcome := 1; RETURN; END IF;
  ${takeFloor(schema)}
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    VALUES (nextval('${schema}.position'::regclass), revision + 1, greatest(last.recorded_at, ${now}), p_id, p_version,
      p_stream, p_category, p_type, p_data::json, p_metadata::json);
  DELETE FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision <= p_expected;
  outcome := 0;
  revision := p_expected + 1;
  "position" := currval('${schema}.position');
END $$`
