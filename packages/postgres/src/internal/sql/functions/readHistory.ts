// read_history(): a page of one stream, with as much of each event as folding needs.
import { byIndex } from "./recorded.ts"

/** The events of `p_stream` from a revision on. Data goes out as it is stored: whoever takes it parses it once. */
export const readHistory = (schema: string): string => `
CREATE FUNCTION ${schema}.read_history(p_stream text, p_from bigint, p_limit int)
RETURNS TABLE (id uuid, "position" float8, type text, schema_version int, data json) LANGUAGE plpgsql ${byIndex} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT e.id, e.position::float8, e.type, e.schema_version, e.data
    FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision >= p_from ORDER BY e.revision LIMIT p_limit;
END $$`
