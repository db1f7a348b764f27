// Which of some leases are still what they were. Parameters: $1 names, $2 tokens, $3 holders.

/** A row with the name of each that is. */
export const heldLeases = (schema: string): string => `
SELECT c.name FROM ${schema}.checkpoints c
JOIN unnest($1::text[], $2::bigint[], $3::text[]) l(name, token, holder) ON l.name = c.name
WHERE c.token = l.token AND c.holder = l.holder`
