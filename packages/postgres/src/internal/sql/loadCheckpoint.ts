// A checkpoint, what it stopped on and who holds its lease. Parameters: $1 name.

/**
 * Columns: position, stopped as JSON text, holder, token, whether the lease still runs.
 *
 * What runs inline has handled whatever is stored: no append can move a checkpoint of its own, so it is not moved at all.
 */
export const loadCheckpoint = (schema: string): string => `
SELECT CASE WHEN i.checkpoint IS NULL THEN c.position
    ELSE greatest(c.position, (SELECT e.position FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1)) END,
  c.stopped::text, c.holder, c.token, coalesce(c.lease_until > clock_timestamp(), false)
FROM ${schema}.checkpoints c LEFT JOIN ${schema}.inline_projections i ON i.checkpoint = c.name
WHERE c.name = $1::text`
