// Takes a lease, with a token that was never used, unless another holder's still runs by the server's clock.
// Parameters: $1 name, $2 holder, $3 milliseconds.

/** Column: the token. No row when somebody else holds the lease. */
export const acquireLease = (schema: string): string => `
INSERT INTO ${schema}.checkpoints AS held (name, token, holder, lease_until)
VALUES ($1::text, 1, $2::text, clock_timestamp() + $3::float8 * interval '1 millisecond')
ON CONFLICT (name) DO UPDATE
SET token = held.token + 1,
  holder = $2::text,
  lease_until = clock_timestamp() + $3::float8 * interval '1 millisecond',
  stopped = NULL
WHERE held.holder IS NULL OR held.holder = $2::text OR held.lease_until <= clock_timestamp()
RETURNING token`
