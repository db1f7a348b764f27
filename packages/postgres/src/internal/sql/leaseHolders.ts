// Who holds leases, by the server's clock. Parameters: $1 names.

/** Columns: the place among the names, the holder. No row where nobody does. */
export const leaseHolders = (schema: string): string => `
SELECT n.place::int, c.holder
FROM unnest($1::text[]) WITH ORDINALITY n(name, place)
JOIN ${schema}.checkpoints c ON c.name = n.name
WHERE c.holder IS NOT NULL AND c.lease_until > clock_timestamp()`
