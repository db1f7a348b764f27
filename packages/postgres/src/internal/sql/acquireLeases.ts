// Takes leases, with tokens that were never used, unless another holder's still runs by the server's clock.
// Parameters: $1 names, $2 holder, $3 milliseconds.

/** Columns: name, token. No row for a lease that somebody else holds. */
export const acquireLeases = (schema: string): string => `
INSERT INTO ${schema}.checkpoints AS held (name, token, holder, lease_until)
SELECT n.name, 1, $2::text, clock_timestamp() + $3::float8 * interval '1 millisecond'
FROM unnest($1::text[]) n(name) ORDER BY n.name COLLATE "C"
ON CONFLICT (name) DO UPDATE
SET token = held.token + 1,
  holder = $2::text,
  lease_until = clock_timestamp() + $3::float8 * interval '1 millisecond',
  stopped = NULL
WHERE held.holder IS NULL OR held.holder = $2::text OR held.lease_until <= clock_timestamp()
RETURNING name, token::float8`
