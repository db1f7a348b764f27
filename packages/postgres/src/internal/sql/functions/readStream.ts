// read_stream(): a page of one stream, by revision.
import { byIndex, directions, recordedColumns, recordedType } from "./recorded.ts"
import type { Direction } from "./recorded.ts"

/** The events of `p_stream` from a revision on, in one direction; `p_last` is a position not to go beyond, or null. */
export const readStream = (schema: string): string => {
  const query = ({ from, order }: Direction) => `SELECT ${recordedColumns}
      FROM ${schema}.events e
      WHERE e.stream = p_stream AND e.revision ${from} p_from AND (p_last IS NULL OR e.position <= p_last)
        AND (p_types IS NULL OR e.type = ANY (p_types))
      ORDER BY e.revision ${order} LIMIT p_limit`
  return `
CREATE FUNCTION ${schema}.read_stream(
  p_stream text, p_from bigint, p_forwards boolean, p_last bigint, p_types text[], p_limit int
) RETURNS ${recordedType} LANGUAGE plpgsql ${byIndex} AS $$
#variable_conflict use_column
BEGIN
  IF p_forwards THEN
    RETURN QUERY ${query(directions.forwards)};
  ELSE
    RETURN QUERY ${query(directions.backwards)};
  END IF;
END $$`
}
