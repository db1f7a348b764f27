// append_all(): appends to several streams, all or nothing; waits for its streams, in one order for everybody.
import { streamKey } from "./floor.ts"
import { keepsSnapshot } from "./refuseStale.ts"
import { asOwner } from "./rights.ts"

/**
 * The arguments and outcomes of append_group, with one append for each stream. A head that is stale, in a transaction of
 * stricter isolation, is 40001, and so is an id that its snapshot does not show.
 */
export const appendAll = (schema: string): string => `
CREATE FUNCTION ${schema}.append_all(
  p_streams text[], p_categories text[], p_expected bigint[], p_counts int[], p_first uuid[],
  p_member int[], p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[],
  OUT outcomes int[], OUT revisions bigint[], OUT positions bigint[]
) LANGUAGE plpgsql ${asOwner} SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  violated text;
BEGIN
  outcomes := array_fill(5, ARRAY[cardinality(p_streams)]);
  revisions := array_fill(NULL::bigint, ARRAY[cardinality(p_streams)]);
  positions := revisions;
  PERFORM pg_advisory_xact_lock(x.key)
    FROM (SELECT DISTINCT ${streamKey(schema, "u.stream")} AS key FROM unnest(p_streams) u(stream) ORDER BY 1) x;
  IF EXISTS (
    SELECT 1 FROM unnest(p_ids) u(id) CROSS JOIN LATERAL (SELECT 1 FROM ${schema}.events e WHERE e.id = u.id LIMIT 1) x
  ) THEN RETURN; END IF;
  BEGIN
    SELECT g.outcomes, g.revisions, g.positions INTO outcomes, revisions, positions
      FROM ${schema}.append_group(true, p_streams, p_categories, p_expected, p_counts, p_first,
        p_member, p_ids, p_types, p_versions, p_data, p_metadata) g;
  EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
    IF violated <> 'events_id' OR ${keepsSnapshot} THEN
      RAISE EXCEPTION 'a stream has grown since this transaction began' USING ERRCODE = 'serialization_failure';
    END IF;
  END;
END $$`
