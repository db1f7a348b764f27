// Gives a lease back; its token stays, so that the next one is greater. Parameters: $1 name, $2 token, $3 holder.

/** One row, or none when the lease was lost. */
export const releaseLease = (schema: string): string => `
UPDATE ${schema}.checkpoints
SET holder = NULL, lease_until = NULL
WHERE name = $1::text AND token = $2::bigint AND holder = $3::text
RETURNING 1`
