// Takes the lease of a checkpoint from whoever has it: what was about to be committed under it is refused.
// Parameters: $1 name, $2 holder, $3 milliseconds.

/** Column: the token. No row where it is held for ever. */
export const fenceCheckpoint = (schema: string): string => `
INSERT INTO ${schema}.checkpoints AS held (name, token, holder, lease_until)
VALUES ($1::text, 1, $2::text, clock_timestamp() + $3::float8 * interval '1 millisecond')
ON CONFLICT (name) DO UPDATE
SET token = held.token + 1, holder = excluded.holder, lease_until = excluded.lease_until
WHERE held.lease_until IS DISTINCT FROM 'infinity'
RETURNING token`
