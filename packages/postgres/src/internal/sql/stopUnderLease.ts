// Records on what a consumer stopped, if it still holds its lease.
// Parameters: $1 name, $2 what, as JSON text, $3 token, $4 holder.

/** One row, or none when the lease was lost. */
export const stopUnderLease = (schema: string): string => `
UPDATE ${schema}.checkpoints
SET stopped = $2::text::json
WHERE name = $1::text AND token = $3::bigint AND holder = $4::text
RETURNING 1`
