// A checkpoint, what it stopped on and who holds its lease. Parameters: $1 name.

/** Columns: position, stopped as JSON text, holder, token, whether the lease still runs. */
export const loadCheckpoint = (schema: string): string => `
SELECT position, stopped::text, holder, token, coalesce(lease_until > clock_timestamp(), false)
FROM ${schema}.checkpoints
WHERE name = $1::text`
