// Prolongs a lease from now, by the server's clock. Parameters: $1 name, $2 token, $3 holder, $4 milliseconds.

/** One row, or none when the lease was lost. */
export const renewLease = (schema: string): string => `
UPDATE ${schema}.checkpoints
SET lease_until = clock_timestamp() + $4::float8 * interval '1 millisecond'
WHERE name = $1::text AND token = $2::bigint AND holder = $3::text
RETURNING 1`
