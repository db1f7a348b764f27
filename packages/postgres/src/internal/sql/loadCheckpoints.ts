// Checkpoints, and what they stopped on. Parameters: $1 names.

/**
 * Columns: the place among the names, position, stopped as JSON text. No row for a name that was never seen.
 *
 * What runs inline has handled whatever is stored: no append can move a checkpoint of its own, so it is not moved at all.
 */
export const loadCheckpoints = (schema: string): string => `
SELECT n.place::int, CASE WHEN i.checkpoint IS NULL THEN c.position
    ELSE greatest(c.position, (SELECT e.position FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1)) END::float8,
  c.stopped::text
FROM unnest($1::text[]) WITH ORDINALITY n(name, place)
JOIN ${schema}.checkpoints c ON c.name = n.name
LEFT JOIN ${schema}.inline_projections i ON i.checkpoint = substring(c.name from '^(.*)/[0-9]+$')`
