// read_history(): a page of one stream in one row, with as much of each event as folding needs.

/**
 * The events of `p_stream` from revision `p_from` on, as two JSON arrays: one row is taken apart faster than a thousand.
 *
 * `is_plain` is false, and nothing else is given, where events are of different schema versions, or one is so large that a
 * page might not fit into one message: such pages are read by row.
 */
export const readHistory = (schema: string): string => `
CREATE FUNCTION ${schema}.read_history(
  p_stream text, p_from bigint, p_limit int,
  OUT is_plain boolean, OUT count int, OUT types json, OUT data json, OUT version int,
  OUT first_id uuid, OUT first_position float8, OUT last_position float8
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_sort = off AS $$
BEGIN
  SELECT bool_and(pg_column_size(page.data) < 4000 AND pg_column_compression(page.data) IS NULL)
      AND min(page.schema_version) = max(page.schema_version), count(*), json_agg(page.type), json_agg(page.data), min(page.schema_version)
    INTO is_plain, count, types, data, version
    FROM (
      SELECT e.type, e.data, e.schema_version
        FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision >= p_from ORDER BY e.revision LIMIT p_limit
    ) page;
  IF NOT is_plain THEN
    types := NULL;
    data := NULL;
  ELSIF count > 0 THEN
    SELECT e.id, e.position INTO first_id, first_position
      FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision = p_from;
    SELECT e.position INTO last_position
      FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision = p_from + count - 1;
  END IF;
END $$`
