// Moves checkpoints from where they must stand, each under a lease where it has one: all of them or none.
// Parameters: $1 names, $2 from, $3 to, $4 tokens or nulls, $5 holders or nulls, $6 milliseconds or null.

/**
 * A row with the name of each that moved; none when one of them stands elsewhere or its lease was lost.
 *
 * From here to COMMIT the rows are locked, and a process that is stopped just then would hold them for ever: with $6 the
 * server ends a transaction that idles for so long. They are locked in the order of their names, as everything locks them,
 * so that nobody waits in a circle.
 */
export const moveCheckpoints = (schema: string): string => `
WITH move AS (
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) m(name, source, target, token, holder)
), fit AS (
  SELECT c.name FROM ${schema}.checkpoints c JOIN move m ON m.name = c.name
  WHERE c.position = m.source AND (m.token IS NULL OR (c.token = m.token AND c.holder = m.holder))
  ORDER BY c.name FOR UPDATE OF c
)
UPDATE ${schema}.checkpoints c
SET position = m.target, stopped = NULL, moved_at = clock_timestamp()
FROM move m
WHERE c.name = m.name AND (SELECT count(*) FROM fit) = cardinality($1::text[])
RETURNING c.name, CASE WHEN $6::text IS NOT NULL
  THEN set_config('idle_in_transaction_session_timeout', $6::text, true)
END`
