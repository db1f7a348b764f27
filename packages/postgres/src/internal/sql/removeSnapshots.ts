// Forgets all snapshots of a stream. Parameters: $1 stream.

/** No columns. */
export const removeSnapshots = (schema: string): string => `
DELETE FROM ${schema}.snapshots
WHERE stream = $1::text`
