// read_feed(): a page of all streams, or of some categories, by position.
import { byIndex, directions, recordedColumns, recordedType } from "./recorded.ts"
import type { Direction } from "./recorded.ts"

/** As many categories are merged from the index on (category, position); of more, the whole range is looked through. */
const mergedCategories = 8

// A category holds no dash, so the two names make one key.
const isTyped = `(p_types IS NULL OR e.type = ANY (p_types))
        AND (p_typed IS NULL OR e.category = ANY (p_whole) OR (e.category || '-' || e.type) = ANY (p_typed))`
const inRange = "e.position BETWEEN p_low AND p_high"

/**
 * A position as the index on categories holds it: the same number, which no other index knows by this name.
 *
 * Of a category's name the planner knows only how many there are. By the bare position it would take the primary key, and
 * look through everything for the few events of a small category.
 */
export const place = (position: string): string => `${position} + 0`
const inPlace = `${place("e.position")} BETWEEN p_low AND p_high`

/**
 * The events from `p_low` to `p_high`, in one direction.
 *
 * `p_categories` null means all, with the library's own (`$`) only where `p_system`. `p_types` are types of any category;
 * where categories have types of their own, `p_typed` holds "category-type", and `p_whole` those that are wanted whole.
 */
export const readFeed = (schema: string): string => {
  const all = ({ order }: Direction) => `SELECT ${recordedColumns}
      FROM ${schema}.events e
      WHERE ${inRange} AND (p_system OR e.category NOT LIKE '$%') AND ${isTyped}
      ORDER BY e.position ${order} LIMIT p_limit`
  const one = ({ order }: Direction) => `SELECT ${recordedColumns}
      FROM ${schema}.events e
      WHERE e.category = p_categories[1] AND ${inPlace} AND ${isTyped}
      ORDER BY ${place("e.position")} ${order} LIMIT p_limit`
  // Each arm is in order by itself, so that they are merged and not sorted.
  const arms = ({ order }: Direction) =>
    Array.from(
      { length: mergedCategories },
      (_, i) => `(SELECT e.*, ${place("e.position")} AS place FROM ${schema}.events e
        WHERE e.category = p_categories[${i + 1}] AND ${inPlace} AND ${isTyped} ORDER BY place ${order})`
    )
  const some = (direction: Direction) => `SELECT ${recordedColumns}
      FROM (${arms(direction).join(" UNION ALL ")}) e
      ORDER BY e.place ${direction.order} LIMIT p_limit`
  const many = ({ order }: Direction) => `SELECT ${recordedColumns}
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
  ELSIF cardinality(p_categories) = 1 THEN
    ${both(one)}
  ELSIF cardinality(p_categories) <= ${mergedCategories} THEN
    ${both(some)}
  ELSE
    ${both(many)}
  END IF;
END $$`
}
