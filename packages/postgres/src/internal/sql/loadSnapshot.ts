// The snapshot of a stream for one shape of its state. Parameters: $1 stream, $2 fingerprint.

/** Columns: revision, position, state. */
export const loadSnapshot = (schema: string): string => `
SELECT revision, position, state
FROM ${schema}.snapshots
WHERE stream = $1::text AND fingerprint = $2::text`
