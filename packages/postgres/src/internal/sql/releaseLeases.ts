// Gives leases back; their tokens stay, so that the next ones are greater. Parameters: $1 names, $2 tokens, $3 holders.

/** A row with the name of each that was still held. */
export const releaseLeases = (schema: string): string => `
WITH fit AS (
  SELECT c.name FROM ${schema}.checkpoints c
  JOIN unnest($1::text[], $2::bigint[], $3::text[]) l(name, token, holder) ON l.name = c.name
  WHERE c.token = l.token AND c.holder = l.holder
  ORDER BY c.name FOR UPDATE OF c
)
UPDATE ${schema}.checkpoints c
SET holder = NULL, lease_until = NULL
FROM fit
WHERE c.name = fit.name
RETURNING c.name`
