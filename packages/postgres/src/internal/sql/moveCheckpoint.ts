// Moves a checkpoint from where it must stand, under a lease where there is one.
// Parameters: $1 name, $2 from, $3 to, $4 token or null, $5 holder or null, $6 milliseconds or null.

/**
 * One row when it moved, none when it stands elsewhere or the lease was lost.
 *
 * From here to COMMIT the row is locked, and a process that is stopped just then would hold it for ever: with $6 the
 * server ends a transaction that idles for so long.
 */
export const moveCheckpoint = (schema: string): string => `
UPDATE ${schema}.checkpoints
SET position = $3::bigint, stopped = NULL, moved_at = clock_timestamp()
WHERE name = $1::text
  AND position = $2::bigint
  AND ($4::bigint IS NULL OR (token = $4::bigint AND holder = $5::text))
RETURNING CASE WHEN $6::text IS NOT NULL
  THEN set_config('idle_in_transaction_session_timeout', $6::text, true)
END`
