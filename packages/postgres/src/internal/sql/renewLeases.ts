// Prolongs leases from now, by the server's clock. Parameters: $1 names, $2 tokens, $3 holders, $4 milliseconds.

/** A row with the name of each; none when one of them was lost. */
export const renewLeases = (schema: string): string => `
WITH fit AS (
  SELECT c.name, l.duration FROM ${schema}.checkpoints c
  JOIN unnest($1::text[], $2::bigint[], $3::text[], $4::float8[]) l(name, token, holder, duration) ON l.name = c.name
  WHERE c.token = l.token AND c.holder = l.holder
  ORDER BY c.name FOR UPDATE OF c
)
UPDATE ${schema}.checkpoints c
SET lease_until = clock_timestamp() + fit.duration * interval '1 millisecond'
FROM fit
WHERE c.name = fit.name AND (SELECT count(*) FROM fit) = cardinality($1::text[])
RETURNING c.name`
