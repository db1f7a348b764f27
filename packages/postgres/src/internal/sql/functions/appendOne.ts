// append_one(): one append of any size, which may wait for its stream; alone after a closer look, and in a caller's transaction.
import { streamKey, takeFloor } from "./floor.ts"
import { now } from "./now.ts"
import { keepsSnapshot } from "./refuseStale.ts"
import { asOwner } from "./rights.ts"
import { isTombstone } from "./tombstone.ts"

/**
 * `outcome`: 0 stored (or empty and as expected), 1 conflict, 3 someone holds the stream, 5 an id is known, look closer,
 * 6 the stream was removed.
 *
 * Its ids are looked up first where it may be a repeat; one that another transaction stores at this moment is found by
 * the unique index, within a savepoint so that the caller's transaction goes on. In a transaction of stricter isolation a
 * head that is stale is 40001, and so is an id that its snapshot does not show.
 */
export const appendOne = (schema: string): string => `
CREATE FUNCTION ${schema}.append_one(
  p_wait boolean, p_stream text, p_category text, p_expected bigint,
  p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[],
  OUT outcome int, OUT revision bigint, OUT "position" bigint
) LANGUAGE plpgsql ${asOwner} SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  n int := cardinality(p_ids);
  head bigint;
  at timestamptz;
  last_type text;
  now_ timestamptz := ${now};
  violated text;
  nothing text;
BEGIN
  IF p_wait THEN nothing := pg_advisory_xact_lock(${streamKey(schema, "p_stream")});
  ELSIF NOT pg_try_advisory_xact_lock(${streamKey(schema, "p_stream")}) THEN outcome := 3; RETURN;
  ELSE nothing := set_config('lock_timeout', '100ms', true);
  END IF;
  SELECT e.revision, e.recorded_at, e.type INTO head, at, last_type
    FROM ${schema}.events e WHERE e.stream = p_stream ORDER BY e.revision DESC LIMIT 1;
  head := coalesce(head, -1);
  revision := head;
  IF n > 0 AND (p_wait OR p_expected <> head) AND EXISTS (
    SELECT 1 FROM unnest(p_ids) u(id) CROSS JOIN LATERAL (SELECT 1 FROM ${schema}.events e WHERE e.id = u.id LIMIT 1) x
  ) THEN outcome := 5; RETURN; END IF;
  IF ${isTombstone("last_type")} THEN outcome := 6; RETURN; END IF;
  IF NOT (p_expected = -2 OR p_expected = head OR (p_expected = -3 AND head >= 0)) THEN outcome := 1; ELSE outcome := 0; END IF;
  IF outcome = 1 OR n = 0 THEN
    nothing := ${schema}.refuse_stale(p_stream, p_category, head);
    RETURN;
  END IF;
  BEGIN
    ${takeFloor(schema)}
    INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
      SELECT nextval('${schema}.position'::regclass), head + u.o, greatest(at, now_), u.id, u.v,
        p_stream, p_category, u.t, u.d::json, u.m::json
      FROM unnest(p_ids, p_types, p_versions, p_data, p_metadata) WITH ORDINALITY u(id, t, v, d, m, o);
  EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
    IF violated = 'events_id' AND NOT ${keepsSnapshot} THEN outcome := 5; RETURN; END IF;
    RAISE EXCEPTION 'stream %, or the stream of its event ids, has grown since this transaction began', p_stream
      USING ERRCODE = 'serialization_failure';
  END;
  "position" := currval('${schema}.position');
  revision := head + n;
END $$`
