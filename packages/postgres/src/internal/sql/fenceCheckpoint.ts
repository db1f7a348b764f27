// Takes the leases of checkpoints from whoever has them: what was about to be committed under them is refused.
// Parameters: $1 names, $2 holder, $3 milliseconds.

/** Columns: name, token. No row for one that is held for ever. */
export const fenceCheckpoint = (schema: string): string => `
INSERT INTO ${schema}.checkpoints AS held (name, token, holder, lease_until)
SELECT n.name, 1, $2::text, clock_timestamp() + $3::float8 * interval '1 millisecond'
FROM unnest($1::text[]) n(name) ORDER BY n.name COLLATE "C"
ON CONFLICT (name) DO UPDATE
SET token = held.token + 1, holder = excluded.holder, lease_until = excluded.lease_until
WHERE held.lease_until IS DISTINCT FROM 'infinity'
RETURNING name, token::float8`
