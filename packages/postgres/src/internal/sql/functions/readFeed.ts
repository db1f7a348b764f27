// read_feed(): a page of all streams, or of some categories, by position.
import { byIndex, directions, recordedColumns, recordedType } from "./recorded.ts"
import type { Direction } from "./recorded.ts"

// A category holds no dash, so the two names make one key.
const isTyped = `(p_types IS NULL OR e.type = ANY (p_types))
        AND (p_typed IS NULL OR e.category = ANY (p_whole) OR (e.category || '-' || e.type) = ANY (p_typed))`
const inRange = "e.position BETWEEN p_low AND p_high"

/**
 * The events from `p_low` to `p_high`, in one direction. The range is looked through: an index on categories would cost
 * every append a sixth, and save those who read a small category in a large log a part of a second a million events.
 *
 * `p_categories` null means all, with the library's own (`$`) only where `p_system`. `p_types` are types of any category;
 * where categories have types of their own, `p_typed` holds "category-type", and `p_whole` those that are wanted whole.
 */
export const readFeed = (schema: string): string => {
  const all = ({ order }: Direction) => `SELECT ${recordedColumns}
      FROM ${schema}.events e
      WHERE ${inRange} AND (p_system OR e.category NOT LIKE '$%') AND ${isTyped}
      ORDER BY e.position ${order} LIMIT p_limit`
  const some = ({ order }: Direction) => `SELECT ${recordedColumns}
      FROM ${schema}.events e
      WHERE ${inRange} AND e.category = ANY (p_categories) AND ${isTyped}
      ORDER BY e.position ${order} LIMIT p_limit`
  const both = (query: (direction: Direction) => string) => `IF p_forwards THEN
      RETURN QUERY ${query(directions.forwards)};
    ELSE
      RETURN QUERY ${query(directions.backwards)};
    END IF;`
  return `
CREATE FUNCTION ${schema}.read_feed(
  p_low bigint, p_high bigint, p_forwards boolean, p_categories text[], p_system boolean, p_types text[], p_typed text[],
  p_whole text[], p_limit int
) RETURNS ${recordedType} LANGUAGE plpgsql ${byIndex} AS $$
#variable_conflict use_column
BEGIN
  IF p_categories IS NULL THEN
    ${both(all)}
  ELSE
    ${both(some)}
  END IF;
END $$`
}
