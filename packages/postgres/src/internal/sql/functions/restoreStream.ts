// restore_stream(): the events of an archived stream stand again where they stood.
import { takeFloor, streamKey } from "./floor.ts"
import { now } from "./now.ts"
import { asOwner } from "./rights.ts"

/**
 * Arrays with one element for each event, from revision 0 on; times in epoch milliseconds. The marker is what is stored behind
 * the tombstone at revision `p_expected`.
 *
 * `outcome`: 0 they stand there; 1 the stream does not end in a tombstone at that revision, or others have their positions or
 * ids, and nothing was stored. It is the owner's, and granted to nobody.
 */
export const restoreStream = (schema: string): string => `
CREATE FUNCTION ${schema}.restore_stream(
  p_stream text, p_category text, p_expected bigint, p_positions bigint[], p_times float8[],
  p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[],
  p_id uuid, p_type text, p_version int, p_datum text, p_metadatum text,
  OUT outcome int, OUT revision bigint, OUT "position" bigint
) LANGUAGE plpgsql ${asOwner} SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  last record;
  nothing text;
BEGIN
  nothing := pg_advisory_xact_lock(${streamKey(schema, "p_stream")});
  SELECT e.revision, e.recorded_at, e.id, e.type, e.position INTO last
    FROM ${schema}.events e WHERE e.stream = p_stream ORDER BY e.revision DESC LIMIT 1;
  revision := coalesce(last.revision, -1);
  IF last.id = p_id THEN
    outcome := 0;
    "position" := last.position;
    RETURN;
  END IF;
  IF revision <> p_expected OR last.type IS DISTINCT FROM '$archived' OR EXISTS (
    SELECT 1 FROM unnest(p_positions, p_ids) u(place, id) CROSS JOIN LATERAL (
      (SELECT 1 FROM ${schema}.events e WHERE e.position = u.place LIMIT 1)
      UNION ALL (SELECT 1 FROM ${schema}.events e WHERE e.id = u.id LIMIT 1)
    ) x
  ) THEN outcome := 1; RETURN; END IF;
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    SELECT u.place, u.o - 1, to_timestamp(u.time / 1000), u.id, u.v, p_stream, p_category, u.t, u.d::json, u.m::json
    FROM unnest(p_positions, p_times, p_ids, p_types, p_versions, p_data, p_metadata)
      WITH ORDINALITY u(place, time, id, t, v, d, m, o);
  ${takeFloor(schema)}
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    VALUES (nextval('${schema}.position'::regclass), revision + 1, greatest(last.recorded_at, ${now}), p_id, p_version,
      p_stream, p_category, p_type, p_datum::json, p_metadatum::json);
  outcome := 0;
  revision := p_expected + 1;
  "position" := currval('${schema}.position');
END $$`
